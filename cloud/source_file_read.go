package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// The lists of a roster file.
const (
	tablePlaces = "places"
	tableDoors  = "doors"
	tableGroups = "groups"
	tablePeople = "people"
	tableTeams  = "teams"
	tableGrants = "grants"
)

// RosterError is a roster file refused whole, with what is wrong and where.
type RosterError struct {
	Path     string
	Mistakes []RosterMistake
}

// RosterMistake is one thing that is wrong in a roster file.
type RosterMistake struct {
	Line int
	What string // never a card value
}

// Error names the first mistakes, by line, and counts the rest.
func (e *RosterError) Error() string {
	const show = 3
	var b strings.Builder
	fmt.Fprintf(&b, "roster %s: refused whole, the old rights stand", e.Path)
	for i, m := range e.Mistakes {
		if i == show {
			fmt.Fprintf(&b, "; and %d more", len(e.Mistakes)-show)
			break
		}
		fmt.Fprintf(&b, "; line %d: %s", m.Line, m.What)
	}
	return b.String()
}

// rosterReader reads a roster file row by row, so that the file is never in
// memory whole.
type rosterReader struct {
	path   string
	deps   Deps
	lines  *lineReader
	dec    *json.Decoder
	rows   access.Roster
	lists  map[string]struct{}            // that were met
	ids    map[string]map[string]struct{} // table → ids
	lineOf map[string][]int               // table → line of each row
	taken  map[cardKey]string             // credential → holder
}

func newRosterReader(path string, file io.Reader, deps Deps) *rosterReader {
	lines := &lineReader{from: io.LimitReader(file, maxRosterFile+1)}
	return &rosterReader{
		path: path, deps: deps, lines: lines, dec: json.NewDecoder(lines),
		lists: map[string]struct{}{}, ids: map[string]map[string]struct{}{},
		lineOf: map[string][]int{}, taken: map[cardKey]string{},
	}
}

// read reads the whole file and checks that every row points at something.
func (r *rosterReader) read(ctx context.Context) (access.Roster, error) {
	if err := r.expect('{'); err != nil {
		return access.Roster{}, err
	}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return access.Roster{}, r.wrong(r.line(), err)
		}
		table, _ := token.(string)
		if err := r.list(ctx, table); err != nil {
			return access.Roster{}, err
		}
	}
	if err := r.expect('}'); err != nil {
		return access.Roster{}, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return access.Roster{}, r.mistake(r.line(), "there is more after the end of the roster")
	}
	if len(r.rows.Holders) == 0 {
		return access.Roster{}, r.mistake(r.line(), `it names no people: to keep everybody out, suspend them ("suspended": true)`)
	}
	return r.rows, r.dangling()
}

// list reads one list of the file.
func (r *rosterReader) list(ctx context.Context, table string) error {
	add := r.adder(table)
	if add == nil {
		return r.mistake(r.line(), fmt.Sprintf("%q is not known here; there are: %s, %s, %s, %s, %s, %s", table,
			tablePlaces, tableDoors, tableGroups, tablePeople, tableTeams, tableGrants))
	}
	if !once(r.lists, table) {
		return r.mistake(r.line(), fmt.Sprintf("the list %q is there twice", table))
	}
	if err := r.expect('['); err != nil {
		return err
	}
	for n := 0; r.dec.More(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var raw json.RawMessage
		if err := r.dec.Decode(&raw); err != nil {
			return r.wrong(r.line(), err)
		}
		line := r.lines.at(r.dec.InputOffset() - int64(len(raw)))
		if err := add(raw, line); err != nil {
			return r.wrong(line, fmt.Errorf("%s: %w", table, err))
		}
		if r.deps.Progress != nil && n%10_000 == 0 {
			r.deps.Progress(n, 0, table)
		}
	}
	return r.expect(']')
}

func (r *rosterReader) adder(table string) func(json.RawMessage, int) error {
	switch table {
	case tablePlaces:
		return rowOf(r.addPlace)
	case tableDoors:
		return rowOf(r.addDoor)
	case tableGroups:
		return rowOf(r.addGroup)
	case tablePeople:
		return rowOf(r.addPerson)
	case tableTeams:
		return rowOf(r.addTeam)
	case tableGrants:
		return rowOf(r.addGrant)
	}
	return nil
}

// rowOf reads one row strictly and adds it.
func rowOf[T any](add func(T, int) error) func(json.RawMessage, int) error {
	return func(raw json.RawMessage, line int) error {
		if len(raw) == 0 || raw[0] != '{' {
			return errNoRow
		}
		if key := twiceSaid(raw); key != "" {
			return fmt.Errorf("%q is said twice in one row", key)
		}
		var row T
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&row); err != nil {
			return err
		}
		return add(row, line)
	}
}

var errNoRow = errors.New("a row is not an object in braces")

// twiceSaid is a key that an object has twice, or "". Of two the JSON reader
// would silently take the last.
func twiceSaid(raw []byte) string {
	var keys []string
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			start := i + 1
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			text := string(raw[start:i])
			if rest := bytes.TrimLeft(raw[i+1:], " \t\r\n"); depth == 1 && rest[0] == ':' {
				if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, text) }) {
					return text
				}
				keys = append(keys, text)
			}
		}
	}
	return ""
}

// unique notes the id of the row just added and where it is.
func (r *rosterReader) unique(table, id, name string, line int) error {
	if err := named(id, name); err != nil {
		return err
	}
	if r.ids[table] == nil {
		r.ids[table] = map[string]struct{}{}
	}
	if !once(r.ids[table], id) {
		return fmt.Errorf("the id %q is there twice", id)
	}
	r.lineOf[table] = append(r.lineOf[table], line)
	return nil
}

// dangling finds every row that points at nothing.
func (r *rosterReader) dangling() error {
	e := &RosterError{Path: r.path}
	check := func(table string, i int, kind, id string) {
		if _, there := r.ids[kind][id]; !there {
			e.Mistakes = append(e.Mistakes, RosterMistake{
				Line: r.lineOf[table][i], What: fmt.Sprintf("%s: there is no %q in %q", table, id, kind),
			})
		}
	}
	for i := range r.rows.Doors {
		if place := r.rows.Doors[i].Place; place != "" {
			check(tableDoors, i, tablePlaces, place)
		}
	}
	for i := range r.rows.Groups {
		for _, id := range r.rows.Groups[i].Doors {
			check(tableGroups, i, tableDoors, id)
		}
	}
	for i := range r.rows.Teams {
		for _, id := range r.rows.Teams[i].Members {
			check(tableTeams, i, tablePeople, id)
		}
	}
	for i := range r.rows.Grants {
		g := &r.rows.Grants[i]
		assignees := tablePeople
		if g.Kind == access.ToTeam {
			assignees = tableTeams
		}
		check(tableGrants, i, assignees, g.Assignee)
		switch g.Scope {
		case access.ScopeDoor:
			check(tableGrants, i, tableDoors, g.ScopeID)
		case access.ScopeGroup:
			check(tableGrants, i, tableGroups, g.ScopeID)
		case access.ScopePlace:
			check(tableGrants, i, tablePlaces, g.ScopeID)
		case access.ScopeOrganisation:
		}
	}
	if len(e.Mistakes) > 0 {
		return e
	}
	return nil
}

func (r *rosterReader) expect(delim json.Delim) error {
	token, err := r.dec.Token()
	if err != nil {
		return r.wrong(r.line(), err)
	}
	if token != delim {
		return r.mistake(r.line(), fmt.Sprintf("here must be %q", delim.String()))
	}
	return nil
}

// line is where the reader is.
func (r *rosterReader) line() int { return r.lines.at(r.dec.InputOffset()) }

func (r *rosterReader) mistake(line int, what string) error {
	return &RosterError{Path: r.path, Mistakes: []RosterMistake{{Line: line, What: what}}}
}

// wrong puts an error of the JSON reader into words. It repeats no value.
func (r *rosterReader) wrong(line int, err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	what := strings.ReplaceAll(err.Error(), "json: ", "")
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		what = "the file ends too early"
	case errors.As(err, &kind):
		value, _, _ := strings.Cut(kind.Value, " ")
		what = fmt.Sprintf("%q can not be a %s", kind.Field, value)
	case errors.As(err, &syntax):
		what = "not JSON: " + syntax.Error()
	}
	return r.mistake(line, what)
}

// lineReader counts lines while a decoder reads ahead.
type lineReader struct {
	from  io.Reader
	read  int64   // bytes so far
	ends  []int64 // offsets of line ends that are ahead of the last answer
	lines int     // line ends behind it
}

// Read reads on.
func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at is the line of an offset, from 1. Offsets must not go back.
func (l *lineReader) at(offset int64) int {
	passed := 0
	for passed < len(l.ends) && l.ends[passed] < offset {
		passed++
	}
	l.lines += passed
	l.ends = l.ends[passed:]
	return l.lines + 1
}
