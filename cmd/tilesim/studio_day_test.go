package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// beginUnpaired starts the daemon and waits until all is up but the studio, whose
// devices nobody has paired.
func (d *day) beginUnpaired() {
	d.t.Helper()
	d.launch()
	err := d.daemon.ready(d.t.Context(), func(s control.Status) bool { return stocked(s) && upBut("studio")(s) })
	if err != nil {
		d.t.Fatal(err)
	}
}

// pair gives devices of the studio keys of their own, over the socket, and waits
// until the door is up.
func (d *day) pair(devices ...string) {
	d.t.Helper()
	for _, device := range devices {
		steps := 0
		err := d.daemon.act.PairReader(d.t.Context(), control.Pairing{Door: "studio", Device: device}, func(control.Step) error { steps++; return nil })
		if err != nil {
			d.t.Fatalf("pair %s: %v", device, err)
		}
		if steps == 0 {
			d.t.Errorf("whoever paired %s was told nothing of how it went", device)
		}
	}
	d.up("studio")
}

// listed is a device of a door as tilegate reader list has it.
func (d *day) listed(door, device string) control.Reader {
	d.t.Helper()
	all, err := d.daemon.view.Readers(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, one := range all {
		if one.Door == door && one.Name == device {
			return one
		}
	}
	d.t.Fatalf("there is no %s of %s", device, door)
	return control.Reader{}
}

// unheard holds something to a tile that is not believed, and demands that nothing
// comes of it.
func (d *day) unheard(door, value string) {
	d.t.Helper()
	before, openings := d.last(), d.openings(door)
	away := d.show(door, value)
	defer away()
	time.Sleep(time.Second) // nothing is waited for; only too short a time would hide something
	if got := d.events("decision", before); len(got) > 0 {
		d.t.Errorf("a tile that is not believed was heard: %v at %s", got[0].Reason, got[0].Door)
	}
	if got := d.openings(door); got != openings {
		d.t.Errorf("a tile that is not believed unlocked %s", door)
	}
}

// TestAReaderIsBelievedOnceItWasPaired, and by a daemon that was started anew
// without pairing it again. What was held to it before opens nothing later.
func TestAReaderIsBelievedOnceItWasPaired(t *testing.T) {
	d := newDay(t, "studio")
	d.beginUnpaired()
	studio := d.doors["studio"]
	for _, device := range []string{"in", "strike"} {
		if got := d.listed("studio", device); got.Up || got.Secure || !got.Pairable {
			t.Errorf("%s before it was paired: up %t, secure %t, pairable %t; want false, false, true", device, got.Up, got.Secure, got.Pairable)
		}
	}
	d.told("reader_down", "studio", "no key of its own", "tilegate reader pair")
	d.unheard("studio", cardAnn)
	d.pair("in", "strike")
	if got := len(d.events("decision", 1)); got != 0 || d.openings("studio") != 0 {
		t.Errorf("%d decisions about what was held to the reader before it was paired", got)
	}
	for device, identity := range map[string]string{"in": "serial 51300000", "strike": "serial 51300001"} {
		if got := d.listed("studio", device); !got.Secure || !strings.Contains(got.Identity, identity) {
			t.Errorf("%s: secure %t, identity %q; want secure, %q", device, got.Secure, got.Identity, identity)
		}
	}
	d.over("reader_down", "studio")
	d.tap("studio", cardAnn, access.Granted)
	d.locked("studio")

	d.stop()
	d.begin()
	d.tap("studio", cardAnn, access.Granted)
	for _, reader := range []*hwtest.OSDPReader{studio.reader, studio.inside} {
		if seen := reader.Seen(); seen.KeysSet != 1 || !reader.Secure() {
			t.Errorf("after a restart: %d keys were set, secure %t; want 1, true", seen.KeysSet, reader.Secure())
		}
	}
}

// TestALineThatComesBackUnderAnotherNumberIsTakenUp: the adapter is pulled and put
// in again, and another device has taken its number meanwhile.
func TestALineThatComesBackUnderAnotherNumberIsTakenUp(t *testing.T) {
	d := newDay(t, "studio")
	d.beginUnpaired()
	d.pair("in", "strike")
	plug := d.plug("studio-line")
	number, err := os.Readlink(plug.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := plug.Unplug(); err != nil {
		t.Fatal(err)
	}
	d.told("reader_down", "studio", "studio-line")
	d.told("strike_down", "studio", "stays locked")
	other, err := hwtest.OpenPTY(filepath.Join(d.dir, "dev", "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // only its number was wanted
	if err := plug.Replug(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	if now, err := os.Readlink(plug.Path()); err != nil || now == number {
		t.Fatalf("the line is %s as before (%v): nothing is proved", now, err)
	}
	d.up("studio")
	healed := time.Since(back)
	t.Logf("up again %v after the return", healed.Round(10*time.Millisecond))
	if healed > patience/2 {
		t.Errorf("up again after %v; 5 s are the aim on a quiet machine", healed)
	}
	d.tap("studio", cardAnn, access.Granted)
	if seen := d.doors["studio"].reader.Seen(); seen.KeysSet != 1 {
		t.Errorf("%d keys were set, want 1: healing pairs nothing", seen.KeysSet)
	}
}

// TestASwappedReaderOpensNothing: another reader at the same address, which takes
// any key, is refused until somebody pairs it.
func TestASwappedReaderOpensNothing(t *testing.T) {
	d := newDay(t, "studio")
	d.beginUnpaired()
	d.pair("in", "strike")
	d.tap("studio", cardAnn, access.Granted)
	d.locked("studio")
	reader := d.doors["studio"].reader
	reader.Swap(stranger())
	d.told("reader_down", "studio", "another device answers in its place", "tilegate reader pair")
	if d.trouble("strike_down", "studio") != nil {
		t.Error("the strike is in trouble, though only the reader was swapped")
	}
	d.unheard("studio", cardAnn)
	if reader.Paired() {
		t.Error("the stranger was given a key by itself")
	}
	d.pair("in")
	if got := d.listed("studio", "in"); !got.Secure || !strings.Contains(got.Identity, "serial 0BADC0DE") {
		t.Errorf("secure %t, identity %q; want secure, the new reader's", got.Secure, got.Identity)
	}
	d.tap("studio", cardAnn, access.Granted)
}

// TestFireQuietsADoorThatStandsOpen: while the fire panel has freed the doors, one
// that stands open is no alarm; when it is over, it is.
func TestFireQuietsADoorThatStandsOpen(t *testing.T) {
	d := newDay(t, "front", "studio")
	const contact = 7
	d.edit("[control]\n", `[[input]]
id = "fire-panel"
role = "fire"
device = { driver = "modbus", port = "`+d.dir+`/dev/front-relay", channel = 7, normally = "open" }

[control]
`)
	d.beginUnpaired()
	d.pair("in", "strike")
	board := d.doors["front"].board.(*hwtest.ModbusBoard)
	board.Input(contact, true)
	d.told("fire", "fire-panel", "no alarm is raised")
	before := d.last()
	d.doors["studio"].leaf(true)
	d.until("the door is seen to stand open", func() bool { return d.door("studio").Contact == "open" })
	time.Sleep(7 * time.Second) // longer than held_after
	board.Input(contact, false)
	d.over("fire", "fire-panel")
	d.told("door_held", "studio", "stood open")
	var order []string
	for _, e := range d.events("alarm", before) {
		if alarm, _, _ := access.AlarmOf(e.Detail); alarm != access.InputLost { // which ends at leisure after the pairing
			order = append(order, e.Detail)
		}
	}
	if got, want := strings.Join(order, ", "), access.Fire.Detail(false)+", "+access.HeldOpen.Detail(true); got != want {
		t.Errorf("alarms: got %q, want %q", got, want)
	}
	if got := d.openings("studio"); got != 0 {
		t.Errorf("the fire panel moved the strike %d times, want never: it acts in hardware", got)
	}
	d.doors["studio"].leaf(false)
	d.over("door_held", "studio")
}
