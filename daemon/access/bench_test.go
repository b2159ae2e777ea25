package access

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// bigSite has n holders with one card and one grant each, in 60 groups of 40
// doors, as a large operator would.
func bigSite(n int) (Roster, []Contact) {
	r := Roster{Places: []Place{{ID: "hq"}}}
	for i := range 40 {
		r.Doors = append(r.Doors, Door{ID: fmt.Sprintf("door-%d", i), Place: "hq"})
	}
	for i := range 60 {
		g := Group{ID: fmt.Sprintf("group-%d", i)}
		for j := range 10 {
			g.Doors = append(g.Doors, fmt.Sprintf("door-%d", (i+j*4)%40))
		}
		r.Groups = append(r.Groups, g)
	}
	for i := range n {
		id := fmt.Sprintf("kisi-user-%d", i)
		r.Holders = append(r.Holders, Holder{ID: id, Name: id})
		c := bigCard(i)
		r.Assignments = append(r.Assignments, Assignment{ID: id, Kind: c.Kind, Digest: c.Digest, Assurance: c.Assurance, Holder: id, Active: true})
		r.Grants = append(r.Grants, Grant{ID: fmt.Sprintf("kisi-ra-%d", i), Assignee: id, Scope: ScopeGroup, ScopeID: fmt.Sprintf("group-%d", i%60), Source: "kisi", Cause: "role", From: noon.Add(-time.Hour)})
	}
	return r, freshKisi
}

func bigCard(i int) Credential {
	return testKey.Credential(Card, binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 500_000} {
		roster, contacts := bigSite(n)
		s, err := Build(roster, contacts, 1)
		if err != nil {
			b.Fatal(err)
		}
		doors := make([]string, 40) // as a door loop has it: one text, asked again and again
		for i := range doors {
			doors[i] = fmt.Sprintf("door-%d", i)
		}
		taps := make([]Tap, 1<<16)
		for i := range taps {
			taps[i] = Tap{Door: doors[rand.IntN(40)], Credential: bigCard(rand.IntN(n)), At: noon}
		}
		runtime.GC()
		b.Run(fmt.Sprintf("%dk", n/1000), func(b *testing.B) {
			b.ReportAllocs()
			granted := 0
			for i := 0; b.Loop(); i++ {
				if d := s.Decide(taps[i&(len(taps)-1)], Facts{}); d.Granted() {
					granted++
				}
			}
			if granted == 0 && b.N > 1000 {
				b.Fatal("nobody was granted")
			}
		})
	}
}

func BenchmarkBuild100k(b *testing.B) {
	roster, contacts := bigSite(100_000)
	for b.Loop() {
		if _, err := Build(roster, contacts, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/1e6, "ms")
}
