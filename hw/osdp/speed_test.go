package osdp

import (
	"testing"
	"time"
)

// A reader that is told another speed hears nothing at the old one.
func TestSpeedOfTheLineChangesForAll(t *testing.T) {
	for _, tt := range []struct {
		name    string
		follows bool
		want    int
	}{
		{"all follow", true, 115200},
		{"none follows", false, 9600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 9600)
			speeds := map[byte]int{1: 9600, 2: 9600}
			for address := range byte(2) {
				reader, _ := w.secure(address + 1)
				reader.fault = func(command byte, reply []byte) []byte {
					if w.bus.baud != speeds[reader.address] {
						return nil
					}
					if command == codeCOMSET && tt.follows {
						speeds[reader.address] = 115200
					}
					return reply
				}
			}
			w.run(2 * time.Second)
			if err := w.bus.Speed(w.now, 115200); err != nil {
				t.Fatal(err)
			}
			w.run(20 * time.Second)
			if got := w.bus.Next(w.now).Baud; got != tt.want {
				t.Errorf("got %d baud, want %d", got, tt.want)
			}
			for _, p := range w.peers {
				w.wantState(p, Secure)
				moved := of[Moved](w, p)
				if len(moved) != 1 || moved[0].Baud != tt.want || (moved[0].Err == nil) != tt.follows {
					t.Errorf("got %+v", moved)
				}
			}
		})
	}
}
