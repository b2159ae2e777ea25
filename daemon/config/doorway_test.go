package config

import (
	"strings"
	"testing"
	"time"
)

// wiredFront is the good site whose front door has more lines.
func wiredFront(lines ...string) string {
	return strings.Replace(good, `hold = "5s"`, `hold = "5s"`+"\n"+strings.Join(lines, "\n"), 1)
}

const (
	aContact = `contact = { driver = "relays", port = "/dev/serial/by-path/3", channel = 0 }`
	aButton  = `exit_button = { driver = "relays", port = "/dev/serial/by-path/3", channel = 1 }`
)

func TestADoorwayHasGoodDefaults(t *testing.T) {
	plain := mustParse(t, good).Doors[0]
	if plain.ExtendedHold != plain.Hold || plain.HeldAfter != time.Minute || plain.HeldWarning != 15*time.Second || plain.ForcedAlarm || plain.RelockOnOpen {
		t.Errorf("without a contact: %+v", plain)
	}
	tests := []struct {
		name string
		in   []string
		want bool
	}{
		{"a contact alone", []string{aContact}, false},
		{"a contact and a button", []string{aContact, aButton}, true},
		{"switched off", []string{aContact, aButton, "forced_alarm = false"}, false},
		{"switched on", []string{aContact, "forced_alarm = true"}, true},
		{"a button alone", []string{aButton}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParse(t, wiredFront(tt.in...)).Doors[0].ForcedAlarm; got != tt.want {
				t.Errorf("forced_alarm: got %v, want %v", got, tt.want)
			}
		})
	}
	short := mustParse(t, wiredFront(aContact, `held_after = "10s"`)).Doors[0]
	if short.HeldWarning != 5*time.Second {
		t.Errorf("a door that may stand open for 10 s warns %v before, want half of it", short.HeldWarning)
	}
	two := strings.Replace(wiredFront(aContact), `reader = { driver = "bus", port = "/dev/serial/by-id/usb-FTDI_1", address = 0 }`,
		`reader = [{ driver = "bus", port = "/dev/serial/by-id/usb-FTDI_1", address = 0 }, { name = "out", driver = "bus", port = "/dev/serial/by-id/usb-FTDI_1", address = 5 }]`, 1)
	if !mustParse(t, two).Doors[0].ForcedAlarm {
		t.Error("a reader on each side tells who goes out: an opening without either is forced")
	}
	if got := mustParse(t, wiredFront(`passback = "10m"`)).Doors[0].Policy.Passback; got != 10*time.Minute {
		t.Errorf("passback: got %v", got)
	}
}

func TestADoorwayThatCannotBeIsRefused(t *testing.T) {
	const none = "without a contact nobody knows whether the door is open"
	tests := []struct {
		name string
		in   []string
		want string // empty: it is good
	}{
		{"relock without a contact", []string{"relock_on_open = true"}, "relock_on_open: " + none},
		{"no relock without a contact", []string{"relock_on_open = false"}, ""},
		{"forced without a contact", []string{"forced_alarm = true"}, "forced_alarm: " + none},
		{"no forced without a contact", []string{"forced_alarm = false"}, ""},
		{"held_after without a contact", []string{`held_after = "1m"`}, "held_after: " + none},
		{"held_warning without a contact", []string{`held_warning = "5s"`}, "held_warning: " + none},
		{"all with a contact", []string{aContact, "relock_on_open = true", "forced_alarm = true", `held_after = "30s"`, `held_warning = "0s"`}, ""},
		{"held too soon", []string{aContact, `held_after = "4s"`}, "held_after: 4s is not between 5s and 24h"},
		{"held too late", []string{aContact, `held_after = "25h"`}, "held_after: 25h is not between 5s and 24h"},
		{"held before it locks", []string{aContact, `extended_hold = "20s"`, `held_after = "19s"`}, "held_after: 19s is shorter than the door stays unlocked"},
		{"held as it locks", []string{aContact, `extended_hold = "20s"`, `held_after = "20s"`}, ""},
		{"a warning that comes at once", []string{aContact, `held_after = "20s"`, `held_warning = "20s"`}, "held_warning: 20s is not between 0s and held_after, which is 20s"},
		{"a warning that comes before", []string{aContact, `held_warning = "-1s"`}, "held_warning: -1s is not between 0s and held_after, which is 1m"},
		{"an extended hold that is shorter", []string{`extended_hold = "4s"`}, "extended_hold: 4s is shorter than the hold of 5s"},
		{"an extended hold of the same length", []string{`extended_hold = "5s"`}, ""},
		{"an extended hold that no strike can do", []string{`extended_hold = "31s"`}, "extended_hold: 31s is not between 500ms and 30s"},
		{"passback of two days", []string{`passback = "48h"`}, "passback: 48h is not between 0s and 24h"},
		{"passback back in time", []string{`passback = "-1s"`}, "passback: -1s is not between 0s and 24h"},
		{"a PIN at the reader", []string{"ask_pin = true"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse("tilegate.toml", []byte(wiredFront(tt.in...)), bench)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused:\n%v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "door[0]."+tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if n := len(Mistakes(err)); n != 1 {
				t.Errorf("%d mistakes, want one:\n%v", n, err)
			}
		})
	}
}
