package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// layout is how one of the three files is kept.
type layout struct {
	name        string // for people
	application int64  // application_id: whose file this is
	pageSize    int64  // bytes; fixed when the file is made
	checkpoint  int64  // pages of log after which a commit checkpoints by itself
	walLimit    int64  // bytes of log kept after a checkpoint
	schema      fs.FS  // 0001_start.sql and on
}

const busyTimeout = 2000 // milliseconds

// setting is one pragma and what it must read back as.
type setting struct{ name, want string }

// settings are in the order in which they must be made: the page size counts
// only before the first page, and journal_mode writes that page.
func (l layout) settings(readOnly bool) []setting {
	queryOnly := "0"
	if readOnly {
		queryOnly = "1"
	}
	return []setting{
		{"page_size", strconv.FormatInt(l.pageSize, 10)},
		{"journal_mode", "wal"},
		{"synchronous", "2"},
		{"foreign_keys", "1"},
		{"recursive_triggers", "1"},
		{"cell_size_check", "1"},
		{"trusted_schema", "0"},
		{"mmap_size", "0"},
		{"auto_vacuum", "0"},
		{"wal_autocheckpoint", strconv.FormatInt(l.checkpoint, 10)},
		{"journal_size_limit", strconv.FormatInt(l.walLimit, 10)},
		{"busy_timeout", strconv.Itoa(busyTimeout)},
		{"query_only", queryOnly},
	}
}

// connector opens connections that all have the same settings. It is used in
// place of a registered driver name, so that nothing is global.
type connector struct {
	layout   layout
	path     string
	readOnly bool
}

// Connect opens one connection, makes its settings and reads them back.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.layout.name, err)
	}
	return conn, nil
}

// Driver is SQLite with our settings made on every connection.
func (c connector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: c.prepare}
}

// dsn keeps the "file:" in front: without it the driver drops mode=ro silently
// and opens for writing. What the driver would set by itself to something
// unsafe (synchronous) is said here already.
func (c connector) dsn() string {
	query := "_synchronous=FULL&_foreign_keys=on&_recursive_triggers=on&_stmt_cache_size=32&_busy_timeout=" + strconv.Itoa(busyTimeout)
	if c.readOnly {
		query += "&mode=ro&_query_only=on"
	} else {
		query += "&mode=rw&_txlock=immediate"
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: c.path, RawQuery: query}
	return u.String()
}

func (c connector) prepare(conn *sqlite3.SQLiteConn) error {
	if err := c.recognise(conn); err != nil {
		return err
	}
	for _, s := range c.layout.settings(c.readOnly) {
		if _, err := ask(conn, "PRAGMA "+s.name+" = "+s.want); err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
	}
	return c.readBack(conn)
}

// recognise refuses a file of somebody else before anything in it is changed.
func (c connector) recognise(conn *sqlite3.SQLiteConn) error {
	id, err := ask(conn, "PRAGMA application_id")
	if err != nil {
		return err
	}
	if id == strconv.FormatInt(c.layout.application, 10) {
		return nil
	}
	tables, err := ask(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if id != "0" || tables != "0" {
		return fmt.Errorf("%w: application id %s, want %d", ErrForeign, id, c.layout.application)
	}
	return nil
}

func (c connector) readBack(conn *sqlite3.SQLiteConn) error {
	for _, s := range c.layout.settings(c.readOnly) {
		got, err := ask(conn, "PRAGMA "+s.name)
		if err != nil {
			return fmt.Errorf("read back %s: %w", s.name, err)
		}
		if !strings.EqualFold(got, s.want) {
			return fmt.Errorf("%w: %s is %q, want %q", ErrSetting, s.name, got, s.want)
		}
	}
	return nil
}

// ask runs a statement and returns its first value as text, or "".
func ask(conn *sqlite3.SQLiteConn, query string) (value string, err error) {
	rows, err := conn.Query(query, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if len(rows.Columns()) == 0 {
		return "", nil
	}
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); errors.Is(err, io.EOF) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return fmt.Sprint(row[0]), nil
}
