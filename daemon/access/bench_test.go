package access

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
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

// hugeSite is a campus: four grants and a card for each of n people, on 2,000
// doors in groups of 20 to 100, a third of which keep hours. The rows come in the
// order that an assembly asks for, and none is kept.
type hugeSite struct {
	n     int
	plain bool // no two grants are alike
}

const hugeDoors, hugeGroups, grantsEach = 2000, 240, 4

func (h hugeSite) building() Roster {
	r := Roster{Places: []Place{{ID: "hq", Zone: "Europe/Rome"}}}
	for i := range hugeDoors {
		r.Doors = append(r.Doors, Door{ID: fmt.Sprintf("door-%d", i), Place: "hq"})
	}
	for i := range hugeGroups {
		g := Group{ID: fmt.Sprintf("group-%d", i), Restricted: i%3 == 0}
		for j := range 20 + i%81 {
			g.Doors = append(g.Doors, fmt.Sprintf("door-%d", (i*37+j)%hugeDoors))
		}
		r.Groups = append(r.Groups, g)
		if g.Restricted {
			r.Schedules = append(r.Schedules,
				Schedule{ID: "week-" + g.ID, On: ScopeGroup, OnID: g.ID, Days: EveryDay &^ (1 << time.Sunday), From: 7 * 60, Until: 21 * 60},
				Schedule{ID: "off-" + g.ID, On: ScopeGroup, OnID: g.ID, Except: true, Dates: []Dates{{First: DateOf(noon) + 40, Last: DateOf(noon) + 41}}})
		}
	}
	return r
}

func (h hugeSite) group(person, nth int) int { return (person*7 + nth*61) % hugeGroups }

func (h hugeSite) grant(person, nth int) Grant {
	g := Grant{
		ID: fmt.Sprintf("kisi:ra:%d", 40_000_000+person*grantsEach+nth), Assignee: h.holder(person), Scope: ScopeGroup,
		ScopeID: fmt.Sprintf("group-%d", h.group(person, nth)), Source: "kisi", Cause: "role",
	}
	if h.plain || nth == 3 {
		g.From = noon.Add(-time.Duration(person%900) * 24 * time.Hour)
	}
	if h.plain {
		g.Until = noon.Add(time.Duration(1+person*grantsEach+nth) * time.Second)
	}
	return g
}

func (h hugeSite) holder(person int) string { return fmt.Sprintf("kisi:user:%07d", person) }

func (h hugeSite) assemble(tb testing.TB, cards []Assignment) *Snapshot {
	a := NewAssembly(freshKisi)
	try := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	try(a.Building(h.building()))
	for i := range h.n {
		try(a.Holder(Holder{ID: h.holder(i), Name: "somebody"}))
	}
	for i := range h.n {
		for j := range grantsEach {
			try(a.Grant(h.grant(i, j)))
		}
	}
	for i := range cards {
		try(a.Assignment(cards[i]))
	}
	s, err := a.Done(1)
	try(err)
	return s
}

// cards are sorted, as a database has them.
func (h hugeSite) cards() []Assignment {
	rows := make([]Assignment, h.n)
	for i := range rows {
		c := bigCard(i)
		rows[i] = Assignment{ID: "kisi:card", Kind: c.Kind, Digest: c.Digest, Assurance: c.Assurance, Holder: h.holder(i), Active: true}
	}
	slices.SortFunc(rows, func(a, b Assignment) int { return compareAssignments(&a, &b) })
	return rows
}

// taps are of anybody, at any door of one of the person's groups or, one time in
// four, at any door at all.
func (h hugeSite) taps(n int) []Tap {
	r := h.building()
	taps := make([]Tap, n)
	for i := range taps {
		person := rand.IntN(h.n)
		doors := r.Groups[h.group(person, rand.IntN(grantsEach))].Doors
		door := doors[rand.IntN(len(doors))]
		if i%4 == 0 {
			door = r.Doors[rand.IntN(hugeDoors)].ID
		}
		taps[i] = Tap{Door: door, Credential: bigCard(person), At: noon}
	}
	return taps
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 500_000} {
		h := hugeSite{n: n}
		s := h.assemble(b, h.cards())
		taps := h.taps(1 << 18)
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
			b.ReportMetric(100*float64(granted)/float64(b.N), "granted-%")
		})
	}
}

// BenchmarkWith tells what a small change costs among 500,000 people: after it the
// rights are as they would be built anew. After 3,000 there is as much laid over
// already as a gateway may have by the evening.
func BenchmarkWith(b *testing.B) {
	h := hugeSite{n: 500_000}
	cards := h.cards()
	fresh := h.assemble(b, cards)
	late := fresh
	for i := range 3000 {
		was := Holder{ID: h.holder(i), Name: "somebody"}
		is := was
		is.Suspended = true
		late = mustWith(b, late, Delta{Ended: Roster{Holders: []Holder{was}}, Begun: Roster{Holders: []Holder{is}}})
	}
	is := Holder{ID: h.holder(400_000), Name: "somebody"}
	suspended := is
	suspended.Suspended = true
	door := h.building().Doors[700]
	locked := door
	locked.LockedDown = true
	grant := h.grant(400_000, 1)
	grant.ID = "kisi:ra:99999999"
	for _, bench := range []struct {
		name  string
		delta Delta
	}{
		{"grant", Delta{Begun: Roster{Grants: []Grant{grant}}}},
		{"grant_ends", Delta{Ended: Roster{Grants: []Grant{h.grant(400_000, 1)}}}},
		{"card", Delta{Begun: Roster{Assignments: []Assignment{assign("new", h.holder(400_000))}}}},
		{"card_ends", Delta{Ended: Roster{Assignments: cards[1000:1001]}}},
		{"suspension", Delta{Ended: Roster{Holders: []Holder{is}}, Begun: Roster{Holders: []Holder{suspended}}}},
		{"lockdown", Delta{Ended: Roster{Doors: []Door{door}}, Begun: Roster{Doors: []Door{locked}}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				mustWith(b, fresh, bench.delta)
			}
		})
		b.Run(bench.name+"/after_3000", func(b *testing.B) {
			for b.Loop() {
				mustWith(b, late, bench.delta)
			}
		})
	}
	taps := h.taps(1 << 16)
	b.Run("decide/after_3000", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			late.Decide(taps[i&(len(taps)-1)], Facts{})
		}
	})
}

func mustWith(tb testing.TB, s *Snapshot, d Delta) *Snapshot {
	next, err := s.With(d)
	if err != nil {
		tb.Fatal(err)
	}
	return next
}

// BenchmarkSnapshotMemory tells what a snapshot takes by itself, and by how much
// more the heap ever grew while it was built, garbage included.
func BenchmarkSnapshotMemory(b *testing.B) {
	for _, h := range []hugeSite{{n: 1_000}, {n: 100_000}, {n: 500_000}, {n: 500_000, plain: true}} {
		name := fmt.Sprintf("%dk", h.n/1000)
		if h.plain {
			name += "/unlike"
		}
		b.Run(name, func(b *testing.B) {
			cards := h.cards()
			for b.Loop() {
				before, peak := heapAlloc(), heapPeak()
				s := h.assemble(b, cards)
				highest := peak()
				after := heapAlloc()
				b.ReportMetric(float64(after-before)/(1<<20), "heap-MiB")
				b.ReportMetric(float64(highest-before)/(1<<20), "peak-MiB")
				runtime.KeepAlive(s)
			}
			runtime.KeepAlive(cards)
		})
	}
}

// heapAlloc is how much is in use after a collection.
func heapAlloc() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// heapPeak watches the heap until it is asked for the highest that it was.
func heapPeak() func() uint64 {
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		var m runtime.MemStats
		highest := uint64(0)
		for {
			runtime.ReadMemStats(&m)
			highest = max(highest, m.HeapAlloc)
			select {
			case <-stop:
				done <- highest
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
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

// Where rights keep hours, where something was laid over them, and where a tap
// is refused for every reason there is.
func TestALargeSiteIsDecidedWithoutAllocating(t *testing.T) {
	h := hugeSite{n: 2000}
	fresh := h.assemble(t, h.cards())
	is := Holder{ID: h.holder(1), Name: "somebody"}
	was := is
	is.Suspended = true
	for name, s := range map[string]*Snapshot{
		"built":     fresh,
		"laid over": mustWith(t, fresh, Delta{Ended: Roster{Holders: []Holder{was}}, Begun: Roster{Holders: []Holder{is}}}),
	} {
		taps := h.taps(512)
		for i := range taps {
			taps[i].At = noon.Add(time.Duration(i%48) * time.Hour / 2)
			if i%3 == 0 {
				taps[i].Credential = bigCard(1)
			}
		}
		if n := testing.AllocsPerRun(4, func() {
			for i := range taps {
				s.Decide(taps[i], Facts{})
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations in %d taps", name, n, len(taps))
		}
	}
}
