package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// What a door does when the settings do not say.
const (
	defaultHold        = 5 * time.Second
	defaultHeldAfter   = time.Minute
	defaultHeldWarning = 15 * time.Second
)

// doors checks every [[door]], alone and against the others.
func (c *checker) doors(file *settings) {
	ids, locks := map[string]string{}, map[int64]string{}
	var uses []use
	for _, t := range file.Doors {
		door := doorTable{Hold: defaultHold, HeldAfter: defaultHeldAfter, HeldWarning: defaultHeldWarning}
		_ = c.decode(t, &door) // what is wrong is noted
		if c.name(t.path+".id", door.ID, "front") {
			c.once(ids, door.ID, t.path+".id", "each door needs its own", "another door has this id")
		}
		if door.KisiLock != nil {
			c.lock(t.path+".kisi_lock", *door.KisiLock, locks, file.Kisi.present())
		}
		c.policy(t.path, &door)
		c.doorway(t, &door)
		checked := c.door(t.path, &door)
		uses = append(uses, c.devices(t.path, &door, &checked)...)
		c.options.Doors = append(c.options.Doors, checked)
	}
	uses = append(uses, c.inputs(file.Inputs)...)
	c.ports(uses)
	if len(file.Doors) == 0 {
		c.warn("no [[door]]: this gateway mirrors rights and opens nothing")
	}
}

func (c *checker) warn(text string, args ...any) {
	c.options.Warnings = append(c.options.Warnings, fmt.Sprintf(text, args...))
}

// once notes a value that was there before. seen maps values to where.
func (c *checker) once(seen map[string]string, value, key, hint, what string) {
	if first, twice := seen[value]; twice {
		c.blame(key, hint, "%s, on line %d", what, c.line(first))
		return
	}
	seen[value] = key
}

func (c *checker) lock(key string, lock int64, seen map[int64]string, kisi bool) {
	switch first, twice := seen[lock]; {
	case lock <= 0:
		c.blame(key, "it is the number in the address of the lock's page in Kisi", "%d is not the number of a lock", lock)
	case twice:
		c.blame(key, "a lock of Kisi is one door here", "lock %d is already the door on line %d", lock, c.line(first))
	case !kisi:
		c.blame(key, "add [kisi], or leave kisi_lock away", "there is no Kisi to know lock %d", lock)
	default:
		seen[lock] = key
	}
}

func (c *checker) policy(path string, door *doorTable) {
	c.within(path+".hold", door.Hold, hw.MinPulse, hw.MaxPulse)
	c.within(path+".passback", door.Passback, 0, 24*time.Hour)
	if door.AskPIN && len(door.Reader) == 0 {
		c.blame(path+".ask_pin", "add a reader with keys, or leave it away", "the door has no reader to type a PIN at")
	}
	if door.PassbackRefuses && door.Passback == 0 {
		c.blame(path+".passback_refuses", `add passback = "5m", or leave it away`, "there is no passback to refuse by")
	}
	if door.HighSecurity && door.Residential {
		c.blame(path+".residential", "leave one of them away",
			"a home is never refused for old rights, a high_security door always: it cannot be both")
	}
}

func (c *checker) door(path string, door *doorTable) Door {
	checked := Door{
		ID: door.ID, Name: firstOf(door.Name, door.ID), Hold: door.Hold, ExtendedHold: max(door.Hold, door.ExtendedHold),
		Interior: door.Interior, RelockOnOpen: door.RelockOnOpen, ForcedAlarm: forcedAlarm(door), HeldAfter: door.HeldAfter, HeldWarning: door.HeldWarning,
		UnlockSchedules: door.UnlockSchedules != nil && *door.UnlockSchedules, UnlockUnsaid: door.UnlockSchedules == nil,
		Policy: access.Policy{
			Door: door.ID, Name: firstOf(door.Name, door.ID),
			MinimumAssurance: access.MediumAssured,
			AskPIN:           door.AskPIN,
			HighSecurity:     door.HighSecurity,
			Residential:      door.Residential,
			Passback:         door.Passback,
			PassbackRefuses:  door.PassbackRefuses,
			Zone:             c.options.Site.Zone.String(),
		},
	}
	if door.MinimumAssurance != nil {
		checked.Policy.MinimumAssurance = *door.MinimumAssurance
	}
	if door.KisiLock != nil {
		checked.Lock = "kisi:" + strconv.FormatInt(*door.KisiLock, 10)
	}
	if !door.Strike.present() {
		c.blame(path+".strike", `add strike = { driver = "…", port = "…" }; without one the door cannot open`, "missing")
	}
	if len(door.Reader) == 0 {
		c.warn("door %s has no reader: it opens only when somebody asks from elsewhere", door.ID)
	}
	return checked
}

// use is a device on a port.
type use struct {
	key string // of the device in the file
	hw.PortUse
}

// planned is a device that was checked, whatever it is.
type planned interface{ Port() hw.PortUse }

// devices checks everything that is wired to a door and returns the ports.
func (c *checker) devices(path string, door *doorTable, checked *Door) (uses []use) {
	names := map[string]string{}
	for i, t := range door.Reader {
		reader := readerTable{Name: "in"}
		if i > 0 {
			reader.Name = ""
		}
		c.own(t, &reader, "name", "power")
		if c.name(t.path+".name", reader.Name, "out") {
			c.once(names, reader.Name, t.path+".name", "each reader of a door needs its own", "another reader has this name")
		}
		tile := Reader{
			Name:  reader.Name,
			Plan:  wired(c, &uses, t.without("name", "power"), c.reader),
			Power: wired(c, &uses, reader.Power, c.strike),
		}
		checked.Readers = append(checked.Readers, tile)
	}
	checked.Strike = wired(c, &uses, door.Strike, c.strike)
	checked.Contact = wired(c, &uses, door.Contact, c.input)
	checked.ExitButton = wired(c, &uses, door.ExitButton, c.input)
	checked.Tamper = wired(c, &uses, door.Tamper, c.input)
	return uses
}

// own decodes the keys of a table that are not its driver's.
func (c *checker) own(t table, into any, keys ...string) {
	own := map[string]any{}
	for _, key := range keys {
		if t.has(key) {
			own[key] = t.keys[key]
		}
	}
	c.fillStruct(t.path, own, settable(into))
}

// wired checks a device against its driver and notes the port that it uses. A
// table that is not there is no device.
func wired[P planned](c *checker, uses *[]use, t table, check func(string, hw.Decode) (P, error)) (none P) {
	if !t.present() {
		return none
	}
	driver, ok := c.driver(t)
	if !ok {
		return none
	}
	before := len(c.mistakes)
	plan, err := check(driver, hw.Decode(c.handOver(t.without("driver"))))
	if c.blameAll(t.path, err, before); err != nil {
		return none
	}
	if careful, ok := any(plan).(hw.Cautioner); ok && careful.Caution() != "" {
		c.warn("line %d: %s", c.line(t.path), careful.Caution())
	}
	*uses = append(*uses, use{t.path, plan.Port()})
	return plan
}

// driver is the name of the driver of a device.
func (c *checker) driver(t table) (string, bool) {
	switch name := t.keys["driver"].(type) {
	case string:
		c.secrets(t)
		return name, true
	case nil:
		c.blame(t.path+".driver", `say which kind of device it is, as in driver = "line"`, "missing")
	default:
		c.wrongKind(t.path+".driver", name, "text in quotes")
	}
	return "", false
}

// handOver is the decoder that a driver or a source is given for its table.
func (c *checker) handOver(t table) func(any) error {
	return func(into any) error { return c.decode(t, into) }
}

// blameAll notes what a driver or a source says against its table. What its
// decoder noted, since there were so many mistakes, is not said again.
func (c *checker) blameAll(key string, err error, before int) {
	if err == nil || (errors.Is(err, errNoted) && len(c.mistakes) > before) {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // only a join on the outside is taken apart
		for _, one := range joined.Unwrap() {
			c.blameAll(key, one, before)
		}
		return
	}
	c.blame(key, "", "%v", err)
}

// ports checks that devices which share a port can.
func (c *checker) ports(uses []use) {
	first, devices := map[string]use{}, map[string]use{}
	addresses := map[string]string{}
	for _, u := range uses {
		path := u.Settings.Path
		if path == "" {
			continue
		}
		other, shared := first[path]
		if !shared {
			first[path] = u
			c.stable(u)
		} else if !c.alike(u, other) {
			continue
		}
		c.once(addresses, strings.Join([]string{path, u.Protocol, u.Address}, "\n"), u.key,
			"give each device its own address or channel, or its own port",
			fmt.Sprintf("%s on %s is already taken", firstOf(u.Address, "all"), path))
		c.tied(u, devices)
	}
}

// tied checks that all that hangs on one device ties it alike.
func (c *checker) tied(u use, devices map[string]use) {
	if u.Device == "" {
		return
	}
	device := u.Settings.Path + "\n" + u.Device
	other, shared := devices[device]
	if !shared {
		devices[device] = u
	} else if other.Tie != u.Tie {
		c.blame(u.key, "say the same in both", "%s on %s has here %s, and on line %d %s", u.Device, u.Settings.Path, u.Tie, c.line(other.key), other.Tie)
	}
}

// stable warns of a name that another device may have after the next replug.
func (c *checker) stable(u use) {
	path := u.Settings.Path
	if strings.HasPrefix(path, "/dev/ttyUSB") || strings.HasPrefix(path, "/dev/ttyACM") {
		c.warn("line %d: %s may be another device after a replug; use its name below /dev/serial/by-id or by-path", c.line(u.key), path)
	}
}

// alike says whether two devices can be on one port.
func (c *checker) alike(u, other use) bool {
	path, line := u.Settings.Path, c.line(other.key)
	switch {
	case u.Protocol != other.Protocol:
		c.blame(u.key, "give it a port of its own", "%s speaks %s here and %s on line %d", path, u.Protocol, other.Protocol, line)
	case u.Settings != other.Settings:
		c.blame(u.key, "give both the same speed, parity and bits", "%s has other line settings on line %d", path, line)
	case u.Address == "" || other.Address == "":
		c.blame(u.key, "give each a port of its own", "%s is already used on line %d, and %s has no addresses", path, line, u.Protocol)
	default:
		return true
	}
	return false
}

// settable is the struct that a pointer points to.
func settable(into any) reflect.Value { return reflect.ValueOf(into).Elem() }
