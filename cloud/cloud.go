// Package cloud is where rights come from and where events go: rights come
// down through sources, one source_*.go each, and are never taken for less
// than they are: a fault of a cloud leaves the doors as they were.
package cloud

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/daemon/access"
)

// Cursor is where a source stood at its last fetch: opaque to all but itself.
type Cursor string

// Intake takes the rows of a source one by one, so that those of a large one are
// in memory nowhere.
type Intake interface {
	// Add takes rows that stand on one line of the source, 0 where it has no
	// lines. Credentials that are shared may be somebody else's as well.
	Add(rows access.Roster, line int, shared bool) error
	// Wrong tells, once all rows are there, which cannot stand side by side: each
	// by its line, its table and its id, until tell says false. An id that is there
	// twice has no other; a credential that is there twice has its first holder as
	// other; and what is named and is not there has the table where it should be.
	Wrong(ctx context.Context, tell func(line int, table, id, other string) bool) error
}

// Rows adds all rows of an answer to an intake. After an error none of them
// counts.
type Rows func(ctx context.Context, into Intake) error

// RowsOf adds the rows of a roster.
func RowsOf(r access.Roster) Rows {
	return func(_ context.Context, into Intake) error { return into.Add(r, 0, true) }
}

// Fetched is one complete and consistent answer of a source.
type Fetched struct {
	Roster access.Roster
	// Rows is there in place of Roster where a source may be too large for one:
	// it reads the answer on, as slowly and with such errors as Fetch may have.
	// Only a source that is ageless may have it: nobody guards what it says.
	Rows Rows
	// At is when the source was heard of and verified.
	At time.Time
	// Cursor is for the next Fetch.
	Cursor Cursor
	// Dropped rows pointed at nothing; the rest is sound.
	Dropped []access.Problem
	// Counts are the source's own totals of people for each group, where it
	// has them: proof for the guard that a removal is meant.
	Counts map[string]int
	// Off are schedules that the source still lists and that do not count: one
	// that is among them was switched off, and is not missing.
	Off map[string]struct{}
	// Unchanged says that nothing changed since the cursor; Roster and Rows are
	// then empty and not to be used.
	Unchanged bool
}

// Source is where rights come from.
type Source interface {
	// Name is the label of the source: a closed set, part of every grant.
	Name() string
	// Ageless says that the source never goes stale.
	Ageless() bool
	// Fetch returns everything the source says now, or an error. It never
	// returns less than everything: a page short is an error. It may take
	// minutes; ctx ends it.
	Fetch(ctx context.Context, cursor Cursor) (Fetched, error)
	// Test asks the source who we are and what we may, and reports it in
	// lines for a person. A failure names what to do.
	Test(ctx context.Context) (Report, error)
}

// Report is what a connection test found.
type Report struct {
	Organisation string      `json:"organisation"`
	Lines        []CheckLine `json:"checks"`
}

// CheckLine is one thing that was tried.
type CheckLine struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Note string `json:"note,omitempty"` // what was found, or what to do
}

// Deps is what the gateway hands to a source.
type Deps struct {
	Log     hclog.Logger
	Digest  access.DigestKey
	Metrics prometheus.Registerer
	// Doors maps a lock of the source to one of our doors: "kisi:2006" → "front".
	Doors map[string]string
	// Links maps an outside identity to one of our holders: "kisi:user:1804" → "h42".
	// An identity that is not linked goes by its own name.
	Links map[string]string
	// SecretPath resolves a secret's path: relative ones lie in the
	// credentials directory.
	SecretPath func(string) string
	// Version goes into the User-Agent.
	Version string
	// Transport carries requests; nil: the real network.
	Transport http.RoundTripper
	// Heard is told the Date of each verified answer, when it came by our clock,
	// and how long after it was asked for; nil: nobody. It must not block.
	Heard func(date, at time.Time, took time.Duration)
	// Progress is told how far a fetch is; it must not block.
	Progress func(done, total int, what string)
}

// Plan is a source whose options were checked, without touching the network.
type Plan interface {
	Open(Deps) (Source, error)
}

// Decode fills a source's own options from its table in the settings.
type Decode func(into any) error

// sources is written by package initialisation only.
var sources = map[string]func(Decode) (Plan, error){}

func register(name string, check func(Decode) (Plan, error)) bool {
	if _, twice := sources[name]; twice {
		panic("cloud: two sources are named " + name)
	}
	sources[name] = check
	return true
}

// CheckSource checks the options of a source without touching the network.
func CheckSource(name string, decode Decode) (Plan, error) {
	check, ok := sources[name]
	if !ok {
		return nil, fmt.Errorf("source %q is not known; there are: %s", name, strings.Join(Sources(), ", "))
	}
	return check(decode)
}

// Sources lists the sources by name.
func Sources() []string {
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
