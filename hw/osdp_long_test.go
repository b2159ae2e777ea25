package hw_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// What takes long on a line of OSDP readers. It waits far more than it works, so all
// of it runs at once.
func TestOSDPOverALongTime(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for name, test := range map[string]func(*testing.T){
		"ReaderThatIsBusyForEverGoesDownAndHeals":            testBusyForEver,
		"AdapterThatWasUnpluggedHealsAlsoUnderAnotherNumber": testUnpluggedAdapter,
		"MuteLineIsOpenedAnew":                               testMuteLine,
		"DeadReaderDoesNotSlowItsNeighbours":                 testDeadNeighbour,
		"WhatCannotBeMovedStays":                             testStays,
		// Ten thousand taps are in osdp_soak_norace_test.go.
		"SoakOfEightSecureReadersOnABadLine": func(t *testing.T) { soak(t, 1_600) },
	} {
		all.Go(func() { t.Run(name, test) })
	}
}

// F-33: BUSY for ever is not the neighbour's trouble.
func testBusyForEver(t *testing.T) {
	busy, well := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	l := paired(t, busy, well)
	stuck, tile := l.tile(0, ""), l.tile(1, `as = "uid"`)
	busy.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPBusy})
	for i := 0; stuck.Stats().Up; i++ {
		tile.show(well, fmt.Sprintf("04000000%04x80", i))
		awaits(t, "the neighbour is read", func() bool { return len(tile.all()) == i+1 })
		time.Sleep(250 * time.Millisecond) // and so no card comes faster than a hand
		if i > 100 {
			t.Fatal("still up after 100 cards at the neighbour")
		}
	}
	if s := stuck.Stats(); s.Drops["busy"] == 0 || s.Err == "" {
		t.Errorf("got %+v", s)
	}
	busy.Mend()
	stuck.up()
}

// F-30.
func testUnpluggedAdapter(t *testing.T) {
	r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1)
	l := paired(t, r, other)
	tile, second := l.tile(0, `as = "uid"`), l.tile(1, `as = "uid"`)
	tile.show(r, cardA)
	tile.want(cardA)
	for _, away := range []time.Duration{300 * time.Millisecond, 9 * time.Second} { // the readers forget us after 8 s
		if err := l.port.Unplug(); err != nil {
			t.Fatal(err)
		}
		if s := tile.down(); s.Err == "" {
			t.Errorf("got %+v", s)
		}
		time.Sleep(away)
		back := time.Now()
		if err := l.port.Replug(); err != nil { // a new terminal behind the same name
			t.Fatal(err)
		}
		tile.up()
		second.up()
		if took := time.Since(back); took > 8*time.Second {
			t.Errorf("away for %s: up again after %s, want 5 s", away, took)
		} else {
			t.Logf("away for %s: up again after %s", away, took)
		}
	}
	tile.show(r, cardB)
	second.show(other, cardA)
	tile.want(cardA, cardB)
	second.want(cardA)
	if s := tile.Stats(); s.Reopens < 2 {
		t.Errorf("got %d openings, want two more at least", s.Reopens)
	}
}

// A line on which nobody answers is opened anew: some adapters hang until then.
func testMuteLine(t *testing.T) {
	r := hwtest.NewOSDPReader(0)
	l := paired(t, r)
	tile := l.tile(0, `as = "uid"`)
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	tile.down()
	for end := time.Now().Add(60 * time.Second); tile.Stats().Steps["reopen"] == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not opened anew within a minute")
		}
	}
	r.Mend()
	tile.up()
	tile.show(r, cardA)
	tile.want(cardA)
}

// F-30, I9: a dead reader does not take the line from its neighbours.
func testDeadNeighbour(t *testing.T) {
	var readers []*hwtest.OSDPReader
	for address := range byte(4) {
		readers = append(readers, hwtest.NewOSDPReader(address))
	}
	l := paired(t, readers...)
	tile := l.tile(0, "as = \"uid\"\nhold_off = \"0s\"")
	for address := 1; address < 4; address++ {
		l.tile(address, "")
	}
	measure := func() time.Duration {
		var all []time.Duration
		for range 25 {
			n := len(tile.all())
			tile.show(readers[0], cardA)
			shown := time.Now()
			awaits(t, "read", func() bool { return len(tile.all()) > n })
			all = append(all, tile.all()[n].At.Sub(shown))
			time.Sleep(170 * time.Millisecond)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	alive := measure()
	readers[3].Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	dead := measure()
	t.Logf("card to read, median: %s with all alive, %s with one dead", alive, dead)
	if dead > 2*alive+50*time.Millisecond {
		t.Errorf("card to read, median: %s with all alive, %s with one dead", alive, dead)
	}
}

func testStays(t *testing.T) {
	r, other, dead := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(1), hwtest.NewOSDPReader(2)
	l := paired(t, r, other, dead)
	tile, _ := l.tile(0, `as = "uid"`), l.tile(1, "")
	gone := l.tile(2, "")
	dead.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	gone.down()
	move := tile.Reader.(hw.Mover).Move
	for want, to := range map[string][2]int{
		"taken": {1, 9600}, "0 to 126": {127, 9600}, "use one of": {0, 1200}, "left behind": {0, 115200},
	} {
		if err := move(t.Context(), to[0], to[1], func(string) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to %v: got %v, want %q", to, err, want)
		}
	}
	if err := gone.Reader.(hw.Mover).Move(t.Context(), 9, 9600, func(string) {}); err == nil {
		t.Error("a reader that does not answer was moved")
	}
	r.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPRefuse, On: 0x6E, Code: 9, Times: 1})
	if err := move(t.Context(), 7, 9600, func(string) {}); err == nil {
		t.Error("a reader that refused: got no error")
	}
	tile.show(r, cardA)
	tile.want(cardA)
	if address, baud := r.Set(); address != 0 || baud != 9600 {
		t.Errorf("it is at %d, %d baud", address, baud)
	}
}
