package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestTheBookOfAlarmsTellsEachBeginAndEndOnce(t *testing.T) {
	type told struct {
		at    time.Duration
		is    bool
		alarm access.Alarm
	}
	const of = "contact"
	s := time.Second
	tests := []struct {
		name string
		in   []told
		want string // at which second what was told
	}{
		{"one alarm", []told{{1 * s, true, access.ForcedOpen}, {2 * s, true, access.ForcedOpen}, {9 * s, false, access.ForcedOpen}}, "1 forced_open, 12 forced_open ended"},
		{"nothing", []told{{1 * s, false, access.ForcedOpen}}, ""},
		{"a rattling door is one alarm", []told{
			{1 * s, true, access.ForcedOpen},
			{2 * s, false, access.ForcedOpen},
			{4 * s, true, access.ForcedOpen},
			{5 * s, false, access.ForcedOpen},
			{7 * s, true, access.ForcedOpen},
			{8 * s, false, access.ForcedOpen},
		}, "1 forced_open, 11 forced_open ended"},
		{"a moment is an alarm", []told{{1 * s, true, access.Tamper}, {1 * s, false, access.Tamper}}, ""},
		{"an input that is away for a moment is no news", []told{
			{1 * s, true, access.InputLost}, {5 * s, false, access.InputLost}, {6 * s, true, access.InputLost}, {10 * s, false, access.InputLost},
		}, ""},
		{"an input that is away", []told{{1 * s, true, access.InputLost}, {20 * s, false, access.InputLost}}, "6 input_lost, 23 input_lost ended"},
		{"it comes again", []told{
			{1 * s, true, access.HeldOpen}, {3 * s, false, access.HeldOpen}, {10 * s, true, access.HeldOpen}, {12 * s, false, access.HeldOpen},
		}, "1 held_open, 6 held_open ended, 10 held_open, 15 held_open ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b alarmBook
			var got []string
			for at := time.Duration(0); at <= 30*s; at += s {
				for _, one := range tt.in {
					if one.at == at {
						b.set(one.is, one.alarm, of, at)
					}
				}
				for _, n := range b.turn(at, today.Add(at)) {
					got = append(got, fmt.Sprintf("%d %s", at/s, n.alarm.Detail(n.on)))
				}
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAForcedDoorIsToldOfAfterItWasShut(t *testing.T) {
	var b alarmBook
	show := func() (all []string) {
		for _, n := range b.notes() {
			all = append(all, fmt.Sprintf("%s %s %v", n.alarm, n.subject, n.on))
		}
		return all
	}
	at := func(d time.Duration) []alarmNote { return b.turn(d, today.Add(d)) }
	b.set(true, access.ForcedOpen, "", 0)
	b.set(true, access.HeldOpen, "", 0)
	b.set(true, access.Tamper, "exit_button", 0)
	b.set(true, access.Tamper, "contact", 0)
	at(0)
	if diff := cmp.Diff([]string{"forced_open  true", "held_open  true", "tamper contact true", "tamper exit_button true"}, show()); diff != "" {
		t.Errorf("while they last (-want +got):\n%s", diff)
	}
	b.set(false, access.ForcedOpen, "", 10*time.Second)
	b.set(false, access.HeldOpen, "", 10*time.Second)
	at(10*time.Second + alarmCalm)
	if diff := cmp.Diff([]string{"forced_open  false", "tamper contact true", "tamper exit_button true"}, show()); diff != "" {
		t.Errorf("after the door was shut (-want +got):\n%s", diff)
	}
	began := b.notes()[0].since
	if !began.Equal(today) {
		t.Errorf("it began at %v, want %v", began, today)
	}
	late := 10*time.Second + alarmCalm + alarmMemory(access.ForcedOpen)
	at(late - 1)
	if got := len(show()); got != 3 {
		t.Errorf("just before it is forgotten: %v", show())
	}
	at(late)
	if diff := cmp.Diff([]string{"tamper contact true", "tamper exit_button true"}, show()); diff != "" {
		t.Errorf("when it is forgotten (-want +got):\n%s", diff)
	}
}
