package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// ahead is a small change on its way to the disk.
type ahead struct {
	source string
	delta  access.Delta
	stuck  bool // the disk did not take it
}

// Apply makes a small change of one source: at the doors first, whatever else is
// being read, compared or written at the time, and then on the disk. A row that
// begins takes the place of the one under its key, and one that ended already is
// no mistake. A change that two sources have a say in, or that is none of people,
// waits until the rights are built anew. After an error of the disk the doors keep
// to the change, and it is written with the next word of the source.
func (r *rights) Apply(ctx context.Context, source string, d access.Delta, at time.Time) error {
	exact, alone, err := r.cache.Resolve(ctx, source, d)
	if err != nil {
		return err
	}
	a := &ahead{source: source, delta: exact}
	early := alone && r.lay(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(at)
	contact := access.Contact{Source: source, At: at}
	for _, c := range r.Load().Contacts() {
		if c.Source == source {
			contact.Ageless = c.Ageless
		}
	}
	done, err := r.cache.Amend(ctx, d, contact, r.terms(store.MergeContacts(r.Load().Contacts(), []access.Contact{contact})))
	if err != nil {
		r.stick(a)
		return err
	}
	if early {
		r.forget(a)
	}
	r.contacts.mark(source, mark)
	return r.take(ctx, done, contact)
}

// lay has the doors decide by a change that the disk does not have yet.
func (r *rights) lay(a *ahead) bool {
	return r.edit(func(now *access.Snapshot) *access.Snapshot {
		next, err := now.With(a.delta)
		if err != nil {
			return now // the disk will say what is wrong with it, or have it built
		}
		r.ahead = append(r.ahead, a)
		return next
	})
}

func (r *rights) forget(a *ahead) {
	r.front.Lock()
	defer r.front.Unlock()
	r.ahead = slices.DeleteFunc(r.ahead, func(other *ahead) bool { return other == a })
}

func (r *rights) stick(a *ahead) {
	r.front.Lock()
	defer r.front.Unlock()
	a.stuck = true
}

// stuck is what the disk did not take.
func (r *rights) stuck() []*ahead {
	r.front.Lock()
	defer r.front.Unlock()
	return slices.DeleteFunc(slices.Clone(r.ahead), func(a *ahead) bool { return !a.stuck })
}

// supersede forgets what the disk did not take of a source that has said
// everything anew since.
func (r *rights) supersede(source string) {
	for _, a := range r.stuck() {
		if a.source == source {
			r.forget(a)
		}
	}
}

// drain writes what the disk did not take before; r.mu is held.
func (r *rights) drain(ctx context.Context) {
	for _, a := range r.stuck() {
		contacts := r.Load().Contacts()
		at := slices.IndexFunc(contacts, func(c access.Contact) bool { return c.Source == a.source })
		if at < 0 {
			continue
		}
		done, err := r.cache.Amend(ctx, a.delta, contacts[at], r.terms(contacts))
		if err == nil {
			r.forget(a)
			err = r.take(ctx, done, contacts[at])
		}
		if err != nil {
			r.log.Error("a change is in force that the disk does not have; a restart would forget it until the next crawl", "source", a.source, "error", err)
		}
	}
}

// swap has the doors decide by what the disk has, and by what it does not have yet.
func (r *rights) swap(s *access.Snapshot) {
	r.edit(func(*access.Snapshot) *access.Snapshot {
		r.base = s
		next := s
		for _, a := range r.ahead {
			if with, err := next.With(a.delta); err == nil {
				next = with
			}
		}
		return next
	})
}

// edit is how every snapshot comes into force, with the lockdowns that are in
// force. What it is given has r.front; what is the same as now changes nothing.
func (r *rights) edit(change func(now *access.Snapshot) *access.Snapshot) bool {
	r.front.Lock()
	now := r.current.Load()
	next := change(now)
	if next == now {
		r.front.Unlock()
		return false
	}
	next = next.WithLockdowns(r.lockdowns, r.posture)
	r.current.Store(next)
	r.front.Unlock()
	if r.changed != nil {
		r.changed(next)
	}
	return true
}

// lockDown takes the lockdowns of our own staff into use, all of them, as of a
// posture. It waits for no change of the rights that is under way.
func (r *rights) lockDown(all []access.Lockdown, posture uint64) {
	r.front.Lock()
	defer r.front.Unlock()
	r.lockdowns, r.posture = all, posture
	if s := r.current.Load(); s != nil {
		r.current.Store(s.WithLockdowns(all, posture))
	}
}
