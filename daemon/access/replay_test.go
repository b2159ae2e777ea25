package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever was decided is decided again from what its event holds, and from rights
// whose sources are only as old as the event says.
func TestEveryDecisionIsMadeAgainFromItsEvent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		roster := house()
		policy := Policy{
			Door: "front", AskPIN: rapid.Bool().Draw(r, "ask"), HighSecurity: rapid.Bool().Draw(r, "high"),
			Passback: time.Hour, PassbackRefuses: rapid.Bool().Draw(r, "refuses"),
		}
		roster.Policies = []Policy{policy}
		for i := range roster.Grants {
			day := func(name string) time.Duration {
				return time.Duration(rapid.IntRange(-20, 20).Draw(r, name)) * 12 * time.Hour
			}
			if from := day("from"); rapid.Bool().Draw(r, "window") {
				roster.Grants[i].From, roster.Grants[i].Until = noon.Add(from), noon.Add(max(from+time.Second, day("until")))
			}
		}
		age := time.Duration(rapid.Int64Range(0, int64(10*24*time.Hour)).Draw(r, "age"))
		s, err := Build(roster, []Contact{{Source: "kisi", At: noon.Add(-age)}}, 7)
		if err != nil {
			r.Fatal(err)
		}
		instant := func(name string) time.Time {
			return noon.Add(time.Duration(rapid.Int64Range(-int64(20*time.Hour), int64(20*time.Hour)).Draw(r, name)))
		}
		later, err := Build(roster, []Contact{{Source: "kisi", At: noon.Add(100 * time.Hour)}}, 7)
		if err != nil {
			r.Fatal(err)
		}
		for range 50 {
			tap, facts := Exact(Tap{
				Door: "front", Reader: "in", Credential: card(rapid.SampledFrom([]string{"aa", "aa", "cc", "dd", "ee", "ff"}).Draw(r, "card")), At: instant("at"),
				Presence: Presence(rapid.IntRange(0, 2).Draw(r, "presence")), Fault: rapid.SampledFrom([]Reason{Granted, Granted, Granted, Replayed, Expired, PINLocked}).Draw(r, "fault"),
			}, Facts{
				Clock: ClockState(rapid.IntRange(0, 3).Draw(r, "clock")), Floor: instant("floor"), Untrusted: time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(r, "untrusted")),
				PIN: PINState(rapid.IntRange(0, 3).Draw(r, "pin")), LastPassage: instant("last"),
			})
			d := s.Decide(tap, facts)
			if rapid.Bool().Draw(r, "not recorded") {
				d.Refuse(NotRecorded)
			}
			e := Event{Kind: DecisionEvent, Door: "front"}
			s.Describe(&e, tap, facts, d)
			again := later.WithAge(e.At, e.RosterAge).Replay(&e)
			if len(again.Differs) > 0 {
				r.Fatalf("%+v\ndiffers: %s", e, strings.Join(again.Differs, "; "))
			}
			if want := d.has(NotRecorded); want != (again.Added == NotRecorded) {
				r.Fatalf("added %v, want not_recorded %v", again.Added, want)
			}
		}
	})
}

// A right from a file opens, while one from the cloud is too old to: both are as old
// when it is decided again.
func TestTheAgeOfTheOldestSourceIsRecorded(t *testing.T) {
	r := house()
	r.Grants = append(r.Grants, Grant{ID: "z-file", Assignee: "ann", Scope: ScopeDoor, ScopeID: "front", Source: "file"})
	contacts := []Contact{{Source: "file", Ageless: true}, {Source: "kisi", At: noon.Add(-8 * 24 * time.Hour)}}
	s, err := Build(r, contacts, 7)
	if err != nil {
		t.Fatal(err)
	}
	e := Event{Kind: DecisionEvent, Door: "front"}
	tap, facts := Exact(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{})
	s.Describe(&e, tap, facts, s.Decide(tap, facts))
	if e.Grant != "z-file" || e.RosterAge != 8*24*time.Hour {
		t.Fatalf("granted by %q, %v old", e.Grant, e.RosterAge)
	}
	if again := s.WithAge(e.At, e.RosterAge).Replay(&e); len(again.Differs) > 0 {
		t.Errorf("differs: %q", again.Differs)
	}
}

func TestAnotherAnswerIsSaidInWords(t *testing.T) {
	s := build(t, house())
	tap, facts := Exact(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{})
	e := Event{Kind: DecisionEvent, Door: "front"}
	s.Describe(&e, tap, facts, s.Decide(tap, facts))
	suspended := house()
	suspended.Holders[0].Suspended = true
	got := build(t, suspended).Replay(&e).Differs
	want := []string{"reason: recorded granted, now suspended", "all reasons: recorded [], now [suspended]", "right: recorded g-ann, now none", "group: recorded hot, now none"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A decision on a boundary is the same by the measure of the journal.
func TestDecisionsAreMadeInTheMeasureOfTheJournal(t *testing.T) {
	tap, facts := Exact(Tap{At: noon.Add(999)}, Facts{Floor: noon.Add(1), LastPassage: noon.Add(-1)})
	if !tap.At.Equal(noon) || !facts.Floor.Equal(noon) || !facts.LastPassage.Equal(noon.Add(-time.Microsecond)) {
		t.Errorf("got %v, %v, %v", tap.At, facts.Floor, facts.LastPassage)
	}
	if _, none := Exact(Tap{}, Facts{}); !none.Floor.IsZero() || !none.LastPassage.IsZero() {
		t.Errorf("what was not there is there: %+v", none)
	}
}

func TestACodeLeadsBackToItsIDs(t *testing.T) {
	for _, id := range []string{"0886423456789abcdef0123456789abc", "939ab03456789abcdef0123456789abc", "fffff0", "000000"} {
		if got := CodeFront(ShortCode(id)); got != id[:5] {
			t.Errorf("%s, code %s: got %q", id, ShortCode(id), got)
		}
	}
	for code, want := range map[string]string{" io1l ": CodeFront("1011"), "jedb": "939ab", "JED": "", "JEDB0": "", "JEDU": "", "": ""} {
		if got := CodeFront(code); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}
