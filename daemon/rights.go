package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
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
	lean    lean

	mu       sync.Mutex // one change at a time; guards contacts and behind
	contacts contactClock
	// behind says that the newest rows on disk may be none that the doors decide
	// by: an older tilegate did not come to seal them, or a write failed.
	behind bool

	// front is held for moments only, so that neither a lockdown nor a small change
	// waits for a sync. It guards all below.
	front     sync.Mutex
	lockdowns []access.Lockdown // by our own staff: part of whatever is in force
	posture   uint64            // as of which these are
	// base is what the disk has, as it was swapped in.
	base *access.Snapshot
	// ahead are small changes that the doors decide by and the disk does not have
	// yet, oldest first.
	ahead []*ahead
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
	defer r.lean.begin()()
	contacts := r.recall(r.cache.Contacts())
	loaded, err := r.cache.Load(ctx, store.MergeContacts(contacts, sources))
	switch {
	case errors.Is(err, store.ErrUnsound):
		note = err.Error()
		empty, err := access.Build(access.Roster{}, sources, 0)
		if err != nil {
			return note, err
		}
		r.swap(empty)
		if _, err := r.cache.Clear(ctx, r.terms(sources)); err != nil {
			return note, err
		}
	case err != nil:
		return "", fmt.Errorf("rights: %w", err)
	default:
		r.behind = loaded.Behind
		r.swap(loaded.Snapshot)
		if loaded.Older && !loaded.Behind {
			// Not sealed anew they hold as well, and the next word tries again.
			if err := r.takeUp(ctx); err != nil {
				r.behind = true
				r.log.Error("the rights of an older tilegate are in force and could not be sealed anew", "error", err)
			}
		}
	}
	if err := r.retire(ctx, sources); err != nil {
		return note, err
	}
	return note, r.follow(ctx, policies)
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
		kept := slices.DeleteFunc(r.Load().Contacts(), func(k access.Contact) bool { return k.Source == c.Source })
		done, err := r.cache.Retire(ctx, c.Source, r.terms(kept))
		if errors.Is(err, store.ErrNotFound) { // never heard of, or taken out of the disk already
			done, err = r.cache.Rebuild(ctx, r.terms(kept))
		}
		if err == nil && done.Snapshot == nil {
			done, err = r.cache.Rebuild(ctx, r.terms(kept))
		}
		if err != nil {
			return err
		}
		r.behind = false
		r.drop(func(a *ahead) bool { return a.source == c.Source })
		r.swap(done.Snapshot)
		r.log.Warn("the rights of a source that is no longer in the settings were taken out", "source", c.Source, "rows", done.Rows)
	}
	return nil
}

// setPolicies takes our own door settings into use.
func (r *rights) setPolicies(ctx context.Context, policies []access.Policy) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.follow(ctx, policies)
}

func (r *rights) follow(ctx context.Context, policies []access.Policy) error {
	have, err := r.cache.LoadSource(ctx, settingsSource)
	if err != nil || samePolicies(have.Policies, policies) {
		return err
	}
	stage, err := r.stage(ctx, settingsSource, cloud.RowsOf(access.Roster{Policies: policies}))
	if err != nil {
		return err
	}
	_, err = r.install(ctx, stage, access.Contact{Source: settingsSource, At: r.wall(), Ageless: true})
	return errors.Join(err, stage.Close())
}

// Current is what is in force of one source. What the disk did not take is written
// first: else who compares with it would find nothing to say against that.
func (r *rights) Current(ctx context.Context, source string) (access.Roster, error) {
	r.mu.Lock()
	r.drain(ctx)
	r.mu.Unlock()
	return r.cache.LoadSource(ctx, source)
}

// Replace builds, stores and swaps the rights of one source. An error leaves
// the old rights in force.
func (r *rights) Replace(ctx context.Context, source string, next cloud.Rows, contact access.Contact) (changed int, err error) {
	defer r.lean.begin()()
	// Outside the lock: the rows may take as long as their source.
	stage, err := r.stage(ctx, source, next)
	if err != nil {
		return 0, fmt.Errorf("rights of %s: %w", source, err)
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(contact.At)
	contact.At = at
	if changed, err = r.install(ctx, stage, contact); err == nil {
		r.contacts.mark(source, mark)
	}
	return changed, err
}

// stage is all rows of a source, beside the cache. Close it.
func (r *rights) stage(ctx context.Context, source string, next cloud.Rows) (*store.Stage, error) {
	stage, err := r.cache.Stage(ctx, source)
	if err != nil {
		return nil, err
	}
	if err := next(ctx, stage); err != nil {
		return nil, errors.Join(err, stage.Close())
	}
	return stage, nil
}

func (r *rights) install(ctx context.Context, stage *store.Stage, contact access.Contact) (int, error) {
	done, err := r.cache.Install(ctx, stage, contact, r.terms(store.MergeContacts(r.Load().Contacts(), []access.Contact{contact})))
	if err == nil {
		// The source has said everything anew since.
		r.drop(func(a *ahead) bool { return a.stuck && a.source == contact.Source })
		err = r.take(ctx, done, contact)
	}
	if err != nil {
		return 0, fmt.Errorf("rights of %s: %w", contact.Source, err)
	}
	return done.Rows, nil
}

// terms is what the cache must know of us.
func (r *rights) terms(contacts []access.Contact) store.Terms {
	t := store.Terms{Contacts: contacts, At: r.wall()}
	r.front.Lock()
	defer r.front.Unlock()
	sameSource := func(a, b access.Contact) bool { return a.Source == b.Source && a.Ageless == b.Ageless }
	if r.base != nil && slices.EqualFunc(r.base.Contacts(), contacts, sameSource) {
		t.Current = r.base
	}
	return t
}

// take has the doors decide by what the disk has now.
func (r *rights) take(ctx context.Context, done store.Change, contact access.Contact) (err error) {
	known := slices.ContainsFunc(r.Load().Contacts(), func(c access.Contact) bool { return c.Source == contact.Source })
	if done.Snapshot == nil && (r.behind || !known) {
		done, err = r.cache.Rebuild(ctx, r.terms(store.MergeContacts(r.Load().Contacts(), []access.Contact{contact})))
		if err != nil {
			return err
		}
	}
	r.behind = false
	next := done.Snapshot
	if next == nil {
		next = r.base // less may be ahead of it than was
	}
	if next != nil {
		r.swap(heardAs(next, r.Load()))
	}
	r.edit(func(s *access.Snapshot) *access.Snapshot { return s.WithContact(contact.Source, contact.At) })
	return nil
}

// Confirm says that a source was heard of and that nothing is to change: it says
// what the newest rows say. Rows that are not in force yet come into it.
func (r *rights) Confirm(source string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(at)
	r.contacts.mark(source, mark)
	if r.behind {
		if err := r.takeUp(context.Background()); err != nil {
			r.log.Error("the newest rights could not be taken into use, the old ones stand", "source", source, "error", err)
		}
	}
	r.drain(context.Background())
	r.edit(func(s *access.Snapshot) *access.Snapshot { return s.WithContact(source, at) })
	if err := r.cache.Confirm(source, at); err != nil {
		r.log.Warn("cannot write down when a source was heard of", "source", source, "error", err)
	}
}

// takeUp takes the newest rows on disk into use.
func (r *rights) takeUp(ctx context.Context) error {
	done, err := r.cache.Rebuild(ctx, r.terms(r.Load().Contacts()))
	if err != nil {
		return err
	}
	r.behind = false
	r.swap(done.Snapshot)
	return nil
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
