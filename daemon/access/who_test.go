package access

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// who lists who opens a door by which grant until when, and who has no card.
func who(s *Snapshot, door string, at time.Time) (all []string) {
	s.Openings(Tap{Door: door, At: at}, Facts{PIN: PINRight}, func(o Opening) bool {
		e := s.Explain(o.Decision)
		switch {
		case o.Unarmed:
			all = append(all, fmt.Sprintf("%s unarmed %v", o.Holder, o.Decision.Reason))
		case e.Granted:
			all = append(all, fmt.Sprintf("%s %s %s", o.Holder, e.Grant.ID, o.Until.Format("15:04")))
		default:
			all = append(all, fmt.Sprintf("%s %v", o.Holder, e.Reason))
		}
		return true
	})
	return all
}

func TestEverybodyIsAskedAboutADoor(t *testing.T) {
	r := house()
	r.Holders = append(r.Holders, Holder{ID: "zoe"})
	r.Grants = append(r.Grants, Grant{ID: "g-zoe", Assignee: "zoe", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi"})
	r.Grants[0].Until = noon.Add(3 * time.Hour)
	r.Groups[1].Restricted, r.Groups[1].Zone = true, "UTC"
	r.Schedules = []Schedule{{ID: "h", On: ScopeGroup, OnID: "lab", Days: EveryDay, From: 8 * 60, Until: 18 * 60}}
	s := build(t, r)
	want := []string{"ann g-ann 15:00", "bob suspended", "eve no_grant", "pat g-pat 00:00", "tom g-tom 18:00", "zoe unarmed granted"}
	if got := who(s, "front", noon); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// A small change: zoe gets a card, ann goes, and uma comes.
	next, err := s.With(Delta{
		Ended: Roster{Holders: []Holder{{ID: "ann"}}, Grants: r.Grants[:1], Assignments: []Assignment{assign("aa", "ann")}},
		Begun: Roster{
			Holders: []Holder{{ID: "uma"}}, Assignments: []Assignment{assign("12", "zoe"), assign("13", "uma")},
			Grants: []Grant{{ID: "g-uma", Assignee: "uma", Scope: ScopeDoor, ScopeID: "front", Source: "kisi"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"bob suspended", "eve no_grant", "pat g-pat 00:00", "tom g-tom 18:00", "zoe g-zoe 00:00", "uma g-uma 00:00"}
	if got := who(next, "front", noon); !slices.Equal(got, want) {
		t.Errorf("after a change\ngot  %q\nwant %q", got, want)
	}
}

func TestTheBestCredentialIsAskedWith(t *testing.T) {
	r := house()
	off := assign("a1", "ann")
	off.Active, off.Assurance = false, HighAssured
	safer := assign("a2", "ann")
	safer.Assurance = HighAssured
	digits := testKey.Credential(PIN, []byte("481516"))
	r.Assignments = append(r.Assignments, off, safer, Assignment{ID: "p", Kind: PIN, Digest: digits.Digest, Assurance: HighAssured, Holder: "ann", Active: true})
	r.Policies = []Policy{{Door: "front", MinimumAssurance: HighAssured}}
	s := build(t, r)
	if got, ok := s.CredentialOf("ann"); !ok || got.Digest != safer.Digest {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := s.CredentialOf("nobody"); ok {
		t.Error("nobody has one")
	}
	want := []string{"ann g-ann 00:00", "bob suspended", "eve low_assurance", "pat low_assurance", "tom low_assurance"}
	if got := who(s, "front", noon); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Whoever asks about everybody holds one number for each, not a list of them.
func TestAskingEverybodyAllocatesNothingForEach(t *testing.T) {
	r, contacts := bigSite(1000)
	s, err := Build(r, contacts, 7)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	allocated := testing.AllocsPerRun(5, func() {
		s.Openings(Tap{Door: "door-0", At: noon}, Facts{}, func(Opening) bool { asked++; return true })
	})
	if allocated > 3 || asked != 6000 { // one of them to warm up
		t.Errorf("%v allocations, %d people asked about", allocated, asked)
	}
}

func BenchmarkWho500k(b *testing.B) {
	site := hugeSite{n: 500_000}
	s := site.assemble(b, site.cards())
	before, peak := heapAlloc(), heapPeak()
	could := 0
	for b.Loop() {
		s.Openings(Tap{Door: "door-7", At: noon}, Facts{}, func(o Opening) bool {
			if o.Decision.Granted() {
				could++
			}
			return true
		})
	}
	b.ReportMetric(float64(peak()-before)/(1<<20), "MiB-peak")
	b.ReportMetric(float64(could)/float64(b.N), "people")
}
