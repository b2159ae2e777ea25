package access

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestARosterIsRefusedWhole(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Roster)
		want   string
	}{
		{"door in no place", func(r *Roster) { r.Doors[0].Place = "nowhere" }, `door front: names the place "nowhere"`},
		{"group of no door", func(r *Roster) { r.Groups[0].Doors = []string{"front", "attic"} }, `group hot: names the door "attic"`},
		{"team of nobody", func(r *Roster) { r.Teams[0].Members = []string{"zoe"} }, `team acme: names the holder "zoe"`},
		{"card of nobody", func(r *Roster) { r.Assignments[2].Holder = "zoe" }, `credential #3: names the holder "zoe"`},
		{"grant to nobody", func(r *Roster) { r.Grants[0].Assignee = "zoe" }, `grant g-ann: names the holder "zoe"`},
		{"grant to no team", func(r *Roster) { r.Grants[2].Assignee = "ann" }, `grant g-tom: names the team "ann"`},
		{"grant on no group", func(r *Roster) { r.Grants[0].ScopeID = "gone" }, `grant g-ann: names the group "gone"`},
		{"grant on no door", func(r *Roster) { r.Grants[0].Scope = ScopeDoor }, `grant g-ann: names the door "hot"`},
		{"grant on no place", func(r *Roster) { r.Grants[3].ScopeID = "moon" }, `grant g-pat: names the place "moon"`},
		{"grant on nothing known", func(r *Roster) { r.Grants[0].Scope = 9 }, "grant g-ann: covers nothing we know"},
		{"grant of no source", func(r *Roster) { r.Grants[0].Source = "rumour" }, `grant g-ann: comes from the source "rumour"`},
		{"grant that ends before it begins", func(r *Roster) {
			r.Grants[0].From, r.Grants[0].Until = noon, noon.Add(-time.Hour)
		}, "grant g-ann: ends before it begins"},
		{"two of one id", func(r *Roster) { r.Holders = append(r.Holders, Holder{ID: "ann"}) }, "holder ann: appears twice"},
		{"no id", func(r *Roster) { r.Grants[1].ID = "" }, "grant #2: has no id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := house()
			tt.change(&r)
			_, err := Build(r, freshKisi, 1)
			if _, refused := errors.AsType[*BuildError](err); !refused {
				t.Fatalf("got %v, want a BuildError", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestPruneLeavesOutOnlyWhatIsWrong(t *testing.T) {
	r := house()
	r.Groups[1].Doors = []string{"front", "attic", "lab"}
	r.Holders = r.Holders[:4] // without pat: a card and a grant dangle
	pruned, problems := Prune(r)
	if got, want := len(problems), 3; got != want {
		t.Fatalf("problems: got %v, want %d", problems, want)
	}
	s := build(t, pruned)
	if d := s.Decide(Tap{Door: "lab", Credential: card("cc"), At: noon}, Facts{}); !d.Granted() {
		t.Errorf("a sound row beside a wrong one: got %v, want granted", d.Reason)
	}
	if len(r.Groups[1].Doors) != 3 || len(r.Grants) != 4 {
		t.Error("Prune changed the roster it was given")
	}
}

func TestHashDependsOnContentAlone(t *testing.T) {
	base := build(t, house()).Hash()
	shuffled := house()
	rand.Shuffle(len(shuffled.Grants), func(i, j int) {
		shuffled.Grants[i], shuffled.Grants[j] = shuffled.Grants[j], shuffled.Grants[i]
	})
	shuffled.Groups[1].Doors = []string{"lab", "front"}
	if got := build(t, shuffled).Hash(); got != base {
		t.Error("the order of the rows changed the hash")
	}
	changes := map[string]func(*Roster){
		"suspension": func(r *Roster) { r.Holders[0].Suspended = true },
		"extended":   func(r *Roster) { r.Holders[0].Extended = true },
		"both":       func(r *Roster) { r.Holders[0].Suspended, r.Holders[0].Extended = true, true },
		"window":     func(r *Roster) { r.Grants[0].Until = noon },
		"card off":   func(r *Roster) { r.Assignments[0].Active = false },
		"lockdown":   func(r *Roster) { r.Places[0].LockedDown = true },
		"policy":     func(r *Roster) { r.Policies = []Policy{{Door: "front", HighSecurity: true}} },
		"group door": func(r *Roster) { r.Groups[0].Doors = []string{"front", "lab"} },
	}
	seen := map[[32]byte]string{base: "nothing"}
	for name, change := range changes {
		r := house()
		change(&r)
		h := build(t, r).Hash()
		if other, ok := seen[h]; ok {
			t.Errorf("%s hashes like %s", name, other)
		}
		seen[h] = name
	}
}

func TestEmptyRosterRefusesEverybody(t *testing.T) {
	s, err := Build(Roster{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{}); d.Reason != Unknown {
		t.Errorf("got %v, want %v", d.Reason, Unknown)
	}
}

func TestEveryReasonHasALabelAndWords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if r.String() == "" || r.Words() == "" || seen[r.String()] {
			t.Errorf("reason %d: label %q, words %q", r, r, r.Words())
		}
		seen[r.String()] = true
		text, _ := r.MarshalText()
		var back Reason
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("%v came back as %v, %v", r, back, err)
		}
	}
}

func TestADigestKeyNeverShows(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := sprintf(verb, testKey); strings.Contains(got, "test key") || got != "[digest key]" {
			t.Errorf("%s shows %q", verb, got)
		}
	}
}

func TestEqualTextsOfTwoKindsHaveTwoDigests(t *testing.T) {
	if testKey.Digest(Card, []byte("123")) == testKey.Digest(QR, []byte("123")) {
		t.Error("a card and a code of the same text have the same digest")
	}
}

func sprintf(verb string, v any) string { return fmt.Sprintf(verb, v) }

func TestEveryDoorOfALargeSiteIsToldApart(t *testing.T) {
	const doors = 130 // more than two words of bits
	r := Roster{}
	for i := range doors {
		id := fmt.Sprintf("door-%03d", i)
		r.Doors = append(r.Doors, Door{ID: id})
		r.Groups = append(r.Groups, Group{ID: id, Doors: []string{id}})
		r.Holders = append(r.Holders, Holder{ID: id})
		r.Assignments = append(r.Assignments, assign(id, id))
		r.Grants = append(r.Grants, Grant{ID: id, Assignee: id, Scope: ScopeGroup, ScopeID: id, Source: "kisi"})
	}
	s := build(t, r)
	for _, holder := range r.Holders {
		for _, door := range r.Doors {
			d := s.Decide(Tap{Door: door.ID, Credential: card(holder.ID), At: noon}, Facts{})
			if d.Granted() != (holder.ID == door.ID) {
				t.Fatalf("holder of %s at %s: got %v", holder.ID, door.ID, d.Reason)
			}
		}
	}
}

// The form that is hashed is part of what stands on disk: a gateway that is
// upgraded while its cloud is away must still believe the seal of its rights.
// Who changes the form changes this line, and adds a migration of cache.db that
// seals the newest generation anew: raise HashForm with it.
func TestTheFormOfTheHashStays(t *testing.T) {
	r := house()
	r.Policies = []Policy{{Door: "front", Name: "Front", MinimumAssurance: MediumAssured, AskPIN: true, Passback: time.Minute}}
	r.Grants[0].From, r.Grants[0].Until = noon, noon.Add(time.Hour)
	const want = "3ee6ea216f974e42621be376d6f91a13a47f9e0b3d9f981e70f49d82ea4baca6"
	if got := fmt.Sprintf("%x", build(t, r).Hash()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
