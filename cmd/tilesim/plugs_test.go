package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// outcome waits for what the strike did about a decision.
func (d *day) outcome(decision access.Event) access.Event {
	d.t.Helper()
	var found access.Event
	d.until("an outcome of the tap", func() bool {
		for _, e := range d.events("outcome", decision.Seq) {
			if e.Ref == decision.ID {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// tapInVain taps at the front, is let in by the rights, and stays outside.
func (d *day) tapInVain(value string) access.Event {
	d.t.Helper()
	before, heard := d.last(), len(d.lamps())
	d.show("front", value)
	d.until("the tap is decided", func() bool { return len(d.events("decision", before)) == 1 })
	decision := d.events("decision", before)[0]
	if decision.Reason != access.Granted {
		d.t.Errorf("a member's tap: got %v, want granted", decision.Reason)
	}
	if got := d.outcome(decision).Detail; !strings.HasPrefix(got, "strike: ") {
		d.t.Errorf("the outcome says %q, want it to say what became of the strike", got)
	}
	d.until("the tile shows something", func() bool { return len(d.lamps()) > heard })
	if shown := d.lamps()[heard:]; bytes.Contains(shown, []byte(lampGreen)) {
		d.t.Errorf("the tile showed %q although the door stayed locked", shown)
	}
	return decision
}

// TestWhatIsUnpluggedIsToldAndHeals pulls the plugs of a tile and of a relay
// board: people are told what to do, the other door goes on, and what was tapped
// meanwhile is not made up for.
func TestWhatIsUnpluggedIsToldAndHeals(t *testing.T) {
	d := newDay(t)
	d.begin()
	plugs := []*hwtest.PTY{d.plug("front-relay"), d.plug("lab-tile")}
	for _, plug := range plugs {
		if err := plug.Unplug(); err != nil {
			t.Fatal(err)
		}
	}
	d.told("strike_down", "front", "stays locked", "Check its cable and power", "front-relay")
	d.told("reader_down", "lab", "cannot be heard", "Check its cable and power", "lab-tile")
	if line := d.status().Line; !strings.Contains(line, "Strike does not answer (front)") {
		t.Errorf("the status line says %q", line)
	}
	if d.number(`tilegate_reader_up{door="lab",reader="in"}`) != 0 || d.number(`tilegate_strike_up{door="front"}`) != 0 {
		t.Error("the numbers say that what is unplugged is up")
	}

	d.tapInVain(cardAnn)
	d.tapInVain(codeBen)
	if got := d.number(`tilegate_strike_faults_total{door="front"}`); got != 2 {
		t.Errorf("strike faults: got %v, want 2", got)
	}

	for _, plug := range plugs {
		if err := plug.Replug(); err != nil {
			t.Fatal(err)
		}
	}
	d.over("strike_down", "front")
	d.over("reader_down", "lab")
	d.tap("lab", cardAnn, access.Granted)
	d.tap("front", cardEve, access.Granted)
	if got := d.openings("front"); got != 1 {
		t.Errorf("the front unlocked %d times, want once, for who tapped after the return", got)
	}
	if got := d.number(`tilegate_port_reopens_total{device="reader",door="lab"}`); got != 1 {
		t.Errorf("reopened ports: got %v, want 1", got)
	}
}

// TestADeadBoardIsNotGreen: the cable is there, and nobody answers at its end.
func TestADeadBoardIsNotGreen(t *testing.T) {
	d := newDay(t)
	d.begin()
	front := d.doors["front"]
	front.board.SetFault(hwtest.Dead)
	d.tapInVain(cardAnn)
	d.told("strike_down", "front", "stays locked", "Check its cable and power")
	d.tapInVain(codeBen)
	front.board.SetFault(hwtest.Healthy)
	d.over("strike_down", "front")
	d.tap("front", cardEve, access.Granted)
	if got := d.openings("front"); got != 1 {
		t.Errorf("the front unlocked %d times, want once, for who tapped after the return", got)
	}
	d.until("the tile is green", func() bool { return bytes.HasSuffix(d.lamps(), []byte(lampGreen)) })
}

// TestPortsThatCannotBeHadAtStart: one is held by another program, one does not
// exist. The gateway starts all the same, says so, and takes them up by itself.
func TestPortsThatCannotBeHadAtStart(t *testing.T) {
	d := newDay(t)
	labRelay := d.plug("lab-relay")
	holder, err := os.OpenFile(d.plug("front-tile").Path(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close() //nolint:errcheck // closed below already when all goes well
	if err := unix.Flock(int(holder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if err := labRelay.Unplug(); err != nil {
		t.Fatal(err)
	}
	systemd := newFakeSystemd(t, d.dir)
	start := time.Now()
	d.launch(systemd.environment()...)
	systemd.expect("READY=1")
	if took := time.Since(start); took > patience/2 {
		t.Errorf("ready after %v; a port must hold up nothing", took)
	}
	if err := d.daemon.ready(t.Context(), func(s control.Status) bool { return s.Counts.Credentials > 0 }); err != nil {
		t.Fatal(err)
	}
	d.told("reader_down", "front", "front-tile", "fuser -v", "opened by itself")
	d.told("strike_down", "lab", "lab-relay", "is it plugged in and powered?")

	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if err := labRelay.Replug(); err != nil {
		t.Fatal(err)
	}
	d.over("reader_down", "front")
	d.over("strike_down", "lab")
	d.tap("front", codeBen, access.Granted)
	d.tap("lab", cardAnn, access.Granted)
}
