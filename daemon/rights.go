package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// settingsSource is the name under which our own door settings stand in the
// cache beside the rights of the sources.
const settingsSource = "settings"

// rights is what the doors decide by: one snapshot, swapped whole. Load is
// called at every tap and never waits; everything else may take its time.
type rights struct {
	current atomic.Pointer[access.Snapshot]
	cache   *store.Cache
	wall    func() time.Time
	log     hclog.Logger
	changed func(*access.Snapshot) // told after every swap

	// swapping is held for moments only, so that a lockdown waits for no sync. It
	// guards lockdowns and posture.
	swapping  sync.Mutex
	lockdowns []access.Lockdown // by our own staff: part of whatever is in force
	posture   uint64            // as of which these are

	mu       sync.Mutex // one change at a time; guards all below
	contacts contactClock
	// unsealed says that the newest rows on disk may be none that the doors
	// decide by: the power went, or the disk was full, before their seal.
	unsealed bool
}

// Load is the snapshot in force.
func (r *rights) Load() *access.Snapshot { return r.current.Load() }

// restore takes the rights of the last run into use, with today's policies and
// sources. It needs no network: this is what the first tap after a start is
// decided by. A copy that does not hash to what was sealed is not used: the
// note says so, and the sources fetch everything anew.
func (r *rights) restore(ctx context.Context, policies []access.Policy, sources []access.Contact) (note string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsealed = true
	roster, contacts, generation, err := r.cache.Load(ctx)
	if err != nil {
		return "", fmt.Errorf("rights: load from disk: %w", err)
	}
	known := len(contacts)
	contacts = r.recall(contacts)
	contacts = withSourcesOf(roster.Grants, contacts)
	snapshot, err := access.Build(roster, mergeContacts(contacts, sources), generation.Number)
	comparable := generation.Number != 0 && generation.Form == access.HashForm
	if err == nil && comparable && snapshot.Hash() != generation.Hash {
		err = fmt.Errorf("generation %d does not hash to what was sealed", generation.Number)
	}
	if err == nil && generation.Number != 0 && !comparable { // of an older tilegate
		err = r.seal(generation.Number, snapshot)
	}
	if err != nil {
		note = err.Error()
		for _, c := range contacts {
			if _, _, err := r.cache.Retire(c.Source, r.wall()); err != nil && !errors.Is(err, store.ErrNotFound) {
				return note, err
			}
		}
		roster = access.Roster{}
		if snapshot, err = access.Build(roster, sources, 0); err != nil {
			return note, err
		}
	}
	r.swap(snapshot)
	if err := r.retire(ctx, sources); err != nil {
		return note, err
	}
	if samePolicies(roster.Policies, policies) && len(contacts) == known {
		return note, nil
	}
	_, err = r.replace(ctx, settingsSource, access.Roster{Policies: policies}, access.Contact{Source: settingsSource, At: r.wall(), Ageless: true})
	return note, err
}

// keepOnly takes out the rights of every source but these.
func (r *rights) keepOnly(ctx context.Context, sources []access.Contact) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.retire(ctx, sources)
}

// retire takes out the sources that the settings no longer name: who took a
// section out of the file wants its rights gone.
func (r *rights) retire(ctx context.Context, sources []access.Contact) error {
	for _, c := range r.Load().Contacts() {
		if slices.ContainsFunc(sources, func(s access.Contact) bool { return s.Source == c.Source }) {
			continue
		}
		number, rows, err := r.cache.Retire(c.Source, r.wall())
		never := errors.Is(err, store.ErrNotFound) // heard of: it has no rights to take out
		if err != nil && !never {
			return err
		}
		if never {
			number = r.Load().Generation()
		}
		kept := slices.DeleteFunc(r.Load().Contacts(), func(k access.Contact) bool { return k.Source == c.Source })
		merged, err := r.merge(ctx, kept, "", access.Roster{})
		if err != nil {
			return err
		}
		snapshot, err := access.Build(merged, kept, number)
		if err != nil {
			return err
		}
		if !never {
			if err := r.seal(number, snapshot); err != nil {
				return err
			}
		}
		r.swap(snapshot)
		r.log.Warn("the rights of a source that is no longer in the settings were taken out", "source", c.Source, "rows", rows)
	}
	return nil
}

// setPolicies takes our own door settings into use.
func (r *rights) setPolicies(ctx context.Context, policies []access.Policy) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	have, err := r.cache.LoadSource(ctx, settingsSource)
	if err != nil || samePolicies(have.Policies, policies) {
		return err
	}
	contact := access.Contact{Source: settingsSource, At: r.wall(), Ageless: true}
	_, err = r.replace(ctx, settingsSource, access.Roster{Policies: policies}, contact)
	return err
}

// Current is what is in force of one source.
func (r *rights) Current(ctx context.Context, source string) (access.Roster, error) {
	return r.cache.LoadSource(ctx, source)
}

// Replace builds, stores and swaps the rights of one source. An error leaves
// the old rights in force.
func (r *rights) Replace(ctx context.Context, source string, next access.Roster, contact access.Contact) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(contact.At)
	contact.At = at
	changed, err := r.replace(ctx, source, next, contact)
	if err == nil {
		r.contacts.mark(source, mark)
	}
	return changed, err
}

func (r *rights) replace(ctx context.Context, source string, next access.Roster, contact access.Contact) (int, error) {
	contacts := mergeContacts(r.Load().Contacts(), []access.Contact{contact})
	merged, err := r.merge(ctx, contacts, source, next)
	if err != nil {
		return 0, err
	}
	snapshot, err := access.Build(merged, contacts, 0)
	if err != nil {
		return 0, fmt.Errorf("rights of %s: %w", source, err)
	}
	number, changed, err := r.cache.Install(source, next, contact, r.wall())
	if err != nil {
		return 0, fmt.Errorf("rights of %s: store: %w", source, err)
	}
	if changed > 0 || r.unsealed {
		if err := r.seal(number, snapshot); err != nil {
			return 0, fmt.Errorf("rights of %s: %w", source, err)
		}
	}
	r.swap(snapshot.WithGeneration(number))
	return changed, nil
}

// seal says that the rows of a generation are what the snapshot was built from.
func (r *rights) seal(number uint64, s *access.Snapshot) error {
	r.unsealed = true
	if err := r.cache.Seal(number, s.Hash()); err != nil {
		return err
	}
	r.unsealed = false
	return nil
}

// merge is what all sources say, in the order of their names, with next in the
// place of one of them.
func (r *rights) merge(ctx context.Context, contacts []access.Contact, source string, next access.Roster) (access.Roster, error) {
	var merged access.Roster
	byName := slices.SortedFunc(slices.Values(contacts), func(a, b access.Contact) int { return strings.Compare(a.Source, b.Source) })
	for _, c := range byName {
		rows := next
		if c.Source != source {
			var err error
			if rows, err = r.cache.LoadSource(ctx, c.Source); err != nil {
				return access.Roster{}, fmt.Errorf("rights of %s: %w", c.Source, err)
			}
		}
		merged = access.Merge(merged, rows)
	}
	return merged, nil
}

// Confirm says that a source was heard of and that nothing is to change: it says
// what the newest rows say. Rows that are not in force yet come into it.
func (r *rights) Confirm(source string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(at)
	r.contacts.mark(source, mark)
	if r.unsealed {
		if err := r.takeUp(context.Background(), source, at); err != nil {
			r.log.Error("the newest rights could not be taken into use, the old ones stand", "source", source, "error", err)
		}
	}
	r.swap(r.Load().WithContact(source, at))
	if err := r.cache.Confirm(source, at); err != nil {
		r.log.Warn("cannot write down when a source was heard of", "source", source, "error", err)
	}
}

// takeUp takes the newest rows on disk into use.
func (r *rights) takeUp(ctx context.Context, source string, at time.Time) error {
	rows, err := r.cache.LoadSource(ctx, source)
	if err != nil {
		return err
	}
	contact := access.Contact{Source: source, At: at}
	for _, c := range r.Load().Contacts() {
		if c.Source == source {
			contact.Ageless = c.Ageless
		}
	}
	_, err = r.replace(ctx, source, rows, contact)
	return err
}

// swap takes rights into use, with the lockdowns that are in force.
func (r *rights) swap(s *access.Snapshot) {
	r.swapping.Lock()
	s = s.WithLockdowns(r.lockdowns, r.posture)
	r.current.Store(s)
	r.swapping.Unlock()
	if r.changed != nil {
		r.changed(s)
	}
}

// lockDown takes the lockdowns of our own staff into use, all of them, as of a
// posture. It waits for no change of the rights that is under way.
func (r *rights) lockDown(all []access.Lockdown, posture uint64) {
	r.swapping.Lock()
	defer r.swapping.Unlock()
	r.lockdowns, r.posture = all, posture
	if s := r.current.Load(); s != nil {
		r.current.Store(s.WithLockdowns(all, posture))
	}
}

// mergeContacts is old brought up to date by newer: a source that was heard of
// has that word's time, also if it is earlier (the clock was ahead); one that was
// not keeps what it had; a source that is new begins with none.
func mergeContacts(old, newer []access.Contact) []access.Contact {
	out := append([]access.Contact(nil), old...)
next:
	for _, c := range newer {
		for i := range out {
			if out[i].Source == c.Source {
				out[i].Ageless = c.Ageless
				if !c.At.IsZero() {
					out[i].At = c.At
				}
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}

// withSourcesOf adds a contact, never heard of, for each source that grants name
// and that has none: one that was being taken out when the power went.
func withSourcesOf(grants []access.Grant, contacts []access.Contact) []access.Contact {
	have := map[string]bool{}
	for _, c := range contacts {
		have[c.Source] = true
	}
	for i := range grants {
		if source := grants[i].Source; !have[source] {
			have[source] = true
			contacts = append(contacts, access.Contact{Source: source})
		}
	}
	return contacts
}

func samePolicies(a, b []access.Policy) bool {
	if len(a) != len(b) {
		return false
	}
	have := make(map[access.Policy]struct{}, len(a))
	for _, p := range a {
		have[p] = struct{}{}
	}
	for _, p := range b {
		if _, ok := have[p]; !ok {
			return false
		}
	}
	return true
}
