package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
	c.writing.Lock()
	defer c.writing.Unlock()
	known, ok := c.lookup(source)
	if !ok {
		return fmt.Errorf("confirm the source %q: %w", source, ErrNotFound)
	}
	known.At = at.UTC().Truncate(time.Microsecond)
	c.remember(known)
	if known.At.Sub(known.saved).Abs() < confirmEvery {
		return nil
	}
	if err := c.saveContact(known); err != nil {
		return fmt.Errorf("confirm the source %q: %w", source, named(err))
	}
	return nil
}

// saveContact writes a contact; writing is held.
func (c *Cache) saveContact(known contact) error {
	if err := c.f.write(known.store); err != nil {
		return err
	}
	known.saved = known.At
	c.remember(known)
	return nil
}

func (known contact) store(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE sources SET contact = ?, ageless = ? WHERE id = ?",
		known.At.UnixMicro(), known.Ageless, known.id)
	return err
}

func (c *Cache) lookup(source string) (contact, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.contacts[source]
	return known, ok
}

func (c *Cache) remember(known contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.contacts[known.Source] = known
}

func (c *Cache) forgetContact(source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.contacts, source)
}

// known is all contacts, by the name of the source.
func (c *Cache) known() []contact {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.contacts), func(a, b contact) int { return strings.Compare(a.Source, b.Source) })
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
		c.remember(contact{access.Contact{Source: name, At: heard, Ageless: ageless}, id, heard})
	}
	return rows.Err()
}

// Contacts are the sources that have rights here, by name, with when each was
// last heard of.
func (c *Cache) Contacts() []access.Contact {
	var all []access.Contact
	for _, known := range c.known() {
		all = append(all, known.Contact)
	}
	return all
}
