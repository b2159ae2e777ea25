package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// askPatience is how long a person waits for a door that is busy.
const askPatience = 5 * time.Second

// Doors lists the doors of this gateway.
func (g *gateway) Doors(context.Context) ([]control.Door, error) {
	snapshot := g.rights.Load()
	var all []control.Door
	for _, d := range g.doors.all() {
		door := control.Door{
			ID: d.id, Name: snapshot.DoorName(d.id), Lock: d.settings.Lock, Posture: postureOf(snapshot, d.door),
			Strike: device(d.strike.Stats(), d.settings.Strike.Port()),
		}
		for i, t := range d.tiles {
			reader := device(t.reader.Stats(), d.settings.Readers[i].Plan.Port())
			reader.Name = t.name
			door.Readers = append(door.Readers, reader)
		}
		d.describeSenses(&door)
		g.describePostures(&door)
		if last := d.last.Load(); last != nil {
			door.LastTap, door.LastWhat = last.at, last.reason.String()
		}
		all = append(all, door)
	}
	return all, nil
}

// describeSenses tells what the door knows beside its tiles.
func (d *openDoor) describeSenses(view *control.Door) {
	ports := map[string]hw.PortUse{}
	for _, wired := range inputsOf(d.settings) {
		if wired.plan != nil {
			ports[wired.name] = wired.plan.Port()
		}
	}
	seen := d.look()
	for _, in := range d.inputs {
		one := device(in.Stats(), ports[in.name])
		one.Name = in.name
		view.Inputs = append(view.Inputs, one)
		if in.name == contactInput {
			view.Contact = leafWord(seen.contact)
		}
	}
	for _, n := range seen.alarms {
		if n.on {
			view.Alarms = append(view.Alarms, control.Alarm{Alarm: n.alarm, Of: n.subject, Since: n.since})
		}
	}
	switch seen.stands {
	case standsHeld:
		view.Held, view.HeldBy = seen.until, seen.heldBy
	case standsUnlocked:
		view.Unlocked, view.Hours = seen.until, seen.kind.String()
	case standsLocked:
		view.HeldNot = seen.waits
	}
}

// leafWord is how the leaf of a door stands by its contact.
func leafWord(l hw.Level) string {
	switch l {
	case hw.LevelNormal:
		return "closed"
	case hw.LevelActive:
		return "open"
	case hw.LevelUnknown, hw.LevelFault:
	}
	return l.String()
}

func device(s hw.Stats, use hw.PortUse) control.Device {
	d := control.Device{
		Driver: use.Protocol, Port: use.Settings.Path, Up: s.Up, Since: s.Since, Err: s.Err, Reopens: s.Reopens, Frames: s.Frames,
	}
	for _, n := range s.Drops {
		d.Drops += n
	}
	return d
}

// findDoor is a running door, or an error that lists them.
func (g *gateway) findDoor(id string) (*openDoor, error) {
	if d := g.doors.find(id); d != nil {
		return d, nil
	}
	var known []string
	for _, d := range g.doors.all() {
		known = append(known, d.id)
	}
	return nil, &control.Error{
		Code: control.NotFound, Message: fmt.Sprintf("door %q is not one of this gateway's", id),
		Hint: "it has: " + cmp.Or(strings.Join(known, ", "), "none"),
	}
}

// OpenDoor pulses the strike once.
func (g *gateway) OpenDoor(ctx context.Context, caller control.Caller, order control.Opening) (control.Opened, error) {
	d, err := g.findDoor(order.Door)
	if err != nil {
		return control.Opened{}, err
	}
	a, err := d.ask(ctx, ask{actor: caller.Name, anyway: order.Anyway})
	switch {
	case err != nil:
		return control.Opened{}, err
	case errors.Is(a.err, errLockedDown):
		return control.Opened{}, &control.Error{
			Code: control.Conflict, Message: g.shutWords(d.id) + ", and nobody is to enter",
			Hint: "if it must be: tilegate door open " + d.id + " --anyway",
		}
	case a.err != nil:
		return control.Opened{}, fmt.Errorf("door %s: %w", d.id, a.err)
	}
	return control.Opened{Door: d.id, Hold: a.hold, Event: a.event}, nil
}

// ask puts a wish to the loop of the door and waits for what came of it.
func (d *door) ask(ctx context.Context, a ask) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	reply := make(chan answer, 1)
	a.reply, a.gone = reply, ctx.Done()
	select {
	case d.asks <- a:
	case <-ctx.Done():
		return answer{}, fmt.Errorf("door %s is busy: %w", d.id, ctx.Err())
	}
	select {
	case got := <-reply:
		return got, nil
	case <-ctx.Done():
		return answer{}, fmt.Errorf("door %s did not answer: %w", d.id, ctx.Err())
	}
}

// TestDoor tries the parts of a door without waiting for a member: it shows both
// signals, unlocks once, and where there is a contact waits for somebody to open
// the door meanwhile.
func (g *gateway) TestDoor(ctx context.Context, caller control.Caller, id string) ([]cloud.CheckLine, error) {
	d, err := g.findDoor(id)
	if err != nil {
		return nil, err
	}
	var report checks
	d.testTiles(ctx, &report)
	for _, in := range d.inputs {
		report.add(in.name+" is heard", downError(in.Stats()), "")
	}
	a, err := d.ask(ctx, ask{actor: caller.Name + " (test)"})
	if err == nil {
		err = a.err
	}
	report.add("strike unlocks", err, fmt.Sprintf("listen: it locks again after %v", d.hold))
	if d.settings.Contact != nil && err == nil {
		report.add("contact sees the door open", d.awaitOpening(ctx), "shut it again")
	}
	err = nil
	if d.settings.Lock != "" && !g.rights.Load().HasDoor(id) {
		err = errors.New("the cloud has not named this lock yet; sync first")
	}
	report.add("rights know this door", err, "")
	return report, nil
}

// checks is a report in the making.
type checks []cloud.CheckLine

func (c *checks) add(what string, err error, note string) {
	line := cloud.CheckLine{What: what, OK: err == nil, Note: note}
	if err != nil {
		line.Note = err.Error()
	}
	*c = append(*c, line)
}

func (d *openDoor) testTiles(ctx context.Context, report *checks) {
	if len(d.tiles) == 0 {
		report.add("reader", nil, "this door has none")
	}
	for i, t := range d.tiles {
		s := t.reader.Stats()
		note := fmt.Sprintf("%d frames so far", s.Frames)
		if s.Secure {
			note += ", under a key of its own"
		}
		report.add("reader "+t.name+" is heard", downError(s), note)
		if s.Tampered {
			report.add("reader "+t.name+" is on its wall", errors.New("its tamper switch is open"), "")
		}
		report.add("tile "+t.name+" shows green, then red", testSignals(ctx, t.reader), "look at the tile")
		if d.settings.Readers[i].Power != nil {
			report.add("power relay of reader "+t.name+" answers", downError(t.power.Stats()), "")
		}
	}
}

// awaitOpening waits for the contact, as long as the strike is unlocked.
func (d *openDoor) awaitOpening(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, d.hold+time.Second)
	defer cancel()
	for look := time.NewTicker(50 * time.Millisecond); ; {
		switch d.look().contact {
		case hw.LevelActive:
			look.Stop()
			return nil
		case hw.LevelUnknown, hw.LevelNormal, hw.LevelFault:
		}
		select {
		case <-look.C:
		case <-within.Done():
			look.Stop()
			return errors.New("nobody opened the door while it was unlocked, or the contact did not see it")
		}
	}
}

func downError(s hw.Stats) error {
	if s.Up {
		return nil
	}
	if s.Err == "" {
		return errors.New("not open yet")
	}
	return errors.New(s.Err)
}

func testSignals(ctx context.Context, reader hw.Reader) error {
	signaler, ok := reader.(hw.Signaler)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	if err := signaler.Signal(ctx, hw.Notice{Signal: hw.SignalGranted}); err != nil {
		return err
	}
	return signaler.Signal(ctx, hw.Notice{Signal: hw.SignalRefused})
}
