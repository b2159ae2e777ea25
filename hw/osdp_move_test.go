package hw_test

import (
	"strings"
	"testing"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func TestAReaderIsSentToAnotherAddressAndItsLineToAnotherSpeed(t *testing.T) {
	t.Parallel()
	r, other := hwtest.NewOSDPReader(0), hwtest.NewOSDPReader(5)
	l := paired(t, r, other)
	tile, second := l.tile(0, `as = "uid"`), l.tile(5, `as = "uid"`)
	var steps []string
	say := func(step string) { steps = append(steps, step) }
	if err := tile.Reader.(hw.Mover).Move(t.Context(), 3, 115200, say); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[byte]*hwtest.OSDPReader{3: r, 5: other} {
		awaits(t, "moved", func() bool { address, baud := at.Set(); return address == name && baud == 115200 })
	}
	if all := strings.Join(steps, "\n"); !strings.Contains(all, "address = 3") || !strings.Contains(all, "baud = 115200") {
		t.Errorf("the person was told %q", all)
	}
	tile.up()
	second.up()
	tile.show(r, cardA)
	second.show(other, cardB)
	tile.want(cardA)
	second.want(cardB)
	// The settings are changed and the gateway reloads.
	if err := tile.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	l.restart()
	again := l.tile(3, "baud = 115200\nas = \"uid\"")
	again.show(r, cardC)
	again.want(cardC)
	if seen := r.Seen(); seen.DefaultKey != 0 {
		t.Errorf("the default key was used: %+v", seen)
	}
}

func TestWhatCannotBeMovedStays(t *testing.T) {
	t.Parallel()
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
