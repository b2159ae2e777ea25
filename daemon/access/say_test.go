package access

import (
	"strings"
	"testing"
	"time"
)

// noon is a Monday, 13:00 in Rome. What is said must be as right when it is asked
// later, after the lockdown or the pause is over.
func TestTheDeskCanSayIt(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	hot := func(cause string, from, until time.Duration) *GrantView {
		g := &GrantView{ID: "g-7", Scope: "group", ScopeID: "hot", ScopeName: "Hot desk", Source: "kisi", Cause: cause}
		if from != 0 {
			g.From = noon.Add(from)
		}
		if until != 0 {
			g.Until = noon.Add(until)
		}
		return g
	}
	tests := []struct {
		name   string
		in     Explanation
		misses []MissView
		code   string
		want   string
	}{
		{name: "granted", in: Explanation{Granted: true, Grant: hot("role", 0, 0)}, want: "The door opens by your right for Hot desk."},
		{name: "granted until", in: Explanation{Granted: true, Grant: hot("booking", 0, 4*time.Hour)}, want: "The door opens by your booking for Hot desk, which ends today at 17:00."},
		{
			name: "granted, and handed back", in: Explanation{Granted: true, Warned: true, Grant: hot("role", 0, 0)}, code: "939A",
			want: "The door opens by your right for Hot desk. This card was used here a moment before: was it handed back?",
		},
		{
			name: "outside the hours of the group", in: Explanation{Works: noon.Add(time.Hour)},
			misses: []MissView{{Reason: OutsideHours, Detail: "Mon–Fri 08:00–18:00 (Europe/Rome)", Grant: hot("role", 0, 0)}}, code: "939A",
			want: "Your right for Hot desk counts Mon–Fri 08:00–18:00. It works again today at 14:00. The code of this tap is 939A.",
		},
		{
			name:   "the booking has ended, and an older right as well",
			misses: []MissView{{Reason: Expired, Grant: hot("booking", 0, -time.Hour)}, {Reason: Cancelled, Grant: hot("plan", 0, 0)}},
			want:   "Your booking for Hot desk ended today at 12:00.",
		},
		{
			name: "the booking has not begun", in: Explanation{Works: noon.Add(20 * time.Hour)},
			misses: []MissView{{Reason: NotYet, Grant: hot("booking", 20*time.Hour, 0)}},
			want:   "Your booking for Hot desk begins tomorrow at 09:00.",
		},
		{
			name: "it has not begun, and the hours begin later", in: Explanation{Works: noon.Add(22 * time.Hour)},
			misses: []MissView{{Reason: NotYet, Grant: hot("booking", 20*time.Hour, 0)}},
			want:   "Your booking for Hot desk begins tomorrow at 09:00. It works tomorrow at 11:00.",
		},
		{
			name: "the door is shut on weekends and the person is suspended", misses: []MissView{{Reason: Suspended}, {Reason: DoorHours}},
			want: "Your access is suspended. Whoever comes, this door does not open at this time.",
		},
		{name: "the door has hours", misses: []MissView{{Reason: DoorHours, Detail: "Mon–Fri 07:00–22:00 (Europe/Rome)"}}, want: "Whoever comes, this door opens only Mon–Fri 07:00–22:00."},
		{
			name: "a group without hours", misses: []MissView{{Reason: OutsideHours, Detail: "no hours are set, so it never opens", Grant: hot("role", 0, 0)}},
			want: "Your right for Hot desk does not count at this time: no hours are set, so it never opens.",
		},
		{name: "locked down", misses: []MissView{{Reason: LockedDown, Detail: "staff locked down the whole site"}}, want: "A lockdown shuts this door for everybody."},
		{name: "again too soon", in: Explanation{Works: noon.Add(5 * time.Minute)}, misses: []MissView{{Reason: Passback, Opens: noon.Add(5 * time.Minute)}}, want: "Your card was used at this door a moment before; it can be used again today at 13:05."},
		{
			name: "a right without a name", misses: []MissView{{Reason: Stale, Grant: &GrantView{Scope: "group", ScopeID: "kisi-group-30", ScopeName: "kisi-group-30"}}},
			want: "The gateway has not heard from the cloud for too long to rely on your right for this group.",
		},
		{name: "a right for everything", misses: []MissView{{Reason: RemoteNotAllowed, Grant: &GrantView{Scope: "organisation", ScopeName: "the whole organisation"}}}, want: "Your right for all doors opens only for somebody who stands at the door."},
		{
			name: "it begins in mid-minute", misses: []MissView{{Reason: NotYet, Grant: hot("booking", 61*time.Second, 0)}},
			want: "Your booking for Hot desk begins today at 13:02.",
		},
		{name: "a pass that ended", misses: []MissView{{Reason: Expired}}, want: "Your pass has ended."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Misses = tt.misses
			if got := tt.in.Say(noon, noon, rome, tt.code); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTimesAreSaidAsPeopleSayThem(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	s := saying{now: time.Date(2026, 12, 28, 23, 30, 0, 0, rome)}
	at := func(year int, month time.Month, day, hour int) time.Time {
		return time.Date(year, month, day, hour, 0, 0, 0, rome)
	}
	for _, tt := range []struct {
		in   time.Time
		want string
	}{
		{at(2026, 12, 28, 0), "today at 00:00"},
		{at(2026, 12, 29, 0), "tomorrow at 00:00"},
		{at(2026, 12, 27, 23), "yesterday at 23:00"},
		{at(2027, 1, 3, 9), "on Sunday at 09:00"},
		{at(2027, 1, 4, 9), "on 4 January 2027 at 09:00"},
		{at(2026, 12, 26, 9), "on 26 December at 09:00"},
		{time.Date(2026, 12, 28, 23, 30, 0, 0, time.UTC), "tomorrow at 00:30"},
	} {
		if got := s.when(tt.in); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Who asks today about last Tuesday, or about Christmas, must not be told of a
// today and a tomorrow of then.
func TestAnotherDayIsToldByItsDate(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	e := Explanation{Works: noon.Add(19 * time.Hour), Misses: []MissView{{Reason: OutsideHours, Detail: "Mon–Fri 08:00–18:00 (Europe/Rome)"}}}
	day := noon.In(rome).Format("2 January")
	next := noon.In(rome).AddDate(0, 0, 1).Format("2 January")
	want := "On " + day + " at 13:00: Your right counts Mon–Fri 08:00–18:00. It works again on " + next + " at 08:00."
	for _, days := range []int{-3, -1, 1, 3} {
		if got := e.Say(noon, noon.AddDate(0, 0, days), rome, ""); got != want {
			t.Errorf("asked %d days later:\ngot  %q\nwant %q", days, got, want)
		}
	}
}

// Every reason has a sentence, whether or not a right came near, and none tells an
// id or a card.
func TestEveryReasonHasASentence(t *testing.T) {
	rome := mustZone(t, "Europe/Rome")
	grant := &GrantView{
		ID: "g-id-77", Scope: "group", ScopeID: "group-id-30", ScopeName: "Hot desk", From: noon, Until: noon.Add(time.Hour), Source: "kisi", Cause: "role",
	}
	nameless := &GrantView{ID: "g-id-77", Scope: "group", ScopeID: "group-id-30", ScopeName: "group-id-30"}
	for _, reason := range Reasons() {
		for _, g := range []*GrantView{nil, grant, nameless} {
			e := Explanation{Granted: reason == Granted, Reason: reason, Holder: "holder-id-9"}
			if e.Granted {
				e.Grant = g
			} else {
				e.Misses = []MissView{{Reason: reason, Grant: g}}
			}
			said := e.Say(noon, noon, rome, "")
			if len(said) < 12 || !strings.HasSuffix(said, ".") && !strings.HasSuffix(said, "?") {
				t.Errorf("%v: no sentence: %q", reason, said)
			}
			if strings.Contains(said, "-id-") || strings.Contains(said, card("aa").Digest.String()[:8]) {
				t.Errorf("%v: tells an id: %q", reason, said)
			}
		}
	}
}
