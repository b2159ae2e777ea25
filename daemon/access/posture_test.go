package access

import (
	"strings"
	"testing"
	"time"
)

// postureSite has a door in each of two places, one in none, and one that the
// cloud locked down. In winter Rome is an hour ahead of UTC.
func postureSite() Roster {
	return Roster{
		Places: []Place{{ID: "hq", Name: "Head office", Zone: "Europe/Rome"}, {ID: "annex", Name: "Annex", Zone: "Europe/Rome"}},
		Doors: []Door{
			{ID: "front", Name: "Front", Place: "hq"},
			{ID: "rear", Name: "Rear", Place: "annex"},
			{ID: "shed", Name: "Shed"},
			{ID: "vault", Name: "Vault", Place: "hq", LockedDown: true},
		},
	}
}

func TestOurLockdownsShutTheirDoorsAndNoOthers(t *testing.T) {
	plain, err := Build(postureSite(), nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	door := func(id string) Lockdown { return Lockdown{Scope: ScopeDoor, ScopeID: id} }
	place := func(id string) Lockdown { return Lockdown{Scope: ScopePlace, ScopeID: id} }
	site := Lockdown{Scope: ScopeOrganisation}
	tests := []struct {
		name string
		in   []Lockdown
		want string // the doors that are shut, with who shut each
	}{
		{"none", nil, "vault:door"},
		{"a door", []Lockdown{door("front")}, "front:ours door, vault:door"},
		{"a place", []Lockdown{place("hq")}, "front:ours place, vault:ours place+door"},
		{"the site", []Lockdown{site}, "front:ours organisation, rear:ours organisation, shed:ours organisation, vault:ours organisation+door"},
		{"ours and the cloud's of one door", []Lockdown{door("vault")}, "vault:ours door+door"},
		{"all at once", []Lockdown{door("rear"), place("annex"), site}, "front:ours organisation, rear:ours organisation+ours door+ours place, shed:ours organisation, vault:ours organisation+door"},
		{"what is not there", []Lockdown{door("cellar"), place("moon"), {Scope: ScopeGroup, ScopeID: "front"}}, "vault:door"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plain.WithLockdowns(tt.in, uint64(i)).WithContact("kisi", time.Now()).WithGeneration(7)
			var got []string
			for _, id := range []string{"front", "rear", "shed", "vault"} {
				var by []string
				for _, l := range s.Lockdowns(id) {
					word := l.Scope.String()
					if !l.Cloud {
						word = "ours " + word
					}
					if l.Words == "" {
						t.Errorf("%s of %s has no words", word, id)
					}
					by = append(by, word)
				}
				if len(by) > 0 {
					got = append(got, id+":"+strings.Join(by, "+"))
				}
				tap := Tap{Door: id, Credential: Credential{Kind: Card}}
				if d := s.Decide(tap, Facts{}); s.LockedDown(id) != (len(by) > 0) || d.has(LockedDown) != (len(by) > 0) {
					t.Errorf("%s: locked down %v, decided %v, by %v", id, s.LockedDown(id), d.has(LockedDown), by)
				}
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if s.Postures() != uint64(i) {
				t.Errorf("posture %d, want %d", s.Postures(), i)
			}
		})
	}
	r := postureSite()
	r.Places[0].LockedDown = true
	if r.Places[0].ID != "hq" {
		t.Fatal("the head office comes first")
	}
	cloud, err := Build(r, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := cloud.Lockdowns("front"); len(got) != 1 || !got[0].Cloud || got[0].Lockdown != place("hq") {
		t.Errorf("a place that the cloud locked down: %+v", got)
	}
	if plain.Postures() != 0 || plain.LockedDown("front") {
		t.Error("the rights that it was made of were changed")
	}
}

func TestPlacesAreListedWithTheirNames(t *testing.T) {
	s, err := Build(postureSite(), nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for id, name := range s.Places() {
		got = append(got, id+"="+name)
	}
	if got, want := strings.Join(got, " "), "annex=Annex hq=Head office"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// unlockSite is one door that stands open from 9 to 18 on every day, from the
// first to arrive after 8 on where waits is set.
func unlockSite(t *testing.T, waits bool, policy Policy, contact Contact) *Snapshot {
	t.Helper()
	r := postureSite()
	r.Schedules = []Schedule{{ID: "1", On: ScopeDoor, OnID: "front", Consequence: Unlock, Days: EveryDay, From: 9 * 60, Until: 18 * 60}}
	if waits {
		r.Schedules = append(r.Schedules, Schedule{ID: "2", On: ScopeDoor, OnID: "front", Consequence: FirstToArrive, Days: EveryDay, From: 8 * 60, Until: 18 * 60})
	}
	policy.Door = "front"
	r.Policies = []Policy{policy}
	s, err := Build(r, []Contact{contact, {Source: "file", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUnlockHoursOpenOnlyWhenAllIsWell(t *testing.T) {
	nine := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) // in Rome
	day := 24 * time.Hour
	heard := Contact{Source: "kisi", At: nine}
	tests := []struct {
		name    string
		at      time.Time
		clock   ClockState
		policy  Policy
		contact Contact
		locked  []Lockdown
		want    bool
	}{
		{"just before", nine.Add(-time.Microsecond), ClockSynced, Policy{}, heard, nil, false},
		{"the beginning is inside", nine, ClockSynced, Policy{}, heard, nil, true},
		{"just before the end", nine.Add(9*time.Hour - time.Microsecond), ClockFreeRunning, Policy{}, heard, nil, true},
		{"the end is outside", nine.Add(9 * time.Hour), ClockSynced, Policy{}, heard, nil, false},
		{"a clock that jumped", nine, ClockJumped, Policy{}, heard, nil, false},
		{"a clock that nobody set", nine, ClockUnset, Policy{}, heard, nil, false},
		{"a clock that jumped, at a home", nine, ClockJumped, Policy{Residential: true}, heard, nil, false},
		{"our lockdown of the door", nine, ClockSynced, Policy{}, heard, []Lockdown{{Scope: ScopeDoor, ScopeID: "front"}}, false},
		{"our lockdown of the site", nine, ClockSynced, Policy{}, heard, []Lockdown{{Scope: ScopeOrganisation}}, false},
		{"our lockdown of another", nine, ClockSynced, Policy{}, heard, []Lockdown{{Scope: ScopeDoor, ScopeID: "rear"}}, true},
		{"the source is silent for a week", nine.Add(7 * day), ClockSynced, Policy{}, heard, nil, true},
		{"and for longer", nine.Add(7*day + time.Microsecond), ClockSynced, Policy{}, heard, nil, false},
		{"for longer, at a home", nine.Add(8 * day), ClockSynced, Policy{Residential: true}, heard, nil, false},
		{"a day, at a door of high security", nine.Add(day), ClockSynced, Policy{HighSecurity: true}, heard, nil, true},
		{"longer, at a door of high security", nine.Add(day + time.Microsecond), ClockSynced, Policy{HighSecurity: true}, heard, nil, false},
		{"a source that was never heard of", nine, ClockSynced, Policy{}, Contact{Source: "kisi"}, nil, false},
		{"a source that does not age", nine, ClockSynced, Policy{}, Contact{Source: "kisi", Ageless: true}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := unlockSite(t, false, tt.policy, tt.contact).WithLockdowns(tt.locked, 1)
			got := s.Unlocking("front", tt.at, tt.clock, time.Time{})
			if got.Open != tt.want || got.Waits {
				t.Errorf("got %+v, want open %v", got, tt.want)
			}
		})
	}
	s := unlockSite(t, false, Policy{}, heard)
	if s.Unlocking("rear", nine, ClockSynced, time.Time{}).Open || s.Unlocking("cellar", nine, ClockSynced, time.Time{}).Open {
		t.Error("doors without unlock hours are open")
	}
	if !s.HasUnlockHours("front") || s.HasUnlockHours("rear") || s.HasUnlockHours("cellar") {
		t.Error("it is not known which doors have unlock hours")
	}
}

func TestHoursThatWaitBeginWithTheFirstToArrive(t *testing.T) {
	eight := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC) // in Rome
	contact := Contact{Source: "kisi", At: eight}
	tests := []struct {
		name        string
		at, arrived time.Duration // after eight
		never       bool
		want        string
	}{
		{"before they wait", -time.Minute, 0, true, "shut"},
		{"nobody came", time.Hour + time.Minute, 0, true, "waits"},
		{"somebody came, it is early", 30 * time.Minute, 10 * time.Minute, false, "shut"},
		{"nobody came, it is early", 30 * time.Minute, 0, true, "waits"},
		{"somebody came early", time.Hour, 10 * time.Minute, false, "open first_to_arrive"},
		{"somebody came just now", 5 * time.Hour, 5 * time.Hour, false, "open first_to_arrive"},
		{"somebody came before the hours", 2 * time.Hour, -time.Microsecond, false, "waits"},
		{"somebody came as they began", 2 * time.Hour, 0, false, "open first_to_arrive"},
		{"somebody came yesterday", 2 * time.Hour, -22 * time.Hour, false, "waits"},
		{"somebody will have come: the clock went back", 2 * time.Hour, 3 * time.Hour, false, "waits"},
		{"it is over", 10 * time.Hour, time.Hour, false, "shut"},
	}
	s := unlockSite(t, true, Policy{}, contact)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			arrived := eight.Add(tt.arrived)
			if tt.never {
				arrived = time.Time{}
			}
			u := s.Unlocking("front", eight.Add(tt.at), ClockSynced, arrived)
			got := "shut"
			switch {
			case u.Open && u.Waits:
				t.Error("it waits and is open")
			case u.Open:
				got = "open " + u.Kind.String()
			case u.Waits:
				got = "waits"
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	locked := s.WithLockdowns([]Lockdown{{Scope: ScopeOrganisation}}, 1)
	if u := locked.Unlocking("front", eight.Add(2*time.Hour), ClockSynced, time.Time{}); u.Waits || u.Open {
		t.Errorf("in a lockdown: %+v", u)
	}
	if u := unlockSite(t, false, Policy{}, contact).Unlocking("front", eight.Add(2*time.Hour), ClockSynced, time.Time{}); u.Kind != Unlock || !u.Open {
		t.Errorf("hours that do not wait: %+v", u)
	}
}

func TestUnlockHoursTellWhenTheyEnd(t *testing.T) {
	noon := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	s := unlockSite(t, false, Policy{}, Contact{Source: "kisi", At: noon})
	r := postureSite()
	r.Schedules = []Schedule{{ID: "1", On: ScopeDoor, OnID: "front", Consequence: Unlock, Days: EveryDay, From: 0, Until: MinutesADay}}
	always, err := Build(r, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		s    *Snapshot
		door string
		want time.Duration
	}{
		"at six":                       {s, "front", 6 * time.Hour},
		"never: a week is long enough": {always, "front", 7 * 24 * time.Hour},
		"there are none":               {s, "rear", 0},
		"there is no such door":        {s, "cellar", 0},
	} {
		if got := tt.s.UnlockEnds(tt.door, noon).Sub(noon); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
