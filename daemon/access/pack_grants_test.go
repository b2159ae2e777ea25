package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// idOf is the id that the snapshot tells of each grant, in the order of the rows.
func idsOf(s *Snapshot) []string {
	var ids []string
	for at := range s.grants {
		ids = append(ids, s.grantID(int32(at)))
	}
	return ids
}

func TestTheIDOfAGrantIsToldAsItWasGiven(t *testing.T) {
	ids := []string{
		"g-ann", "7", "0", "007", "kisi:ra:12", "kisi:ra:012", "kisi:ra:0", "kisi:ra:4294967295", "kisi:ra:4294967296",
		"99999999999999999999999", "ann@hot", "ann@everywhere", "ann@", "@hot", "team:ann@hot", "ann@hot2", "bob@hot", "tür-ünf",
	}
	r := house()
	r.Grants = nil
	for _, id := range ids {
		r.Grants = append(r.Grants, Grant{ID: id, Assignee: "ann", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi"})
	}
	for i, g := range []Grant{
		{ID: "eve@everywhere", Assignee: "eve", Scope: ScopeOrganisation, Source: "kisi"},
		{ID: "eve@all", Assignee: "eve", Scope: ScopeOrganisation, ScopeID: "all", Source: "kisi"},
		{ID: "eve@front", Assignee: "eve", Scope: ScopeDoor, ScopeID: "front", Source: "kisi"},
		{ID: "eve@hq", Assignee: "eve", Scope: ScopePlace, ScopeID: "hq", Source: "kisi"},
		{ID: "team:acme@hot", Kind: ToTeam, Assignee: "acme", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi"},
		{ID: "team:acme@everywhere", Kind: ToTeam, Assignee: "acme", Scope: ScopeOrganisation, Source: "kisi"},
		{ID: "acme@hot", Kind: ToTeam, Assignee: "acme", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi"},
	} {
		g.From = noon.Add(time.Duration(i) * time.Minute)
		r.Grants = append(r.Grants, g)
		ids = append(ids, g.ID)
	}
	got := idsOf(build(t, r))
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("got  %q\nwant %q", got, ids)
	}
}

// However ids are made, and also where no two are made alike.
func TestAnyIDIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := house()
		r.Grants = nil
		ids := rapid.SliceOfNDistinct(rapid.OneOf(
			rapid.StringMatching(`[a-c]?[:-]?[0-9]{0,11}`), rapid.SampledFrom([]string{"ann@hot", "ann@front", "bob@hot"}), rapid.StringN(1, 8, -1),
		), 1, 40, rapid.ID[string]).Draw(t, "ids")
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
		for _, id := range ids {
			r.Grants = append(r.Grants, Grant{ID: id, Assignee: "ann", Scope: ScopeGroup, ScopeID: "hot", Source: "kisi"})
		}
		s, err := Build(r, freshKisi, 1)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		if got := idsOf(s); !slices.Equal(got, ids) {
			t.Fatalf("got  %q\nwant %q", got, ids)
		}
	})
}

// Ids of which no two have a pattern in common cost no pattern each, and rights
// of which no two are alike are kept like any.
func TestRightsThatHaveNothingInCommonAreKept(t *testing.T) {
	const n = 5 * maxPrefixes
	r := house()
	r.Grants = nil
	for i := range n {
		r.Grants = append(r.Grants, Grant{
			ID: fmt.Sprintf("%05d-%s7", i, strings.Repeat("x", i%3)), Assignee: "ann", Scope: ScopeDoor, ScopeID: "lab", Source: "kisi",
			From: noon.Add(time.Duration(i) * time.Minute), Until: noon.Add(time.Duration(i+1) * time.Minute), Cause: fmt.Sprint("booking ", i),
		})
	}
	s := build(t, r)
	if got := len(s.grantIDs.prefixes); got > maxPrefixes {
		t.Errorf("%d prefixes of ids, want at most %d", got, maxPrefixes)
	}
	for _, i := range []int{0, maxPrefixes - 1, maxPrefixes, n - 1} {
		e := s.Explain(s.Decide(Tap{Door: "lab", Credential: card("aa"), At: noon.Add(time.Duration(i) * time.Minute)}, Facts{}))
		want := r.Grants[i]
		if !e.Granted || e.Grant.ID != want.ID || e.Grant.Cause != want.Cause || !e.Grant.From.Equal(want.From) || !e.Grant.Until.Equal(want.Until) {
			t.Errorf("minute %d: got %+v, want %+v", i, e.Grant, want)
		}
	}
}

func TestRightsThatAreAlikeAreKeptOnce(t *testing.T) {
	r, contacts := bigSite(1000)
	s, err := Build(r, contacts, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.terms) != 60 || len(s.grants) != 1000 || s.grantIDs.texts.len() != 0 {
		t.Errorf("%d terms of %d grants, %d ids as they are; want 60 of 1000 and none", len(s.terms), len(s.grants), s.grantIDs.texts.len())
	}
}
