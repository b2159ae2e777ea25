package access

import (
	"testing"
	"time"
)

// noon is the instant that the tests decide at, unless they say otherwise.
var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

var testKey, _ = NewDigestKey([]byte("a test key, not a secret one !!!"))

func card(uid string) Credential { return testKey.Credential(Card, []byte(uid)) }

func assign(uid, holder string) Assignment {
	c := card(uid)
	return Assignment{ID: "card-" + uid, Kind: c.Kind, Digest: c.Digest, Assurance: c.Assurance, Holder: holder, Active: true}
}

func assignPIN(digits, holder string) Assignment {
	return Assignment{Kind: PIN, Digest: testKey.Digest(PIN, []byte(digits)), Assurance: LowAssured, Holder: holder, Active: true}
}

// house is a small building: two doors, a lift that only the staff may use,
// and one person for each way to have, or not have, a right.
func house() Roster {
	return Roster{
		Places: []Place{{ID: "hq", Name: "HQ", Zone: "Europe/Rome"}, {ID: "annex", Name: "Annex"}},
		Doors: []Door{
			{ID: "front", Name: "Front door", Place: "hq"},
			{ID: "lab", Name: "Lab", Place: "hq"},
			{ID: "shed", Name: "Shed", Place: "annex"},
		},
		Groups: []Group{
			{ID: "hot", Name: "Hot desk", Doors: []string{"front"}},
			{ID: "lab", Name: "Lab people", Doors: []string{"front", "lab"}},
		},
		Teams:   []Team{{ID: "acme", Name: "Acme", Members: []string{"tom"}}},
		Holders: []Holder{{ID: "ann"}, {ID: "bob", Suspended: true}, {ID: "tom"}, {ID: "eve"}, {ID: "pat"}},
		Assignments: []Assignment{
			assign("aa", "ann"), assign("bb", "bob"), assign("cc", "tom"), assign("dd", "eve"), assign("ee", "pat"),
		},
		Grants: []Grant{
			{ID: "g-ann", Assignee: "ann", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi", Cause: "role"},
			{ID: "g-bob", Assignee: "bob", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi", Cause: "role"},
			{ID: "g-tom", Kind: ToTeam, Assignee: "acme", Scope: ScopeGroup, ScopeID: "lab", Source: "kisi", Cause: "role"},
			{ID: "g-pat", Assignee: "pat", Scope: ScopePlace, ScopeID: "hq", Source: "kisi", Cause: "role"},
		},
	}
}

var freshKisi = []Contact{{Source: "kisi", At: noon.Add(-time.Minute)}}

func build(t testing.TB, r Roster) *Snapshot {
	t.Helper()
	s, err := Build(r, freshKisi, 7)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reasonsOf lists all the reasons of a decision, in order.
func reasonsOf(d Decision) []Reason {
	var all []Reason
	for _, m := range d.Misses() {
		all = append(all, m.Reason)
	}
	return all
}
