package access

import (
	"fmt"
	"testing"
)

// pinSite has three people with cards; two of them share a PIN.
func pinSite(t *testing.T) *Snapshot {
	t.Helper()
	r := Roster{
		Doors:    []Door{{ID: "front"}, {ID: "store"}},
		Policies: []Policy{{Door: "front", AskPIN: true}},
		Holders:  []Holder{{ID: "anna"}, {ID: "berta"}, {ID: "carlo"}},
		Assignments: []Assignment{
			assign("aa", "anna"), assign("bb", "berta"), assign("cc", "carlo"),
			assign("dd", "anna"), assign("dd", "berta"), // a clash
			assignPIN("1234", "anna"), assignPIN("1234", "berta"), assignPIN("481516", "anna"),
		},
	}
	idle := assignPIN("9999", "carlo")
	idle.Active = false
	r.Assignments = append(r.Assignments, idle)
	for i, holder := range []string{"anna", "berta", "carlo"} {
		r.Grants = append(r.Grants, Grant{ID: string(rune('a' + i)), Assignee: holder, Scope: ScopeOrganisation, Source: "file"})
	}
	s, err := Build(r, []Contact{{Source: "file", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPINBelongsToTheHolderOfTheCard(t *testing.T) {
	s := pinSite(t)
	for _, tt := range []struct {
		name, uid, digits string
		want              bool
	}{
		{"her own", "aa", "1234", true},
		{"her other one", "aa", "481516", true},
		{"one that both have", "bb", "1234", true},
		{"somebody else's", "bb", "481516", false},
		{"nobody's", "aa", "0000", false},
		{"switched off", "cc", "9999", false},
		{"a card of two people", "dd", "1234", false},
		{"a card of nobody", "ee", "1234", false},
	} {
		if got := s.PINBelongs(card(tt.uid), testKey.Digest(PIN, []byte(tt.digits))); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
	if got := s.PINs(); got != 3 {
		t.Errorf("PINs in use: got %d, want 3", got)
	}
}

func TestPINOfTwoPeopleAloneOpensForNeitherAndIsNoClashOfCards(t *testing.T) {
	s := pinSite(t)
	facts := Facts{Clock: ClockSynced}
	shared := Tap{Door: "store", Credential: testKey.Credential(PIN, []byte("1234")), At: noon}
	if got := s.Decide(shared, facts); got.Reason != Unknown {
		t.Errorf("a PIN that two people have: got %s, want %s", got.Reason, Unknown)
	}
	own := Tap{Door: "store", Credential: testKey.Credential(PIN, []byte("481516")), At: noon}
	if got := s.Decide(own, facts); !got.Granted() {
		t.Errorf("a PIN that one person has: got %s, want %s", got.Reason, Granted)
	}
	if got := s.Clashes(); got != 1 {
		t.Errorf("clashes: got %d, want that of the card alone", got)
	}
}

// A door that asks for a PIN asks for it beside something: digits alone, even
// right ones, are no second factor of themselves.
func TestPINAloneDoesNotOpenADoorThatAsksForOne(t *testing.T) {
	s := pinSite(t)
	tap := Tap{Door: "front", Credential: testKey.Credential(PIN, []byte("481516")), At: noon}
	for state := range PINBlocked {
		if got := s.Decide(tap, Facts{Clock: ClockSynced, PIN: state}); got.Reason != PINWrong {
			t.Errorf("PIN state %d: got %s, want %s", state, got.Reason, PINWrong)
		}
	}
}

func TestCredentialOfAPersonIsACardBeforeAPIN(t *testing.T) {
	s := pinSite(t)
	for _, holder := range []string{"anna", "berta", "carlo"} {
		if got, ok := s.CredentialOf(holder); !ok || got.Kind != Card {
			t.Errorf("%s: got %s, %t, want a card", holder, got, ok)
		}
	}
}

func TestPINAloneMustBeLongEnoughForTheDoor(t *testing.T) {
	for _, tt := range []struct {
		digits, inUse int
		plain, high   bool
	}{
		{0, 1, false, false},
		{4, 1, false, false},
		{5, 1, false, false},
		{6, 0, true, true},
		{6, 10, true, true},
		{6, 11, true, false},
		{7, 100, true, true},
		{7, 101, true, false},
		{8, 1000, true, true},
		{12, 100_000, true, true},
		{13, 1, false, false},
	} {
		r := Roster{
			Doors:    []Door{{ID: "store"}, {ID: "vault"}},
			Policies: []Policy{{Door: "vault", HighSecurity: true}},
			Holders:  []Holder{{ID: "anna"}},
		}
		for i := range tt.inUse {
			r.Assignments = append(r.Assignments, assignPIN(fmt.Sprintf("%06d", i), "anna"))
		}
		s, err := Build(r, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		if plain, high := s.PINAlone("store", tt.digits), s.PINAlone("vault", tt.digits); plain != tt.plain || high != tt.high {
			t.Errorf("%d digits, %d PINs in use: got %t and %t at a door of high security, want %t and %t",
				tt.digits, tt.inUse, plain, high, tt.plain, tt.high)
		}
	}
}
