package daemon

import (
	"testing"
)

// Two people of one name are two people: an answer about the first of them
// would be taken for the other's.
func TestANameOfTwoPeopleIsAskedBack(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	r := people("kisi", "ann", "bob", "eve")
	r.Holders[0].Name, r.Holders[1].Name, r.Holders[2].Name = "Marco Rossi", "marco rossi", "Marco Rossini"
	b.replace("kisi", r)
	g := &gateway{cache: b.cache}
	for _, tt := range []struct{ words, want string }{
		{"Marco Rossi", ""},
		{"kisi-bob", "kisi-bob"},
		{"Marco Rossini", "kisi-eve"},
	} {
		got, err := g.findHolder(t.Context(), tt.words)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: got %q, %v; want %q", tt.words, got, err, tt.want)
		}
	}
}
