package kisi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tilegate/tilegate/cloud/transport"
)

// Why a list that was answered page by page cannot be taken. None of them
// says anything about what is in Kisi: what is known stays.
var (
	// ErrDrift: the list kept changing while it was read.
	ErrDrift = errors.New("the list changed while it was read")
	// ErrShort: a page held fewer rows than it said it would.
	ErrShort = errors.New("the list has fewer rows than it says")
	// ErrBeyondReach: the list is longer than Kisi lets anybody read; ask for
	// parts of it with a filter.
	ErrBeyondReach = errors.New("the list is longer than can be read")
)

const (
	maxOffset = 20_000 // OpenAPI document, pagination
	passes    = 3      // how often a list that drifts is begun
)

// Filter narrows a list, or says more about how to read it.
type Filter func(*listing)

// listing is one list while it is read.
type listing struct {
	path     string
	size     int // rows of a page
	query    url.Values
	ids      []int64
	progress func(done, total int)
}

// Progress is told after each page how many rows there are by now, and how
// many there will be. A list that is begun again starts from 0. It must not block.
func Progress(tell func(done, total int)) Filter {
	return func(l *listing) { l.progress = tell }
}

// ByIDs asks for some rows only. An id that is not in the answer is no proof
// that the object is gone where several were asked for: how ids are separated
// is undocumented. Ask for it alone. No ids give an empty list without asking.
func ByIDs(ids ...int64) Filter {
	return func(l *listing) {
		l.ids = append([]int64{}, ids...)
		slices.Sort(l.ids)
		l.ids = slices.Compact(l.ids)
	}
}

// where filters by a parameter of the list.
func where(name, value string) Filter {
	return func(l *listing) { l.query.Set(name, value) }
}

func whereID(name string, id int64) Filter { return where(name, strconv.FormatInt(id, 10)) }

// list reads a whole list, page by page. It gives all rows or an error, never
// fewer rows. Pages overlap by a row: where the row at the seam is another one
// the second time, rows moved while we read, and the list is begun again.
func list[T any](ctx context.Context, c *Client, path string, size int, id func(T) int64, filters []Filter) ([]T, error) {
	l := &listing{path: path, size: size, query: url.Values{}, progress: func(int, int) {}}
	for _, f := range filters {
		f(l)
	}
	if l.ids != nil {
		return listByIDs(ctx, c, l, id)
	}
	return listWhole(ctx, c, l, id)
}

func listByIDs[T any](ctx context.Context, c *Client, l *listing, id func(T) int64) ([]T, error) {
	var all []T
	for part := range slices.Chunk(l.ids, l.size) {
		text := make([]string, len(part))
		for i, n := range part {
			text[i] = strconv.FormatInt(n, 10)
		}
		l.query.Set("ids", strings.Join(text, ","))
		rows, err := listWhole(ctx, c, l, id)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if !slices.Contains(part, id(row)) {
				return nil, fmt.Errorf("kisi: GET %s: asked for some ids, but row %d was answered: the filter was ignored", l.path, id(row))
			}
		}
		all = append(all, rows...)
	}
	return all, nil
}

func listWhole[T any](ctx context.Context, c *Client, l *listing, id func(T) int64) ([]T, error) {
	var err error
	for range passes {
		var rows []T
		rows, err = listOnce(ctx, c, l, id)
		if err == nil || !errors.Is(err, ErrDrift) && !errors.Is(err, ErrShort) {
			return rows, err
		}
	}
	return nil, fmt.Errorf("%w (%d times in a row): it is tried again with the next sync", err, passes)
}

func listOnce[T any](ctx context.Context, c *Client, l *listing, id func(T) int64) ([]T, error) {
	var all []T
	var seen map[int64]bool
	for first := -1; ; {
		offset := min(max(len(all)-1, 0), maxOffset)
		page, total, err := readPage(ctx, c, l, id, offset)
		if err != nil {
			return nil, err
		}
		if first < 0 {
			first, seen = total, make(map[int64]bool, min(total, maxOffset))
		}
		if total != first {
			return nil, fmt.Errorf("kisi: GET %s: %w: it had %d rows and now has %d", l.path, ErrDrift, first, total)
		}
		again := len(all) - offset
		for i, row := range page {
			switch n := id(row); {
			case i < again && n != id(all[offset+i]):
				return nil, fmt.Errorf("kisi: GET %s: %w: row %d is another one than before", l.path, ErrDrift, offset+i)
			case i < again:
			case seen[n]:
				return nil, fmt.Errorf("kisi: GET %s: %w: id %d came twice", l.path, ErrDrift, n)
			default:
				seen[n] = true
				all = append(all, row)
			}
		}
		l.progress(len(all), total)
		if len(all) == total {
			return all, nil
		}
	}
}

// readPage reads the rows from offset on and the total of the list, and holds
// the answer against what its range says.
func readPage[T any](ctx context.Context, c *Client, l *listing, id func(T) int64, offset int) ([]T, int, error) {
	l.query.Set("limit", strconv.Itoa(l.size))
	l.query.Set("offset", strconv.Itoa(offset))
	resp, err := c.http.Do(ctx, transport.Request{Path: l.path, Query: l.query})
	if err != nil {
		return nil, 0, err
	}
	rows, err := decodeRows(resp, id)
	if err != nil {
		return nil, 0, err
	}
	r, err := parseRange(resp.Header.Get("X-Collection-Range"))
	if err != nil {
		return nil, 0, resp.Unfit("the answer does not say how long the list is", err)
	}
	switch {
	case r.total > maxOffset+l.size:
		return nil, 0, fmt.Errorf("kisi: GET %s: %w: it has %d rows, and %d can be read: narrow it with a filter", l.path, ErrBeyondReach, r.total, maxOffset+l.size)
	case !r.empty && (r.start != offset || r.end != offset+l.size-1 && r.end != r.total-1):
		return nil, 0, resp.Unfit(fmt.Sprintf("asked for rows %d to %d, but %d to %d were answered", offset, offset+l.size-1, r.start, r.end), nil)
	}
	want := max(0, min(l.size, r.total-offset))
	switch {
	case len(rows) > want:
		return nil, 0, resp.Unfit(fmt.Sprintf("%d rows were answered where there are %d", len(rows), want), nil)
	case len(rows) < want || want == 0 && offset > 0:
		return nil, 0, fmt.Errorf("kisi: GET %s: %w: %d came of %d from row %d on", l.path, ErrShort, len(rows), want, offset)
	}
	return rows, r.total, nil
}

// decodeRows reads a bare JSON array of objects that each have an id: null, an
// object, or rows without an id are no list of Kisi's.
func decodeRows[T any](resp *transport.Response, id func(T) int64) ([]T, error) {
	var rows []T
	if err := resp.Decode(&rows); err != nil {
		return nil, err
	}
	if rows == nil {
		return nil, resp.Unfit("the answer is null where a list was due", nil)
	}
	for i, row := range rows {
		if n := id(row); n <= 0 {
			return nil, resp.Unfit(fmt.Sprintf("row %d has the id %d", i, n), nil)
		}
	}
	return rows, nil
}
