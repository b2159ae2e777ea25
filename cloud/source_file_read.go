package cloud

import (
	"bytes"
	"cmp"
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
			least := ""
			if len(e.Mistakes) == mostMistakes {
				least = "at least "
			}
			fmt.Fprintf(&b, "; and %s%d more", least, len(e.Mistakes)-show)
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
	into   Intake
	lines  *lineReader
	dec    *json.Decoder
	lists  map[string]struct{} // that were met
	people int
	failed error // of the intake: no mistake of whoever wrote the file
}

func newRosterReader(path string, file io.Reader, deps Deps, into Intake) *rosterReader {
	lines := &lineReader{from: io.LimitReader(file, maxRosterFile+1)}
	return &rosterReader{path: path, deps: deps, into: into, lines: lines, dec: json.NewDecoder(lines), lists: map[string]struct{}{}}
}

// read reads the whole file and checks that every row points at something.
func (r *rosterReader) read(ctx context.Context) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return r.wrong(r.line(), err)
		}
		table, _ := token.(string)
		if err := r.list(ctx, table); err != nil {
			return err
		}
	}
	if err := r.expect('}'); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return r.mistake(r.line(), "there is more after the end of the roster")
	}
	if r.people == 0 {
		return r.mistake(r.line(), `it names no people: to keep everybody out, suspend them ("suspended": true)`)
	}
	return r.sideBySide(ctx)
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
		if err := add(raw, line); r.failed != nil {
			return r.failed
		} else if err != nil {
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

// twiceSaid is a key that an object, or one inside it, has twice, or "". Of two
// the JSON reader would silently take the last.
func twiceSaid(raw []byte) string {
	var keys [][]string // of each object that is open
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{':
			keys = append(keys, nil)
		case '}':
			keys = keys[:len(keys)-1]
		case '"':
			start := i + 1
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			text := string(raw[start:i])
			if rest := bytes.TrimLeft(raw[i+1:], " \t\r\n"); rest[0] == ':' {
				in := &keys[len(keys)-1]
				if slices.ContainsFunc(*in, func(k string) bool { return strings.EqualFold(k, text) }) {
					return text
				}
				*in = append(*in, text)
			}
		}
	}
	return ""
}

// put hands rows on that stand on a line.
func (r *rosterReader) put(rows access.Roster, line int) error {
	r.failed = r.into.Add(rows, line, false)
	return r.failed
}

// mostMistakes is how many are looked for.
const mostMistakes = 1000

// sideBySide finds the rows that cannot stand beside the others: an id or a card
// that is there twice, and what points at nothing.
func (r *rosterReader) sideBySide(ctx context.Context) error {
	e := &RosterError{Path: r.path}
	err := r.into.Wrong(ctx, func(line int, table, id, other string) bool {
		e.Mistakes = append(e.Mistakes, RosterMistake{Line: line, What: besideWords(table, id, other)})
		return len(e.Mistakes) < mostMistakes
	})
	if err != nil {
		return err
	}
	if len(e.Mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Mistakes, func(a, b RosterMistake) int { return cmp.Compare(a.Line, b.Line) })
	return e
}

// fileTables are the lists of the file by the tables of the rows that they make.
var fileTables = map[string]string{
	"holders": tablePeople, "assignments": tablePeople, "group_doors": tableGroups, "team_members": tableTeams,
}

func besideWords(table, id, other string) string {
	list := cmp.Or(fileTables[table], table)
	switch {
	case table == "assignments":
		holder, what, number := credentialOf(id)
		if holder == other {
			return fmt.Sprintf("%s: it has the same %s twice", list, what)
		}
		return fmt.Sprintf("%s: its %s %s is also that of %q", list, what, number, other)
	case other == "":
		return fmt.Sprintf("%s: the id %q is there twice", list, id)
	}
	return fmt.Sprintf("%s: there is no %q in %q", list, id, cmp.Or(fileTables[other], other))
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
