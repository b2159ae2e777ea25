package cloudtest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through an endpoint.
type call struct {
	k   *Kisi
	r   *http.Request
	q   url.Values
	raw []byte
	by  caller
	id  int    // of the path, or 0
	sub string // a word of the path, for {word}
	bad string // a query parameter that makes no sense
}

// limits are the default and the greatest size of a page (OpenAPI document, Pagination).
type limits struct{ standard, most int }

const maxOffset = 20000

// text is a query parameter as it stands, in lower case.
func (c *call) text(name string) string { return strings.ToLower(c.q.Get(name)) }

// number is an integer parameter; 0 is absent. "me" is the caller.
func (c *call) number(name string) int {
	s := c.q.Get(name)
	switch s {
	case "":
		return 0
	case "me":
		return c.by.userID()
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		c.bad = name
		return 0
	}
	return n
}

// is says whether a parameter is absent or equal to the value of a row.
func (c *call) is(name string, id int) bool {
	want := c.number(name)
	return !c.q.Has(name) || want == id
}

// same is is for words.
func (c *call) same(name, value string) bool {
	return c.q.Get(name) == "" || strings.EqualFold(c.q.Get(name), value)
}

// flag is is for true and false; "*" is either.
func (c *call) flag(name string, value bool) bool {
	switch c.q.Get(name) {
	case "", "*":
		return true
	case "true":
		return value
	case "false":
		return !value
	default:
		c.bad = name
		return true
	}
}

// ids says whether a row is among the ids asked for. Several are separated by
// commas, or repeated as ids[].
func (c *call) ids(id int) bool {
	asked := c.q["ids"]
	asked = append(slices.Clone(asked), c.q["ids[]"]...)
	if len(asked) == 0 {
		return true
	}
	for _, list := range asked {
		for one := range strings.SplitSeq(list, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(one))
			if err != nil {
				c.bad = "ids"
				return true
			}
			if n == id {
				return true
			}
		}
	}
	return false
}

// query says whether the free text occurs in any of the values.
func (c *call) query(values ...string) bool {
	want := c.text("query")
	if want == "" {
		return true
	}
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(strings.ToLower(v), want) })
}

// filter keeps the rows of a list that the query asks for.
func filter[T any](rows []T, keep func(T) bool) []T {
	var out []T
	for _, row := range rows {
		if keep(row) {
			out = append(out, row)
		}
	}
	return out
}

// sorting is one word of a list's sort parameter; "-" before it reverses.
type sorting[T any] map[string]func(a, b T) int

func byText[T any](text func(T) string) func(a, b T) int {
	return func(a, b T) int { return strings.Compare(strings.ToLower(text(a)), strings.ToLower(text(b))) }
}

func byFlag[T any](flag func(T) bool) func(a, b T) int {
	number := func(v T) int {
		if flag(v) {
			return 1
		}
		return 0
	}
	return func(a, b T) int { return cmp.Compare(number(a), number(b)) }
}

func byTime[T any](when func(T) time.Time) func(a, b T) int {
	return func(a, b T) int { return when(a).Compare(when(b)) }
}

func order[T any](c *call, rows []T, words sorting[T]) []T {
	word := c.q.Get("sort")
	if word == "" {
		return rows
	}
	name, reverse := strings.CutPrefix(word, "-")
	compare, known := words[name]
	if !known {
		c.bad = "sort"
		return rows
	}
	slices.SortStableFunc(rows, func(a, b T) int {
		if reverse {
			return compare(b, a)
		}
		return compare(a, b)
	})
	return rows
}

// window reads limit and offset.
func (c *call) window(l limits) (limit, offset int, refused *reply) {
	limit, offset = l.standard, 0
	errs := map[string][]string{}
	if s := c.q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil || n < 1:
			errs["limit"] = []string{"must be a positive number"}
		case n > l.most && c.k.opts.ClampLimit:
			limit = l.most
		case n > l.most:
			errs["limit"] = []string{fmt.Sprintf("must be less than or equal to %d", l.most)}
		default:
			limit = n
		}
	}
	if s := c.q.Get("offset"); s != "" {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil || n < 0:
			errs["offset"] = []string{"must be a number"}
		case n > maxOffset:
			errs["offset"] = []string{fmt.Sprintf("must be less than or equal to %d", maxOffset)}
		default:
			offset = n
		}
	}
	if len(errs) > 0 {
		r := invalid(errs)
		return 0, 0, &r
	}
	return limit, offset, nil
}

// page answers one page of a list. The end of X-Collection-Range is computed
// from the limit and not clipped; nothing at all is "*/0" (OpenAPI document,
// Pagination; the empty form from the official client-js).
func page[T any](c *call, l limits, rows []T, render func(T) object) reply {
	limit, offset, refused := c.window(l)
	if refused != nil {
		return *refused
	}
	if c.bad != "" {
		return fail(http.StatusBadRequest, "000400", "The parameter "+c.bad+" is invalid.")
	}
	out := []object{}
	if c.k.faults.empties(c.r.URL.Path) {
		return reply{status: http.StatusOK, body: out, collection: "*/0"}
	}
	rows, total, from := drifted(&c.k.faults, c.r.URL.Path, rows, offset)
	for i := from; i < min(from+limit, len(rows)); i++ {
		out = append(out, render(rows[i]))
	}
	out = out[:len(out)-c.k.faults.missing(c.r.URL.Path, len(out))]
	if total == 0 {
		return reply{status: http.StatusOK, body: out, collection: "*/0"}
	}
	return reply{status: http.StatusOK, body: out, collection: fmt.Sprintf("%d-%d/%d", offset, offset+limit-1, total)}
}

// all answers a list that is not paged.
func all[T any](rows []T, render func(T) object) reply {
	out := make([]object, 0, len(rows))
	for _, row := range rows {
		out = append(out, render(row))
	}
	return ok(out)
}

// one answers a single object, or 404.
func one[T any](row T, there bool, render func(T) object) reply {
	if !there {
		return notFound()
	}
	return ok(render(row))
}

// gone removes a single object in the caller's name, or answers 404.
func gone[T any](c *call, row T, there bool, destroy func(actor int, row T)) reply {
	if !there {
		return notFound()
	}
	destroy(c.by.userID(), row)
	return done()
}
