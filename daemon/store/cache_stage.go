package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/tilegate/tilegate/daemon/access"
)

// Stage is where the rows of one source wait until they are compared with those
// that are there: a file of its own beside cache.db, so that no roster is in
// memory whole. Nothing in it is worth a sync. Close takes it away, and what a
// power cut leaves of it goes when the cache is opened next. It is for one
// goroutine.
type Stage struct {
	source string
	path   string
	db     *sql.DB
	tx     *sql.Tx // until the last row is there
	insert map[string]*sql.Stmt
	looked bool // for rows that cannot stand side by side
}

const stageMark = ".staged-"

// Stage makes an empty place for the rows of a source. Close it.
func (c *Cache) Stage(ctx context.Context, source string) (_ *Stage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("a place for the rows of %s: %w", source, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(c.f.path), filepath.Base(c.f.path)+stageMark+"*")
	if err != nil {
		return nil, err
	}
	s := &Stage{source: source, path: f.Name(), insert: map[string]*sql.Stmt{}}
	if err := f.Close(); err != nil {
		return nil, errors.Join(err, os.Remove(s.path))
	}
	s.db = sql.OpenDB(loose{s.path})
	s.db.SetMaxOpenConns(1)
	if s.tx, err = s.db.BeginTx(context.WithoutCancel(ctx), nil); err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// loose opens a file that may be lost at any moment: it has no log and is never
// synced.
type loose struct{ path string }

// Connect opens a connection.
func (l loose) Connect(context.Context) (driver.Conn, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: l.path, RawQuery: "_journal_mode=OFF&_synchronous=OFF&_stmt_cache_size=32"}
	return l.Driver().Open(u.String())
}

// Driver is SQLite as it comes.
func (loose) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// prepare makes the tables. Rows are only added at their end, which is fast in
// whatever order they come; the order of the keys is made of all of them at once.
func (s *Stage) prepare(ctx context.Context) error {
	for _, t := range shapes() {
		if _, err := s.tx.ExecContext(ctx, "CREATE TABLE "+t.name+" ("+t.typed()+", line INTEGER, shared INTEGER)"); err != nil {
			return err
		}
		add, err := s.tx.PrepareContext(ctx, "INSERT INTO "+t.name+" VALUES (?, ?"+strings.Repeat(", ?", len(t.columns))+")") //nolint:sqlclosecheck // ends with its transaction
		if err != nil {
			return err
		}
		s.insert[t.name] = add
	}
	return nil
}

// Add takes rows that stand on one line of the source, 0 where it has no lines.
// Credentials that are shared may be somebody else's as well.
func (s *Stage) Add(r access.Roster, line int, shared bool) error {
	if err := storable(s.source, &r); err != nil {
		return err
	}
	groups, doors := splitGroups(r.Groups)
	teams, members := splitTeams(r.Teams)
	at := place{line, shared}
	return errors.Join(
		put(s, &placeTable, r.Places, at), put(s, &doorTable, r.Doors, at), put(s, &policyTable, r.Policies, at),
		put(s, &groupTable, groups, at), put(s, &groupDoorTable, doors, at), put(s, &scheduleTable, r.Schedules, at),
		put(s, &teamTable, teams, at), put(s, &memberTable, members, at), put(s, &holderTable, r.Holders, at),
		put(s, &assignmentTable, r.Assignments, at), put(s, &grantTable, r.Grants, at),
	)
}

// place is where rows come from.
type place struct {
	line   int
	shared bool
}

func put[T any](s *Stage, t *table[T], rows []T, at place) error {
	for i := range rows {
		if _, err := s.insert[t.name].ExecContext(context.Background(), append(t.bind(&rows[i]), at.line, at.shared)...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// finish puts the rows in order once all are there. More may not come.
func (s *Stage) finish(ctx context.Context) error {
	if s.tx == nil {
		return nil
	}
	err := s.tx.Commit()
	s.tx = nil
	for _, t := range shapes() {
		if err == nil {
			// With all columns in it, the index is the table in order.
			_, err = s.db.ExecContext(ctx, "CREATE INDEX "+t.name+"_in_order ON "+t.name+" ("+strings.Join(t.columns, ", ")+", line, shared)")
		}
	}
	return err
}

// Close takes the rows away. It may be called again.
func (s *Stage) Close() error {
	var all []error
	if s.tx != nil {
		_ = s.tx.Rollback() // of a file that goes
		s.tx = nil
	}
	if s.db != nil {
		all = append(all, s.db.Close())
		s.db = nil
	}
	err := os.Remove(s.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(append(all, err)...)
}

// removeStages takes away what a power cut left.
func removeStages(cache string) error {
	left, err := filepath.Glob(globEscape(cache) + stageMark + "*")
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// storable refuses what could be written but not be read again.
func storable(source string, r *access.Roster) error {
	for i := range r.Policies {
		if p := &r.Policies[i]; assuranceCodes.encode[p.MinimumAssurance] < 0 {
			return fmt.Errorf("the policy of the door %q asks for an unknown assurance, %d", p.Door, p.MinimumAssurance)
		}
	}
	for i := range r.Schedules {
		if s := &r.Schedules[i]; scopeCodes.encode[s.On] < 0 || consequenceCodes.encode[s.Consequence] < 0 {
			return fmt.Errorf("the schedule %q is of an unknown scope %d or consequence %d", s.ID, s.On, s.Consequence)
		}
	}
	for i := range r.Assignments {
		if a := &r.Assignments[i]; kindCodes.encode[a.Kind] < 0 || assuranceCodes.encode[a.Assurance] < 0 {
			return fmt.Errorf("the credential %q is of an unknown kind %d or assurance %d", a.ID, a.Kind, a.Assurance)
		}
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if assigneeCodes.encode[g.Kind] < 0 || scopeCodes.encode[g.Scope] < 0 {
			return fmt.Errorf("the grant %q is of an unknown kind %d or scope %d", g.ID, g.Kind, g.Scope)
		}
		if g.Source != "" && g.Source != source {
			return fmt.Errorf("the grant %q says that it comes from %q", g.ID, g.Source)
		}
	}
	return nil
}

func splitGroups(groups []access.Group) (rows []groupRow, doors []pair) {
	for _, g := range groups {
		rows = append(rows, groupRow{g.ID, g.Name, g.Zone, g.Restricted, g.AtDoorOnly})
		for _, d := range g.Doors {
			doors = append(doors, pair{g.ID, d})
		}
	}
	return rows, doors
}

func splitTeams(teams []access.Team) (rows []teamRow, members []pair) {
	for _, t := range teams {
		rows = append(rows, teamRow{t.ID, t.Name})
		for _, m := range t.Members {
			members = append(members, pair{t.ID, m})
		}
	}
	return rows, members
}
