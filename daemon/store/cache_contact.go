package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Confirm says that a source was heard of and verified, and had nothing new. It
// is written at most every five minutes, because a write for each poll would
// wear the flash more than all doors do; the rest is kept in memory and written
// by Close. A source that never installed anything is ErrNotFound.
func (c *Cache) Confirm(source string, at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.contacts[source]
	if !ok {
		return fmt.Errorf("confirm the source %q: %w", source, ErrNotFound)
	}
	known.At = at.UTC().Truncate(time.Microsecond)
	if known.At.Sub(known.saved).Abs() < confirmEvery {
		return nil
	}
	if err := c.saveContact(known); err != nil {
		return fmt.Errorf("confirm the source %q: %w", source, err)
	}
	return nil
}

// saveContact writes a contact; mu is held.
func (c *Cache) saveContact(known *contact) error {
	err := c.f.write(func(ctx context.Context, tx *sql.Tx) error {
		return known.store(ctx, tx)
	})
	if err == nil {
		known.saved = known.At
	}
	return err
}

func (known *contact) store(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE sources SET contact = ?, ageless = ? WHERE id = ?",
		known.At.UnixMicro(), known.Ageless, known.id)
	return err
}

func (c *Cache) readContacts() (err error) {
	rows, err := c.f.r.QueryContext(context.Background(), "SELECT id, name, contact, ageless FROM sources WHERE contact IS NOT NULL")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, at int64
		var name string
		var ageless bool
		if err := rows.Scan(&id, &name, &at, &ageless); err != nil {
			return err
		}
		heard := time.UnixMicro(at).UTC()
		c.contacts[name] = &contact{access.Contact{Source: name, At: heard, Ageless: ageless}, id, heard}
	}
	return rows.Err()
}

// Contacts are the sources that have rights here, by name, with when each was
// last heard of.
func (c *Cache) Contacts() []access.Contact {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []access.Contact
	for _, known := range c.contacts {
		all = append(all, known.Contact)
	}
	slices.SortFunc(all, func(a, b access.Contact) int { return cmp.Or(strings.Compare(a.Source, b.Source)) })
	return all
}
