package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

const (
	storedPeople = 100_000
	storedEvents = 300_000
	starts       = 7
)

// BenchmarkStart measures from exec to the moment a member's card opens a door,
// for a gateway that was killed: 100,000 credentials and as many grants in
// cache.db, 300,000 events in journal.db, and a Kisi that does not answer. The
// card is held to the tile from the start on.
func BenchmarkStart(b *testing.B) {
	const nobody = "[kisi]\napi_key_file = \"kisi-api-key\"\nbase_url = \"http://127.0.0.1:1\"\n"
	s := newSite(b, 2, nobody, func(n int) string { return fmt.Sprintf("kisi_lock = %d", n+1) })
	s.must(os.WriteFile(filepath.Join(s.dir, "credentials", "kisi-api-key"), []byte(apiKey+"\n"), 0o600))
	progress("writing %d people and %d events", storedPeople, storedEvents)
	storeRights(b, filepath.Join(s.dir, "state"))
	storeEvents(b, filepath.Join(s.dir, "state", "journal.db"))

	s.start() // the first start adds the settings of the doors to the rights
	s.ready(storedPeople)
	var decided []time.Duration
	for n := range starts {
		progress("start %d of %d", n+1, starts)
		before, err := s.daemon.view.Status(b.Context())
		s.must(err)
		s.daemon.kill()
		decided = append(decided, s.startAndOpen(uidOf(n*1000)))
		s.ready(storedPeople)
		events, err := s.daemon.view.Events(b.Context(), control.EventQuery{After: before.Journal.Last, Kind: "decision", Limit: 1})
		s.must(err)
		if len(events) != 1 || events[0].Reason != access.Granted || events[0].Holder != fmt.Sprintf("person-%d", n*1000) {
			b.Fatalf("start %d: the first decision was not what it should be: %+v", n+1, events)
		}
	}
	resident := s.settled()
	s.stop()
	figure(b, ms(median(decided)), "exec_to_open_p50", "ms")
	figure(b, ms(part(decided, 1)), "exec_to_open_max", "ms")
	figure(b, mib(resident), "resident", "MiB")
}

// startAndOpen starts the daemon with a card at the tile of the first door and
// returns how long it took until the relay switched.
func (s *site) startAndOpen(card string) time.Duration {
	s.tb.Helper()
	door := s.doors[0]
	for len(door.moved) > 0 {
		<-door.moved
	}
	ctx, gone := context.WithCancel(s.tb.Context())
	defer gone()
	begun := time.Now()
	s.start()
	// What is sent before the port is open is lost, as on a wire.
	go func() { _ = door.tile.Hold(ctx, card, 2*time.Millisecond) }()
	moved, err := door.next(ctx, true)
	s.must(err)
	return moved.At.Sub(begun)
}

// storeRights writes what a Kisi with 100,000 users would have said.
func storeRights(b *testing.B, state string) {
	b.Helper()
	key := make([]byte, 32)
	digest, err := access.NewDigestKey(key)
	if err == nil {
		err = os.WriteFile(filepath.Join(state, "keys", "digest.key"), key, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	cache, err := store.OpenCache(filepath.Join(state, "cache.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	stage, err := cache.Stage(b.Context(), "kisi")
	if err == nil {
		err = stage.Add(largeRoster(digest), 0, true)
	}
	if err != nil {
		b.Fatal(err)
	}
	contact := access.Contact{Source: "kisi", At: time.Now()}
	_, err = cache.Install(b.Context(), stage, contact, store.Terms{Contacts: []access.Contact{contact}, At: time.Now()})
	if err := errors.Join(err, stage.Close(), cache.Close()); err != nil {
		b.Fatal(err)
	}
}

// largeRoster has 100,000 people with a card and a grant each, in 60 groups of
// ten of 40 doors.
func largeRoster(digest access.DigestKey) access.Roster {
	r := access.Roster{Places: []access.Place{{ID: "hq", Name: "HQ", Zone: "Europe/Rome"}}}
	for n := range 40 {
		r.Doors = append(r.Doors, access.Door{ID: fmt.Sprintf("door-%d", n), Place: "hq"})
	}
	for n := range 60 {
		g := access.Group{ID: fmt.Sprintf("group-%d", n), Name: fmt.Sprintf("Group %d", n)}
		for j := range 10 {
			g.Doors = append(g.Doors, fmt.Sprintf("door-%d", (n+4*j)%40))
		}
		r.Groups = append(r.Groups, g)
	}
	for n := range storedPeople {
		person := fmt.Sprintf("person-%d", n)
		card := digest.Credential(access.Card, fmt.Appendf(nil, "04%010x80", n)) // as the reader tells it
		r.Holders = append(r.Holders, access.Holder{ID: person, Name: fmt.Sprintf("Member %d", n)})
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: fmt.Sprintf("card-%d", n), Kind: card.Kind, Digest: card.Digest, Assurance: card.Assurance, Holder: person, Active: true,
		})
		r.Grants = append(r.Grants, access.Grant{
			ID: fmt.Sprintf("grant-%d", n), Assignee: person, Scope: access.ScopeGroup, ScopeID: fmt.Sprintf("group-%d", n%60), Source: "kisi", Cause: "role",
		})
	}
	return r
}

// storeEvents fills a journal as the daemon does.
func storeEvents(b *testing.B, path string) {
	b.Helper()
	j, err := store.OpenJournal(path, store.JournalOptions{Boot: "an earlier one"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	from := time.Now().Add(-storedEvents * time.Second)
	var last *store.Receipt
	for n := range storedEvents {
		last = j.Append(access.Event{
			ID: fmt.Sprintf("%032x", n), Kind: access.DecisionEvent, At: from.Add(time.Duration(n) * time.Second).UTC(),
			Door: fmt.Sprintf("door-%d", n%40), Reader: "in", Reason: access.Granted, Presence: access.AtReader,
			Credential: access.Credential{Kind: access.Card, Digest: access.Digest{byte(n), byte(n >> 8)}, Assurance: access.LowAssured},
			Holder:     fmt.Sprintf("person-%d", n%storedPeople), Grant: fmt.Sprintf("grant-%d", n%storedPeople),
			Group: fmt.Sprintf("group-%d", n%60), Generation: 1, RosterHash: fmt.Sprintf("%064x", 1),
		})
		if n%2000 == 1999 { // below what the queue holds
			<-last.Done()
		}
	}
	<-last.Done()
	end()
	if err := <-ended; err != nil || last.Err() != nil {
		b.Fatal(err, last.Err())
	}
	if got := j.Stats().Count; got != storedEvents {
		b.Fatalf("%d events were written, want %d", got, storedEvents)
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}
