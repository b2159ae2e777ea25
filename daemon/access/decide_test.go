package access

import (
	"slices"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	window := func(from, until time.Duration) func(*Roster) {
		return func(r *Roster) { r.Grants[0].From, r.Grants[0].Until = at(from), at(until) }
	}
	policy := func(p Policy) func(*Roster) {
		return func(r *Roster) { p.Door = "front"; r.Policies = []Policy{p} }
	}
	unset := Facts{Clock: ClockUnset}
	tests := []struct {
		name   string
		change func(*Roster)
		tap    Tap
		facts  Facts
		want   []Reason // nil: granted
	}{
		{name: "a member of the group opens", tap: Tap{Door: "front", Credential: card("aa")}},
		{name: "a team opens for its members", tap: Tap{Door: "lab", Credential: card("cc")}},
		{name: "a place opens all its doors", tap: Tap{Door: "lab", Credential: card("ee")}},
		{name: "a place does not open another's", tap: Tap{Door: "shed", Credential: card("ee")}, want: []Reason{NoGrant}},
		{
			name:   "the organisation opens everywhere",
			change: func(r *Roster) { r.Grants[3].Scope, r.Grants[3].ScopeID = ScopeOrganisation, "" },
			tap:    Tap{Door: "shed", Credential: card("ee")},
		},
		{
			name:   "a right on one door opens that door",
			change: func(r *Roster) { r.Grants[0].Scope, r.Grants[0].ScopeID = ScopeDoor, "shed" },
			tap:    Tap{Door: "shed", Credential: card("aa")},
		},
		{
			name:   "a right on one door opens no other",
			change: func(r *Roster) { r.Grants[0].Scope, r.Grants[0].ScopeID = ScopeDoor, "shed" },
			tap:    Tap{Door: "front", Credential: card("aa")}, want: []Reason{NoGrant},
		},
		{name: "another group's door stays shut", tap: Tap{Door: "lab", Credential: card("aa")}, want: []Reason{NoGrant}},
		{name: "a holder without any right", tap: Tap{Door: "front", Credential: card("dd")}, want: []Reason{NoGrant}},
		{name: "an unknown card", tap: Tap{Door: "front", Credential: card("ff")}, want: []Reason{Unknown}},              // X8
		{name: "a tap without a credential", tap: Tap{Door: "front", Fault: NoCredential}, want: []Reason{NoCredential}}, // X8
		{name: "a garbled card", tap: Tap{Door: "front", Fault: Unreadable}, want: []Reason{Unreadable}},
		{name: "a replayed pass of a member", tap: Tap{Door: "front", Credential: card("aa"), Fault: Replayed}, want: []Reason{Replayed}},
		{name: "a door that nobody knows", tap: Tap{Door: "attic", Credential: card("aa")}, want: []Reason{NoGrant}},
		{
			name: "a door that only our settings know opens for the organisation",
			change: func(r *Roster) {
				r.Policies = []Policy{{Door: "attic", Name: "Attic"}}
				r.Grants[3].Scope, r.Grants[3].ScopeID = ScopeOrganisation, ""
			},
			tap: Tap{Door: "attic", Credential: card("ee")},
		},
		{name: "a suspended person", tap: Tap{Door: "front", Credential: card("bb")}, want: []Reason{Suspended}},
		{
			name: "a card that is not activated", change: func(r *Roster) { r.Assignments[0].Active = false },
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{NotActivated},
		},
		{
			name: "a door in lockdown", change: func(r *Roster) { r.Doors[0].LockedDown = true },
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{LockedDown},
		},
		{
			name: "a place in lockdown", change: func(r *Roster) { r.Places[0].LockedDown = true },
			tap: Tap{Door: "lab", Credential: card("cc")}, want: []Reason{LockedDown},
		},
		{
			name: "another place's lockdown does not matter", change: func(r *Roster) { r.Places[1].LockedDown = true },
			tap: Tap{Door: "lab", Credential: card("cc")},
		},
		// The end itself is outside.
		{name: "the instant before the window", change: window(0, time.Hour), tap: Tap{Door: "front", Credential: card("aa"), At: at(-time.Microsecond)}, want: []Reason{NotYet}},
		{name: "the first instant of the window", change: window(0, time.Hour), tap: Tap{Door: "front", Credential: card("aa")}},
		{name: "the last instant of the window", change: window(-time.Hour, time.Microsecond), tap: Tap{Door: "front", Credential: card("aa")}},
		{name: "the end of the window is outside", change: window(-time.Hour, 0), tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{Expired}},
		{
			name: "a cancelled right says so", change: func(r *Roster) { r.Grants[0].Cancelled = true },
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{Cancelled},
		},
		{
			name: "a restricted group without hours never opens", change: func(r *Roster) { r.Groups[0].Restricted = true },
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{OutsideHours},
		},
		{
			name: "a door with hours binds everybody", change: func(r *Roster) { r.Doors[0].Restricted = true },
			tap: Tap{Door: "front", Credential: card("ee")}, want: []Reason{DoorHours},
		},
		{
			name: "a group for people at the door refuses from afar", change: func(r *Roster) { r.Groups[0].AtDoorOnly = true },
			tap: Tap{Door: "front", Credential: card("aa"), Presence: Remote}, want: []Reason{RemoteNotAllowed},
		},
		{
			name: "and opens at the tile", change: func(r *Roster) { r.Groups[0].AtDoorOnly = true },
			tap: Tap{Door: "front", Credential: card("aa"), Presence: Near},
		},
		{
			name: "a door for people at the door refuses the organisation from afar",
			change: func(r *Roster) {
				r.Doors[0].AtDoorOnly = true
				r.Grants[3].Scope, r.Grants[3].ScopeID = ScopeOrganisation, ""
			},
			tap: Tap{Door: "front", Credential: card("ee"), Presence: Remote}, want: []Reason{RemoteNotAllowed},
		},
		{
			name: "a door that wants more assurance", change: policy(Policy{MinimumAssurance: HighAssured}),
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{LowAssurance},
		},
		{name: "a door that wants a PIN", change: policy(Policy{AskPIN: true}), tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{PINWrong}},
		{name: "a wrong PIN", change: policy(Policy{AskPIN: true}), tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{PIN: PINFailed}, want: []Reason{PINWrong}},
		{name: "too many PINs", change: policy(Policy{AskPIN: true}), tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{PIN: PINBlocked}, want: []Reason{PINLocked}},
		{name: "the right PIN", change: policy(Policy{AskPIN: true}), tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{PIN: PINRight}},
		{
			name: "passback within the pause", change: policy(Policy{Passback: time.Minute, PassbackRefuses: true}),
			tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{LastPassage: at(-time.Second)}, want: []Reason{Passback},
		},
		{
			name: "passback only warns unless the door refuses", change: policy(Policy{Passback: time.Minute}),
			tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{LastPassage: at(-time.Second)},
		},
		{
			name: "passback after the pause", change: policy(Policy{Passback: time.Minute}),
			tap: Tap{Door: "front", Credential: card("aa")}, facts: Facts{LastPassage: at(-time.Minute)},
		},
		{name: "an open-ended right needs no clock", tap: Tap{Door: "front", Credential: card("aa")}, facts: unset},
		{
			name: "a window needs a clock", change: window(-time.Hour, time.Hour),
			tap: Tap{Door: "front", Credential: card("aa")}, facts: unset, want: []Reason{Clock},
		},
		{
			name: "what has certainly ended is refused by any clock", change: window(-2*time.Hour, -time.Hour),
			tap: Tap{Door: "front", Credential: card("aa")}, facts: unset, want: []Reason{Expired},
		},
		{
			name: "a home never refuses for the clock",
			change: func(r *Roster) {
				window(-time.Hour, time.Hour)(r)
				policy(Policy{Residential: true})(r)
			},
			tap: Tap{Door: "front", Credential: card("aa")}, facts: unset,
		},
		// All failed reasons are kept, what binds first.
		{
			name: "everything at once",
			change: func(r *Roster) {
				r.Assignments[1].Active = false
				r.Places[0].LockedDown = true
				r.Doors[0].Restricted = true
				r.Grants[1].Until = at(-time.Hour)
				r.Policies = []Policy{{Door: "front", MinimumAssurance: HighAssured, AskPIN: true}}
			},
			tap:  Tap{Door: "front", Credential: card("bb")},
			want: []Reason{NotActivated, LockedDown, Suspended, LowAssurance, PINWrong, Expired, DoorHours},
		},
		{
			name: "any grant that passes opens",
			change: func(r *Roster) {
				r.Grants = append(r.Grants,
					Grant{ID: "old", Assignee: "ann", Scope: ScopeGroup, ScopeID: "lab", Until: at(-time.Hour), Source: "kisi"},
					Grant{ID: "late", Assignee: "ann", Scope: ScopeGroup, ScopeID: "lab", From: at(time.Hour), Source: "kisi"})
			},
			tap: Tap{Door: "front", Credential: card("aa")},
		},
		{
			name: "the nearest miss is first",
			change: func(r *Roster) {
				r.Groups[0].Restricted = true
				r.Grants = append(r.Grants,
					Grant{ID: "old", Assignee: "ann", Scope: ScopePlace, ScopeID: "hq", Until: at(-time.Hour), Source: "kisi"},
					Grant{ID: "soon", Assignee: "ann", Scope: ScopePlace, ScopeID: "hq", From: at(time.Minute), Source: "kisi"})
			},
			tap: Tap{Door: "front", Credential: card("aa")}, want: []Reason{OutsideHours, NotYet, Expired},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := house()
			if tt.change != nil {
				tt.change(&r)
			}
			if tt.tap.At.IsZero() {
				tt.tap.At = noon
			}
			d := build(t, r).Decide(tt.tap, tt.facts)
			if got := reasonsOf(d); !slices.Equal(got, tt.want) {
				t.Errorf("reasons: got %v, want %v", got, tt.want)
			}
			if got, want := d.Granted(), len(tt.want) == 0; got != want {
				t.Errorf("granted: got %v, want %v", got, want)
			}
			if !d.Granted() && d.Reason != tt.want[0] {
				t.Errorf("reason: got %v, want %v", d.Reason, tt.want[0])
			}
		})
	}
}

func TestNearestOfTwoEqualMissesIsKept(t *testing.T) {
	r := house()
	r.Grants[0].From = noon.Add(time.Hour)
	r.Grants = append(r.Grants, Grant{ID: "sooner", Assignee: "ann", Scope: ScopeDoor, ScopeID: "front", From: noon.Add(time.Minute), Source: "kisi"})
	s := build(t, r)
	e := s.Explain(s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}))
	if len(e.Misses) != 1 || e.Misses[0].Grant.ID != "sooner" {
		t.Fatalf("misses: got %+v, want the one that begins sooner", e.Misses)
	}
	if got, want := e.Misses[0].Opens, noon.Add(time.Minute); !got.Equal(want) {
		t.Errorf("opens: got %v, want %v", got, want)
	}
}

func TestOpenEndedRightsAgeWithTheirSource(t *testing.T) { // X4
	tests := []struct {
		name   string
		policy Policy
		age    time.Duration
		until  time.Time
		want   Reason
	}{
		{name: "perimeter, a week", age: 7 * 24 * time.Hour, want: Granted},
		{name: "perimeter, longer", age: 7*24*time.Hour + time.Microsecond, want: Stale},
		{name: "high security, a day", policy: Policy{HighSecurity: true}, age: 24 * time.Hour, want: Granted},
		{name: "high security, longer", policy: Policy{HighSecurity: true}, age: 24*time.Hour + time.Microsecond, want: Stale},
		{name: "a home never", policy: Policy{Residential: true}, age: 1000 * time.Hour, want: Granted},
		{name: "a right with an end runs to it", policy: Policy{HighSecurity: true}, age: 1000 * time.Hour, until: noon.Add(time.Hour), want: Granted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := house()
			tt.policy.Door = "front"
			r.Policies = []Policy{tt.policy}
			r.Grants[0].Until = tt.until
			s, err := Build(r, []Contact{{Source: "kisi", At: noon.Add(-tt.age)}}, 1)
			if err != nil {
				t.Fatal(err)
			}
			d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{})
			if d.Reason != tt.want {
				t.Errorf("got %v, want %v", d.Reason, tt.want)
			}
			if d.Age != tt.age {
				t.Errorf("age: got %v, want %v", d.Age, tt.age)
			}
			if tt.want == Stale {
				fresh := s.WithContact("kisi", noon)
				if d := fresh.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); !d.Granted() {
					t.Errorf("after a new contact: got %v, want granted", d.Reason)
				}
			}
		})
	}
}

func TestFileSourceNeverGoesStale(t *testing.T) {
	s, err := Build(house(), []Contact{{Source: "kisi", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{})
	if !d.Granted() || d.Age != 0 {
		t.Errorf("got %v at age %v, want granted at age 0", d.Reason, d.Age)
	}
}

func TestOneCardOfTwoHoldersOpensForNeither(t *testing.T) {
	r := house()
	r.Assignments = append(r.Assignments, assign("aa", "pat"))
	s := build(t, r)
	if got := s.Clashes(); got != 1 {
		t.Errorf("clashes: got %d, want 1", got)
	}
	if d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); d.Reason != Unknown {
		t.Errorf("got %v, want %v", d.Reason, Unknown)
	}
}

func TestACardThatChangedHandsIsItsNewHolders(t *testing.T) {
	for _, order := range []struct{ before, now string }{{"ann", "pat"}, {"pat", "ann"}} {
		r := house()
		old, next := assign("a0", order.before), assign("a0", order.now)
		old.ID, old.Active = "card-a0-old", false
		r.Assignments = append(r.Assignments, old, next)
		s := build(t, r)
		d := s.Decide(Tap{Door: "front", Credential: card("a0"), At: noon}, Facts{})
		if got := s.HolderID(d); !d.Granted() || got != order.now || s.Clashes() != 0 {
			t.Errorf("from %s to %s: got %v for %q, %d clashes", order.before, order.now, d.Reason, got, s.Clashes())
		}
	}
}

func TestACardListedTwiceForOneHolderIsActiveIfOneIs(t *testing.T) {
	r := house()
	again := assign("aa", "ann")
	again.ID, again.Active = "card-aa-old", false
	r.Assignments = append([]Assignment{again}, r.Assignments...)
	if d := build(t, r).Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); !d.Granted() {
		t.Errorf("got %v, want granted", d.Reason)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	s := build(t, house())
	taps := []Tap{
		{Door: "front", Credential: card("aa"), At: noon},
		{Door: "lab", Credential: card("aa"), At: noon},
		{Door: "front", Credential: card("bb"), At: noon},
		{Door: "front", Credential: card("99"), At: noon},
	}
	var sink Decision
	if got := testing.AllocsPerRun(100, func() {
		for _, tap := range taps {
			sink = s.Decide(tap, Facts{})
		}
	}); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
	_ = sink
}
