package kisi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/cloud/transport"
)

// shelf is a list at Kisi: rows in an order, cut into pages as the OpenAPI
// document says.
type shelf struct {
	ids   []int64
	most  int                   // rows of a page
	asked []string              // limit and offset of each request
	after func(s *shelf, n int) // called after each page, n from 1
	lie   func(*page)           // bends what is answered
}

// page is one answer of a shelf.
type page struct {
	ids      []int64
	span     string
	noHeader bool
}

func (s *shelf) RoundTrip(req *http.Request) (*http.Response, error) {
	limit, _ := strconv.Atoi(req.URL.Query().Get("limit"))
	offset, _ := strconv.Atoi(req.URL.Query().Get("offset"))
	s.asked = append(s.asked, fmt.Sprintf("%d+%d", offset, limit))
	if limit > s.most || offset > 20_000 {
		return says(400, `{"error":"out of bounds"}`), nil
	}
	from := min(offset, len(s.ids))
	p := page{ids: slices.Clone(s.ids[from:min(from+limit, len(s.ids))]), span: fmt.Sprintf("%d-%d/%d", offset, offset+limit-1, len(s.ids))}
	if len(p.ids) == 0 {
		p.span = "*/0"
	}
	if s.lie != nil {
		s.lie(&p)
	}
	if s.after != nil {
		s.after(s, len(s.asked))
	}
	var rows []string
	for _, id := range p.ids {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"resource_type":"User","tomorrow":{"a":[1]}}`, id))
	}
	resp := says(200, "["+strings.Join(rows, ",")+"]", "X-Collection-Range", p.span)
	if p.noHeader {
		resp.Header.Del("X-Collection-Range")
	}
	return resp, nil
}

// upTo is the ids 1 to n.
func upTo(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	return ids
}

func idsOf(users []User) []int64 {
	ids := make([]int64, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	return ids
}

func TestListsAreReadWhole(t *testing.T) {
	for _, test := range []struct {
		name  string
		rows  int
		asked []string
	}{
		{"none", 0, []string{"0+100"}},
		{"one", 1, []string{"0+100"}},
		{"one page", 100, []string{"0+100"}},
		{"one row more than a page", 101, []string{"0+100", "99+100"}},
		{"three pages, each from the last row of the one before", 298, []string{"0+100", "99+100", "198+100"}},
		{"one row more than three pages", 299, []string{"0+100", "99+100", "198+100", "297+100"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &shelf{ids: upTo(test.rows), most: 100}
			var told []int
			got, err := newTest(t, s.RoundTrip).ListUsers(t.Context(), Progress(func(done, total int) {
				if total != test.rows {
					t.Errorf("a total of %d was told, want %d", total, test.rows)
				}
				told = append(told, done)
			}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(upTo(test.rows), idsOf(got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.asked, s.asked); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
			if len(told) != len(test.asked) || told[len(told)-1] != test.rows {
				t.Errorf("told %v, want one number for each page and %d last", told, test.rows)
			}
		})
	}
}

func TestListsAreReadUpToTheReachOfKisiAndNotBeyond(t *testing.T) {
	s := &shelf{ids: upTo(20_100), most: 100}
	got, err := newTest(t, s.RoundTrip).ListUsers(t.Context())
	if err != nil || len(got) != 20_100 {
		t.Errorf("20,100 rows: got %d, %v", len(got), err)
	}
	s = &shelf{ids: upTo(20_101), most: 100}
	if got, err = newTest(t, s.RoundTrip).ListUsers(t.Context()); !errors.Is(err, ErrBeyondReach) || got != nil {
		t.Errorf("20,101 rows: got %d, %v; want ErrBeyondReach and no row", len(got), err)
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %d times, want once: the first page tells", len(s.asked))
	}
}

func TestAListThatChangedOnceIsReadAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*shelf)
	}{
		{"a row came in front", func(s *shelf) { s.ids = slices.Insert(s.ids, 0, 9000) }},
		{"a row went in front", func(s *shelf) { s.ids = s.ids[1:] }},
		{"a row came at the end", func(s *shelf) { s.ids = append(s.ids, 9000) }},
		{"one went in front, one came at the end", func(s *shelf) { s.ids = append(s.ids[1:], 9000) }},
		{"one came in front, one went at the end", func(s *shelf) { s.ids = slices.Insert(s.ids[:len(s.ids)-1], 0, 9000) }},
		{"the order turned round", func(s *shelf) { slices.Reverse(s.ids) }},
		{"everything went", func(s *shelf) { s.ids = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &shelf{ids: upTo(250), most: 100, after: func(s *shelf, n int) {
				if n == 1 {
					test.change(s)
				}
			}}
			got, err := newTest(t, s.RoundTrip).ListUsers(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]int64{}, s.ids...), idsOf(got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if !slices.Contains(s.asked[1:], "0+100") {
				t.Errorf("asked %v, want the list begun twice", s.asked)
			}
		})
	}
}

func TestAListThatGoesOnChangingIsAnError(t *testing.T) {
	s := &shelf{ids: upTo(250), most: 100, after: func(s *shelf, n int) { s.ids = slices.Insert(s.ids, 0, int64(9000+n)) }}
	got, err := newTest(t, s.RoundTrip).ListUsers(t.Context())
	if !errors.Is(err, ErrDrift) || got != nil {
		t.Errorf("got %d rows, %v; want ErrDrift and no row", len(got), err)
	}
	if len(s.asked) != 6 {
		t.Errorf("asked %v, want two pages of three passes", s.asked)
	}
}

func TestListsThatCannotBeSoAreErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		rows int
		lie  func(*page)
		want error
	}{
		{"no header", 5, func(p *page) { p.noHeader = true }, transport.NotTheCloud},
		{"no header and no rows", 0, func(p *page) { p.noHeader = true }, transport.NotTheCloud},
		{"a header of another form", 5, func(p *page) { p.span = "items 0-99/5" }, transport.NotTheCloud},
		{"other rows than asked for", 250, func(p *page) { p.span = "100-199/250" }, transport.NotTheCloud},
		{"another page size", 50, func(p *page) { p.span = "0-9/50" }, transport.NotTheCloud},
		{"more rows than there are", 5, func(p *page) { p.ids = append(p.ids, 6) }, transport.NotTheCloud},
		{"rows where there are none", 5, func(p *page) { p.span = "*/0" }, transport.NotTheCloud},
		{"an id of zero", 5, func(p *page) { p.ids[2] = 0 }, transport.NotTheCloud},
		{"a negative id", 5, func(p *page) { p.ids[2] = -2 }, transport.NotTheCloud},
		{"fewer rows than there are", 5, func(p *page) { p.ids = p.ids[1:] }, ErrShort},
		{"no rows at all where there are some", 5, func(p *page) { p.ids = nil }, ErrShort},
		{"the same row twice", 5, func(p *page) { p.ids[1] = p.ids[0] }, ErrDrift},
		{"the last page over and over", 250, func(p *page) { p.ids = upTo(250)[150:250] }, ErrDrift},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &shelf{ids: upTo(test.rows), most: 100, lie: test.lie}
			got, err := newTest(t, s.RoundTrip).ListUsers(t.Context())
			if !errors.Is(err, test.want) || got != nil {
				t.Errorf("got %d rows, %v; want no row and %v", len(got), err, test.want)
			}
		})
	}
}

func TestWhatIsNoListIsAnError(t *testing.T) {
	for _, body := range []string{`null`, `{}`, `{"users":[]}`, `"x"`, `1`, `[null]`, `[{}]`, `[1]`, `[{"id":"1"}]`, `[{"id":1.5}]`, `[{"id":9223372036854775808}]`, `[{"id":1,"updated_at":"yesterday"}]`} {
		c := newTest(t, func(*http.Request) (*http.Response, error) {
			return says(200, body, "X-Collection-Range", "0-99/1"), nil
		})
		if got, err := c.ListUsers(t.Context()); !errors.Is(err, transport.NotTheCloud) || got != nil {
			t.Errorf("answer %s: got %v, %v; want NotTheCloud", body, got, err)
		}
	}
	for _, body := range []string{`null`, `{}`, `[{}]`, `[null]`} {
		c := newTest(t, func(*http.Request) (*http.Response, error) { return says(200, body), nil })
		if got, err := c.ListRoles(t.Context()); !errors.Is(err, transport.NotTheCloud) || got != nil {
			t.Errorf("roles %s: got %v, %v; want NotTheCloud", body, got, err)
		}
	}
}

// TestNobodyWhoStaysIsLost lets the list change at random between pages. What
// was in it all along must be in what is read, or nothing is read.
func TestNobodyWhoStaysIsLost(t *testing.T) {
	const stays = 1000 // ids above come and go
	rapid.Check(t, func(r *rapid.T) {
		s := &shelf{ids: upTo(rapid.IntRange(0, 450).Draw(r, "rows")), most: 100}
		lasting := slices.Clone(s.ids)
		next := int64(stays)
		s.after = func(s *shelf, _ int) {
			for range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 4}).Draw(r, "changes") {
				at := rapid.IntRange(0, len(s.ids)).Draw(r, "at")
				if rapid.Bool().Draw(r, "come") || at == len(s.ids) {
					next++
					s.ids = slices.Insert(s.ids, at, next)
					continue
				}
				lasting = slices.DeleteFunc(lasting, func(id int64) bool { return id == s.ids[at] })
				s.ids = slices.Delete(s.ids, at, at+1)
			}
		}
		got, err := newTest(t, s.RoundTrip).ListUsers(t.Context())
		if err != nil {
			if !errors.Is(err, ErrDrift) && !errors.Is(err, ErrShort) {
				r.Fatal(err)
			}
			return
		}
		ids := idsOf(got)
		for _, id := range lasting {
			if !slices.Contains(ids, id) {
				r.Fatalf("%d was there all the time and was not read; asked %v", id, s.asked)
			}
		}
	})
}

func TestAskingForSomeIDs(t *testing.T) {
	t.Run("none asks nothing", func(t *testing.T) {
		c := newTest(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("asked") })
		if got, err := c.ListUsers(t.Context(), ByIDs()); err != nil || len(got) != 0 {
			t.Errorf("got %v, %v; want none", got, err)
		}
	})
	t.Run("many go in parts of a page", func(t *testing.T) {
		var parts []int
		c := newTest(t, func(req *http.Request) (*http.Response, error) {
			ids := strings.Split(req.URL.Query().Get("ids"), ",")
			parts = append(parts, len(ids))
			var rows []string
			for _, id := range ids {
				rows = append(rows, `{"id":`+id+`}`)
			}
			return says(200, "["+strings.Join(rows, ",")+"]", "X-Collection-Range", fmt.Sprintf("0-99/%d", len(ids))), nil
		})
		got, err := c.ListUsers(t.Context(), ByIDs(upTo(230)...))
		if err != nil || len(got) != 230 {
			t.Errorf("got %d, %v; want 230", len(got), err)
		}
		if diff := cmp.Diff([]int{100, 100, 30}, parts); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
	t.Run("a filter that is ignored is an error", func(t *testing.T) {
		s := &shelf{ids: upTo(3), most: 100}
		if got, err := newTest(t, s.RoundTrip).ListUsers(t.Context(), ByIDs(2)); err == nil {
			t.Errorf("got %v, want an error", idsOf(got))
		}
	})
}

func TestCollectionRange(t *testing.T) {
	for _, test := range []struct {
		in   string
		want span
		ok   bool
	}{
		{"10-19/15", span{start: 10, end: 19, total: 15}, true},
		{"0-99/1", span{start: 0, end: 99, total: 1}, true},
		{"*/0", span{empty: true}, true},
		{"", span{}, false},
		{"*/5", span{}, false},
		{"0-99", span{}, false},
		{"0-99/", span{}, false},
		{"0-99/*", span{}, false},
		{"-1-99/5", span{}, false},
		{"5-4/5", span{}, false},
		{"0-99/-5", span{}, false},
		{"+0-99/5", span{}, false},
		{" 0-99/5", span{}, false},
		{"0-99/5/6", span{}, false},
		{"0-99/99999999999999999999", span{}, false},
		{"0x0-0x9/5", span{}, false},
		{"٠-٩/٥", span{}, false},
	} {
		got, err := parseRange(test.in)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("parseRange(%q) = %+v, %v; want %+v, ok %t", test.in, got, err, test.want, test.ok)
		}
	}
}

func FuzzCollectionRange(f *testing.F) {
	for _, s := range []string{"10-19/15", "*/0", "", "*/5", "0-99", "5-4/5", "0-99/99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseRange(s)
		if err != nil {
			if got != (span{}) {
				t.Errorf("%q: an error and %+v", s, got)
			}
			return
		}
		if got.start < 0 || got.end < got.start || got.total < 0 || got.empty && got.total != 0 {
			t.Errorf("%q was read as %+v", s, got)
		}
	})
}

func FuzzList(f *testing.F) {
	for _, body := range []string{`[]`, `[{"id":1}]`, `[{"id":1,"name":null,"metadata":{"a":1}}]`, `null`, `{}`, `[{"id":1},{"id":1}]`, `[{"id":`, `[[[[`, `[{"id":1e3}]`} {
		f.Add(body, "0-99/1")
	}
	f.Add(`[]`, "*/0")
	f.Fuzz(func(t *testing.T, body, span string) {
		c := newTest(t, func(*http.Request) (*http.Response, error) {
			return says(200, body, "X-Collection-Range", span), nil
		})
		got, err := c.ListUsers(t.Context())
		if err != nil {
			if got != nil {
				t.Errorf("an error and %d rows", len(got))
			}
			return
		}
		r, err := parseRange(span)
		if err != nil || r.total != len(got) {
			t.Errorf("%d rows were taken from %q with %q", len(got), body, span)
		}
		for _, u := range got {
			if u.ID <= 0 {
				t.Errorf("a user with the id %d was taken", u.ID)
			}
		}
	})
}
