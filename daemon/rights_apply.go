package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// ahead is a small change on its way to the disk.
type ahead struct {
	source string
	want   access.Delta // as the source says it
	delta  access.Delta // as it must be made to what the disk has
	stuck  bool         // the disk did not take it
}

var errNoSource = errors.New("there is no such source in the settings")

// Apply makes a small change of one source: at the doors first, whatever else is
// being read, compared or written at the time, and then on the disk. A row that
// begins takes the place of the one under its key, and one that ended already is
// no mistake. A change that two sources have a say in, or that is none of people,
// waits until the rights are built anew. After an error of the disk the doors keep
// to the change, and it is written with the next word of the source, but for rows
// that a later change has a word on.
func (r *rights) Apply(ctx context.Context, source string, d access.Delta, at time.Time) error {
	exact, alone, err := r.cache.Resolve(ctx, source, d)
	if err != nil {
		return err
	}
	a := &ahead{source: source, want: d, delta: exact}
	early := alone && r.lay(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	at, mark := r.contacts.take(at)
	contacts := r.Load().Contacts()
	known := slices.IndexFunc(contacts, func(c access.Contact) bool { return c.Source == source })
	if known < 0 {
		if early {
			r.takeBack(a)
		}
		return fmt.Errorf("change the rights of %s: %w", source, errNoSource)
	}
	contact := access.Contact{Source: source, At: at, Ageless: contacts[known].Ageless}
	done, err := r.cache.Amend(ctx, r.wanted(a), contact, r.terms(store.MergeContacts(contacts, []access.Contact{contact})))
	if err != nil {
		r.stick(ctx, a)
		return err
	}
	if !early {
		r.outdate(a)
	}
	r.drop(func(other *ahead) bool { return other == a })
	r.contacts.mark(source, mark)
	return r.take(ctx, done, contact)
}

// lay has the doors decide by a change that the disk does not have yet, and no
// longer by what earlier ones say of the same rows.
func (r *rights) lay(a *ahead) bool {
	return r.edit(func(now *access.Snapshot) *access.Snapshot {
		earlier := r.changes()
		for i := range earlier {
			earlier[i] = earlier[i].without(a)
		}
		next, err := over(r.base, earlier).With(a.delta)
		if err != nil {
			return now // the disk will say what is wrong with it, or have it built
		}
		for i := range earlier {
			*r.ahead[i] = earlier[i]
		}
		r.ahead = append(r.ahead, a)
		return heardAs(next, now)
	})
}

// takeBack has the doors decide no longer by a change that was laid over the rest.
func (r *rights) takeBack(a *ahead) {
	r.drop(func(other *ahead) bool { return other == a })
	r.edit(func(now *access.Snapshot) *access.Snapshot { return heardAs(over(r.base, r.changes()), now) })
}

// heardAs is rights with the contacts of those that are in force.
func heardAs(next, now *access.Snapshot) *access.Snapshot {
	for _, c := range now.Contacts() {
		next = next.WithContact(c.Source, c.At)
	}
	return next
}

// over is what the disk has with what is ahead of it.
func over(base *access.Snapshot, changes []ahead) *access.Snapshot {
	for i := range changes {
		if with, err := base.With(changes[i].delta); err == nil {
			base = with
		}
	}
	return base
}

// outdate takes out of what the disk did not take all that a later change, which
// the disk has, says otherwise.
func (r *rights) outdate(by *ahead) {
	r.front.Lock()
	defer r.front.Unlock()
	for _, a := range r.ahead {
		if a.stuck {
			*a = a.without(by)
		}
	}
}

// wanted is what is left of a change.
func (r *rights) wanted(a *ahead) access.Delta {
	r.front.Lock()
	defer r.front.Unlock()
	return a.want
}

// drop forgets changes that are ahead.
func (r *rights) drop(which func(*ahead) bool) {
	r.front.Lock()
	defer r.front.Unlock()
	r.ahead = slices.DeleteFunc(r.ahead, which)
}

// stick keeps a change that the disk did not take at the doors. The disk may have
// other rows by now than those that it was laid over.
func (r *rights) stick(ctx context.Context, a *ahead) {
	exact, alone, err := r.cache.Resolve(context.WithoutCancel(ctx), a.source, r.wanted(a))
	r.edit(func(now *access.Snapshot) *access.Snapshot {
		a.stuck = true
		if err != nil || !alone || !slices.Contains(r.ahead, a) {
			return now
		}
		a.delta = exact
		return heardAs(over(r.base, r.changes()), now)
	})
}

// changes is what is ahead; r.front is held.
func (r *rights) changes() []ahead {
	all := make([]ahead, len(r.ahead))
	for i, a := range r.ahead {
		all[i] = *a
	}
	return all
}

// stuck is what the disk did not take.
func (r *rights) stuck() []*ahead {
	r.front.Lock()
	defer r.front.Unlock()
	return slices.DeleteFunc(slices.Clone(r.ahead), func(a *ahead) bool { return !a.stuck })
}

// drain writes what the disk did not take before; r.mu is held.
func (r *rights) drain(ctx context.Context) {
	for _, a := range r.stuck() {
		contacts := r.Load().Contacts()
		at := slices.IndexFunc(contacts, func(c access.Contact) bool { return c.Source == a.source })
		if at < 0 {
			continue
		}
		done, err := r.cache.Amend(ctx, r.wanted(a), contacts[at], r.terms(contacts))
		if err == nil {
			r.drop(func(other *ahead) bool { return other == a })
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
		return over(s, r.changes())
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
