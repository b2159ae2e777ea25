package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
)

func cacheLayout() layout {
	return layout{
		name: "cache.db", application: 0x54_67_43_31, pageSize: 4096,
		checkpoint: 1000, walLimit: 8 << 20, schema: schema("cache"),
	}
}

const (
	cacheCheck   = 250 * time.Millisecond
	cacheAside   = 2 // damaged caches kept; their content is in the cloud
	confirmEvery = 5 * time.Minute
	sinceEver    = -1 << 63  // a time that is NULL at the front
	openEnded    = 1<<63 - 1 // a time that is NULL at the end
)

// Generation is one state of the rights.
type Generation struct {
	Number uint64 // rises by one; 0: there is none
	Hash   [32]byte
	Form   int       // access.HashForm of that hash
	At     time.Time // when it was installed
}

// Cache is what the sources said, with its history. All methods may be called
// at once; only those that change something wait for the disk.
type Cache struct {
	f         *file
	log       hclog.Logger
	recovered string

	// writing is held by who changes a contact, over the disk; mu only while
	// the map is touched, so that nobody who reads waits for an install.
	writing  sync.Mutex
	mu       sync.Mutex
	contacts map[string]contact
}

// contact is a source as we know it now.
type contact struct {
	access.Contact
	id    int64
	saved time.Time // what the file says of At
}

// OpenCache opens or makes cache.db. A damaged file is set aside and an empty
// one begun, which the next sync fills; see Recovered.
func OpenCache(path string, log hclog.Logger) (*Cache, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	c := &Cache{log: log, contacts: map[string]contact{}}
	var err error
	c.f, err = openFile(path, cacheLayout(), cacheCheck)
	if err != nil && isDamage(err) {
		c.f, err = c.beginAnew(path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the cache of rights: %w", err)
	}
	if err := removeStages(c.f.path); err != nil {
		log.Warn("rows that were read before a power cut are left", "error", err)
	}
	if err := c.readContacts(); err != nil {
		return nil, fmt.Errorf("open the cache of rights: %w", errors.Join(err, c.f.close()))
	}
	return c, nil
}

func (c *Cache) beginAnew(path string, cause error) (*file, error) {
	dir, err := SetAside(path, time.Now())
	if err != nil {
		return nil, errors.Join(cause, err)
	}
	c.log.Error("the cache of rights was damaged; it was set aside and an empty one begun", "kept", dir, "error", cause)
	c.recovered = fmt.Sprintf("cache.db was damaged (%v); it is kept in %s, and the rights must be fetched again", cause, dir)
	if err := keepAside(path, cacheAside); err != nil {
		c.log.Warn("removing older damaged caches", "error", err)
	}
	return openFile(path, cacheLayout(), cacheCheck)
}

// Recovered says in words what was damaged at opening and where it is kept, or "".
func (c *Cache) Recovered() string { return c.recovered }

// Check reads the whole file and says whether it is sound; at open only as much
// was read as there was time for.
func (c *Cache) Check(ctx context.Context) error { return c.f.quickCheck(ctx) }

// Close writes the newest contacts and closes the file.
func (c *Cache) Close() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	var errs []error
	for _, known := range c.known() {
		if !known.At.Equal(known.saved) {
			errs = append(errs, c.saveContact(known))
		}
	}
	return errors.Join(append(errs, c.f.close())...)
}

// Forget drops generations that were over before an instant, and rows that only
// they had. What was in force at that instant stays, and so do the newest two
// sealed generations. It is slow: once a day is enough.
func (c *Cache) Forget(_ context.Context, before time.Time) error {
	err := c.f.write(func(ctx context.Context, tx *sql.Tx) error {
		oldest, err := oldestToKeep(ctx, tx, before)
		if err != nil || oldest == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM generations WHERE number < ?", oldest); err != nil {
			return err
		}
		for _, t := range shapes() {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.name+" WHERE to_generation <= ?", oldest); err != nil {
				return err
			}
		}
		return nil
	})
	if err = named(err); err != nil {
		return fmt.Errorf("forget old rights: %w", err)
	}
	return nil
}

// oldestToKeep is the oldest generation to keep, or 0 for all.
func oldestToKeep(ctx context.Context, tx *sql.Tx, before time.Time) (int64, error) {
	var inForce, second sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT max(number) FROM generations WHERE at <= ?", before.UnixMicro()).Scan(&inForce)
	if err != nil || !inForce.Valid {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT number FROM generations WHERE hash IS NOT NULL
		ORDER BY number DESC LIMIT 1 OFFSET 1`).Scan(&second)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return min(inForce.Int64, second.Int64), err
}
