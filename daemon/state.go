package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/store"
)

// keys are the gateway's own secrets, below keys/ in its state directory.
type keys struct {
	digest access.DigestKey
}

// openState opens what must not be lost, and the clock that it bounds.
func (g *gateway) openState(ctx context.Context) error {
	dir := g.inForce().State.Dir
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	key, err := loadKey(filepath.Join(dir, "keys", "digest.key"))
	if err != nil {
		return err
	}
	if g.keys.digest, err = access.NewDigestKey(key); err != nil {
		return err
	}
	boot := bootID()
	g.journal, err = store.OpenJournal(filepath.Join(dir, "journal.db"), store.JournalOptions{
		Boot: boot, Log: g.log.Named("journal"), Now: g.options.Clock.Wall,
		Observe: func(d time.Duration) { g.metrics.write.Observe(d.Seconds()) },
	})
	if err != nil {
		return err
	}
	g.later("journal.db", g.journal.Close)
	if err := g.openCache(); err != nil {
		return err
	}
	g.later("cache.db", func() error { return g.cache.Close() })
	if g.ledger, err = store.OpenLedger(filepath.Join(dir, "ledger.db"), g.log.Named("ledger")); err != nil {
		return err
	}
	g.later("ledger.db", g.ledger.Close)

	past, err := g.clockPast(ctx, boot)
	if err != nil {
		return err
	}
	g.clock = resumeClock(g.options.Clock, past)
	g.troubles.wall = func() time.Time { return g.clock.moment().at }
	g.started = g.troubles.wall()
	return nil
}

// clockPast is what bounds the clock: what has surely passed is when the program
// was made, and what the newest event by a synced clock says had passed then. The
// time of such an event has only likely passed, for a network time that was wrong
// for a moment must not count for ever; nor has that of an event by a free-running
// clock, which may have been years ahead since a boot without the network. Both say
// nothing against a clock that is synced, and what was written later corrects. Of
// what an untrusted clock wrote only its floor counts, and no more than that. An
// event of this boot also says how the clock was set, for it can be counted on from.
func (g *gateway) clockPast(ctx context.Context, boot string) (clockPast, error) {
	mono := g.options.Clock.Mono()
	past := clockPast{sure: point{g.options.Built, mono}}
	newest := uint64(0)
	for state := access.ClockSynced; state <= access.ClockUnset; state++ {
		e, err := g.journal.LastBy(ctx, state)
		if errors.Is(err, store.ErrNotFound) || err == nil && e.Seq < newest {
			continue
		}
		if err != nil {
			return clockPast{}, err
		}
		newest = e.Seq
		past.take(&e, mono, e.Boot == boot && e.Mono <= mono)
	}
	return past, nil
}

// openCache opens the copy of the rights.
func (g *gateway) openCache() (err error) {
	g.cache, err = store.OpenCache(g.cachePath(), g.log.Named("cache"))
	if err == nil {
		g.troubles.set(g.cache.Recovered() != "", troubleCacheReset, "", g.cache.Recovered())
	}
	return err
}

func (g *gateway) cachePath() string { return filepath.Join(g.inForce().State.Dir, "cache.db") }

// openOffers takes up what passes and tags have used and what wrong PINs have
// cost, and begins to keep the latter.
func (g *gateway) openOffers(ctx context.Context) error {
	kept, err := g.journal.Claims(ctx)
	if err != nil {
		return err
	}
	g.offers = &offers{digest: g.keys.digest, replays: newReplays(kept, g.journal.ForgetClaims)}
	g.takeKeys(g.inForce())
	if g.pins, err = newPINLimits(ctx, g.ledger, g.clock.Mono(), g.log.Named("pin")); err != nil {
		return err
	}
	g.crew.start("what wrong PINs cost", g.pins.run)
	return nil
}

// takeKeys has passes and tags verified by the keys that the settings name. One
// that cannot be read is a trouble, and no reason to close the doors.
func (g *gateway) takeKeys(o *config.Options) {
	verifier, err := newVerifier(o)
	g.offers.verifier.Store(verifier)
	g.troubles.set(err != nil, troublePassKeys, "", errWords(err))
}

// contactsOf is every source that the settings name, itself included.
func contactsOf(o *config.Options) []access.Contact {
	contacts := []access.Contact{{Source: settingsSource, Ageless: true}}
	for _, s := range o.Sources {
		contacts = append(contacts, access.Contact{Source: s.Name, Ageless: s.Name == "file"})
	}
	return contacts
}

// openRights takes the rights of the last run into use, and what was said of how
// the doors are to stand. A copy that turns out to be damaged as it is read is set
// aside, and a new one begun.
func (g *gateway) openRights(ctx context.Context) (err error) {
	if g.postures, err = newPostures(ctx, g.ledger, g.clock, g.log.Named("postures")); err != nil {
		return err
	}
	contacts := contactsOf(g.inForce())
	note, err := g.restoreRights(ctx, contacts)
	if errors.Is(err, store.ErrDamaged) {
		note = err.Error()
		if err := g.cache.Close(); err != nil {
			g.log.Warn("the damaged copy of the rights did not close", "error", err)
		}
		if _, err := store.SetAside(g.cachePath(), g.options.Clock.Wall()); err != nil {
			return err
		}
		if err := g.openCache(); err != nil {
			return err
		}
		_, err = g.restoreRights(ctx, contacts)
	}
	if note != "" {
		g.log.Error("the copy of the rights on disk was not used", "why", note)
		g.troubles.set(true, troubleCacheReset, "", note)
	}
	return err
}

func (g *gateway) restoreRights(ctx context.Context, contacts []access.Contact) (note string, err error) {
	g.rights = &rights{
		cache: g.cache, contacts: contactClock{clock: g.clock}, log: g.log.Named("rights"), changed: g.rightsChanged,
		wall: func() time.Time { return g.clock.moment().at },
	}
	g.clock.moved = g.rights.setClock
	empty, err := access.Build(access.Roster{}, nil, 0)
	if err != nil {
		return "", err
	}
	g.rights.current.Store(empty)
	g.postures.tell(g.rights.lockDown) // before anything is decided
	return g.rights.restore(ctx, policies(g.inForce()), contacts)
}

func policies(o *config.Options) []access.Policy {
	var all []access.Policy
	for _, d := range o.Doors {
		all = append(all, d.Policy)
	}
	return all
}

// rightsChanged has the doors look at new rights, and puts what is wrong with
// these on the board.
func (g *gateway) rightsChanged(s *access.Snapshot) {
	g.postures.stir()
	empty := s.Counts().Credentials == 0
	g.troubles.set(empty, troubleNoRights, "", "")
	if !empty {
		g.troubles.set(false, troubleCacheReset, "", "") // it was filled again
	}
	g.troubles.set(s.Clashes() > 0, troubleClash, "", fmt.Sprintf("%d cards", s.Clashes()))
	names, zones := s.Hourless()
	g.troubles.set(len(names) > 0, troubleHours, "", strings.Join(names, ", "))
	g.troubles.set(len(zones) > 0, troubleZone, "", strings.Join(zones, ", "))
}

// loadKey reads a key of 32 bytes, making it on the first start. The file is
// durable under its name before it is used.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path) //nolint:gosec // a fixed name below our own state directory
	if err == nil {
		if len(key) != 32 {
			return nil, fmt.Errorf("key %s: %d bytes, want 32; restore it from a backup (a new key would make every card unknown until the next sync)", path, len(key))
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("key %s: others can read it (mode %o); run: chmod 600 %s", path, info.Mode().Perm(), path)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // crypto/rand never fails
	if err := writeDurably(path, key); err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return key, nil
}

// writeDurably writes beside the name, syncs, renames and syncs the directory.
func writeDurably(path string, content []byte) (err error) {
	beside := path + ".new"
	f, err := os.OpenFile(beside, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // as above
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// bootID is the kernel's name for this boot, or a random one.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		var id [16]byte
		_, _ = rand.Read(id[:]) // crypto/rand never fails
		return hex.EncodeToString(id[:])
	}
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "-", "")
}
