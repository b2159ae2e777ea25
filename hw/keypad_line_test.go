package hw_test

import (
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

const keysAndCards = `
baud = 9600
frame = { type = "delimited", end = ["CR"] }
select = { match = "^(?P<kind>[CK])(?P<data>.+)$", kinds = { C = "uid", K = "keys" } }
decode = { from = "hex", as = "uid" }
hold_off = "2s"`

// Whoever types after a card has come begins anew: the digits before it were
// somebody else's.
func TestDigitsAreNotHandedToWhoeverComesNext(t *testing.T) {
	t.Parallel()
	pin := func(digits hw.Value) hw.Read { return hw.Read{Kind: access.PIN, Value: digits} }
	card := func(uid hw.Value) hw.Read { return hw.Read{Kind: access.Card, Value: uid} }
	for _, tt := range []struct {
		name  string
		shown []string
		want  []hw.Read
	}{
		{"a card in between", []string{"K12", "C04A2B3C4", "K34#"}, []hw.Read{card("04a2b3c4"), pin("34")}},
		{"a card that lies there all the time", []string{"C04A2B3C4", "K12", "C04A2B3C4", "K34#"}, []hw.Read{card("04a2b3c4"), pin("1234")}},
		{"star", []string{"K12*", "K34#"}, []hw.Read{pin("34")}},
		{"a key that was garbled", []string{"K1", "KX", "K34#", "K56#"}, []hw.Read{pin("56")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pty, scanner := tile(t, nil)
			r := openReader(t, pty.Path(), keysAndCards)
			reads := watched(t, r)
			await(t, "up", func() bool { return r.Stats().Up })
			for _, frame := range tt.shown {
				if err := scanner.Show(frame); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range tt.want {
				got := next(t, reads)
				for got.Fault != access.Granted {
					got = next(t, reads)
				}
				if got.Kind != want.Kind || got.Value != want.Value {
					t.Errorf("got %s of %d characters, want %s of %d", got.Kind, len(got.Value), want.Kind, len(want.Value))
				}
			}
		})
	}
}

// A plug that was pulled is a member who has gone.
func TestDigitsDoNotSurviveTheirPlug(t *testing.T) {
	t.Parallel()
	pty, scanner := tile(t, nil)
	r := openReader(t, pty.Path(), keysAndCards)
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	if err := scanner.Show("K12"); err != nil {
		t.Fatal(err)
	}
	await(t, "the keys", func() bool { return r.Stats().Frames == 1 })
	for _, plug := range []func() error{pty.Unplug, pty.Replug} {
		if err := plug(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "up again", func() bool { s := r.Stats(); return s.Up && s.Reopens == 1 })
	if _, err := pty.Master.Write([]byte("K34#\r")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, reads); got.Kind != access.PIN || got.Value != "34" {
		t.Errorf("got %s of %d characters, want a pin of 2", got.Kind, len(got.Value))
	}
}
