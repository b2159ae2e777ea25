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
	if err := tile.Reader.(hw.Mover).Move(t.Context(), -1, 0, say); err != nil {
		t.Errorf("to where it is: %v", err)
	}
	if address, baud := r.Set(); address != 3 || baud != 115200 {
		t.Errorf("what was to stay went to address %d, %d baud", address, baud)
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
