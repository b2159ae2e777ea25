package casefile

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
)

// maxSize is how long a case may be.
const maxSize = 1 << 20

// Case is a site, and taps with what should become of them.
type Case struct {
	Path  string
	Title string
	Zone  *time.Location // of the site

	roster    access.Roster
	sources   []source
	lockdowns []lockdown
	taps      []Tap
	stands    []stands
}

// source is where rights come from, and when it was heard of; a zero time: as
// long before each tap as the tap says.
type source struct {
	name    string
	heard   time.Time
	ageless bool
}

// lockdown is one by staff, from when until when; zero: since ever, for good.
type lockdown struct {
	access.Lockdown
	from, until time.Time
}

// Load reads a case. The error holds every mistake, as config.Mistakes tells.
func Load(path string) (*Case, error) {
	f, err := os.Open(path) //nolint:gosec // whoever asks names the file
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s: larger than %d KiB; this is no case", path, maxSize>>10)
	}
	return Parse(path, text)
}

// Parse reads the text of a case, as Load does. The path is for messages.
func Parse(path string, text []byte) (*Case, error) {
	var rows file
	strict, err := config.ReadStrict(path, text, &rows)
	if err != nil {
		return nil, err
	}
	r := reader{strict: strict, rows: &rows, out: &Case{Path: path, Title: rows.Title}, names: map[string]map[string]bool{}}
	r.read()
	if err := strict.Err(); err != nil {
		return nil, err
	}
	// What the reader let pass, Build has the last word on.
	if _, err := access.Build(clone(r.out.roster), r.out.contacts(time.Time{}, 0), 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r.out, nil
}

// contacts are the sources as they were heard of before a tap.
func (c *Case) contacts(at time.Time, silent time.Duration) []access.Contact {
	var all []access.Contact
	for _, s := range c.sources {
		heard := s.heard
		if heard.IsZero() {
			heard = at.Add(-silent)
		}
		all = append(all, access.Contact{Source: s.name, At: heard, Ageless: s.ageless})
	}
	return all
}

// locked are the lockdowns by staff at an instant.
func (c *Case) locked(at time.Time) []access.Lockdown {
	var all []access.Lockdown
	for _, l := range c.lockdowns {
		if !at.Before(l.from) && (l.until.IsZero() || at.Before(l.until)) {
			all = append(all, l.Lockdown)
		}
	}
	return all
}
