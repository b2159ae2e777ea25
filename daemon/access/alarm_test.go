package access

import (
	"strings"
	"testing"
)

func TestEveryAlarmHasALabelAndWords(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Alarms() {
		if a.String() == "" || a.Words() == "" || seen[a.String()] || strings.Contains(a.String(), " ") {
			t.Errorf("alarm %d: label %q, words %q", a, a, a.Words())
		}
		seen[a.String()] = true
		text, _ := a.MarshalText()
		var back Alarm
		if err := back.UnmarshalText(text); err != nil || back != a {
			t.Errorf("%v came back as %v, %v", a, back, err)
		}
	}
	if got := Alarm(200).String(); got != "unknown_alarm" {
		t.Errorf("an alarm outside the set: got %q", got)
	}
	var a Alarm
	if err := a.UnmarshalText([]byte("forced")); err == nil || !strings.Contains(err.Error(), "forced_open") {
		t.Errorf("a word outside the set: got %v, want an error that lists the set", err)
	}
}

// The labels are in other people's dashboards and in journals on disk.
func TestTheLabelsOfAlarmsStay(t *testing.T) {
	var all []string
	for _, a := range Alarms() {
		all = append(all, a.String())
	}
	const want = "forced_open held_open_soon held_open no_entry reader_tamper reader_power line_intruder keypad_off input_lost tamper fire mains_fail battery enclosure"
	if got := strings.Join(all, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestADetailTellsItsAlarmAgain(t *testing.T) {
	for _, a := range Alarms() {
		for _, begins := range []bool{true, false} {
			got, began, ok := AlarmOf(a.Detail(begins))
			if got != a || began != begins || !ok {
				t.Errorf("%q: got %v, begins %v, %v", a.Detail(begins), got, began, ok)
			}
		}
	}
	for _, other := range []string{"", "unlocked", " ended", "forced_open began", "strike: no answer"} {
		if a, _, ok := AlarmOf(other); ok {
			t.Errorf("%q is taken for %v", other, a)
		}
	}
}

// The values were taken from the alphabet of crockford.com/base32.html by hand.
func TestAShortCodeIsTheFirstTwentyBitsOfTheID(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"zeros", "00000000000000000000000000000000", "0000"},
		{"ones", "ffffffffffffffffffffffffffffffff", "ZZZZ"},
		{"1 2 3 4", "0886423456789abcdef0123456789abc", "1234"}, // 00001 00010 00011 00100
		{"only the front counts", "08864fffffffffffffffffffffffffff", "1234"},
		{"no I, L, O, U", "939ab0ffffffffffffffffffffffffff", "JEDB"}, // 10010 01110 01101 01011
		{"capitals", "939AB0", "JEDB"},
		{"too short", "0886", ""},
		{"not hex", "e2", ""},
		{"not hex, and long", "event-0001", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ShortCode(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := (&Event{ID: tt.in}).Code(); got != tt.want {
				t.Errorf("as an event: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAnExtendedHolderIsSeenOnAGrantAlone(t *testing.T) {
	r := house()
	for i := range r.Holders {
		r.Holders[i].Extended = true
	}
	s := build(t, r)
	if s.Hash() == build(t, house()).Hash() {
		t.Error("the change did not change the hash")
	}
	granted, refused := 0, 0
	for _, h := range r.Holders {
		for _, door := range r.Doors {
			d := s.DecideHolder(h.ID, Tap{Door: door.ID, At: noon}, Facts{})
			if got := s.Extended(d); got != d.Granted() || s.Explain(d).Extended != got {
				t.Errorf("%s at %s (%v): extended %v", h.ID, door.ID, d.Reason, got)
			}
			if d.Granted() {
				granted++
			} else {
				refused++
			}
		}
	}
	if granted == 0 || refused == 0 {
		t.Fatalf("%d granted, %d refused; this house shows nothing", granted, refused)
	}
	plain := build(t, house())
	for _, h := range r.Holders {
		if d := plain.DecideHolder(h.ID, Tap{Door: "front", At: noon}, Facts{}); plain.Extended(d) {
			t.Errorf("%s is extended without having been made so", h.ID)
		}
	}
}
