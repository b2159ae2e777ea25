package cloudtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Faults are what may go wrong between Kisi and us. Every switch stays until
// Clear, or for as many requests as it was given. A switch that takes paths is
// limited to requests below them; none means all. Several may be on at once.
type Faults struct {
	k         *Kisi
	rules     []*rule
	skew      time.Duration
	extra     bool
	onRequest func(*http.Request)
}

type faultKind int

const (
	cutFault faultKind = iota
	slowFault
	statusFault
	stormFault
	portalFault
	redirectFault
	goneFault
	halfFault
	shortFault
	emptyFault
	driftFault
	brokenFault
)

// rule is one fault that is on.
type rule struct {
	kind  faultKind
	on    []string
	left  int // requests; negative is without end
	delay time.Duration
	code  int
	drift Drift
}

func (r *rule) covers(path string) bool {
	return len(r.on) == 0 || slices.ContainsFunc(r.on, func(p string) bool {
		return path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/")
	})
}

// Drift is how rows move between the pages of one list.
type Drift int

// The drifts, as a crawler sees them.
const (
	// DriftInsert: a row arrived in front; the last row of the page before
	// comes again, and the total is one more.
	DriftInsert Drift = iota
	// DriftRemove: a row of an earlier page is gone; one row is never shown,
	// and the total is one less.
	DriftRemove
	// DriftRotate: the order moved; one row is never shown, another comes
	// twice, and the total is the same.
	DriftRotate
)

// Cut breaks every connection without an answer.
func (f *Faults) Cut(paths ...string) { f.add(&rule{kind: cutFault, on: paths, left: -1}) }

// CutNext breaks the next n connections.
func (f *Faults) CutNext(n int, paths ...string) { f.add(&rule{kind: cutFault, on: paths, left: n}) }

// Slow makes every answer wait.
func (f *Faults) Slow(d time.Duration, paths ...string) {
	f.add(&rule{kind: slowFault, on: paths, left: -1, delay: d})
}

// Status answers the next n requests with a status and an error body; a
// negative n is without end.
func (f *Faults) Status(code, n int, paths ...string) {
	f.add(&rule{kind: statusFault, on: paths, left: n, code: code})
}

// Storm429 answers everything with 429: other programs use up our budget.
func (f *Faults) Storm429(paths ...string) { f.add(&rule{kind: stormFault, on: paths, left: -1}) }

// CaptivePortal answers everything with a page of HTML and 200, as the guest
// network of a hotel does.
func (f *Faults) CaptivePortal() { f.add(&rule{kind: portalFault, left: -1}) }

// PortalHost is where CaptivePortalRedirect sends its callers.
const PortalHost = "portal.invalid"

// CaptivePortalRedirect sends everything to the login page on PortalHost with
// 302, and answers there with HTML.
func (f *Faults) CaptivePortalRedirect() { f.add(&rule{kind: redirectFault, left: -1}) }

// HalfPage breaks the connection in the middle of the body.
func (f *Faults) HalfPage(paths ...string) { f.add(&rule{kind: halfFault, on: paths, left: -1}) }

// BrokenJSON ends the body in its middle as if it were whole.
func (f *Faults) BrokenJSON(paths ...string) { f.add(&rule{kind: brokenFault, on: paths, left: -1}) }

// ShortPage leaves out the second half of a list's rows; the JSON is sound and
// X-Collection-Range speaks of all.
func (f *Faults) ShortPage(paths ...string) { f.add(&rule{kind: shortFault, on: paths, left: -1}) }

// EmptyLists answers lists with [], 200 and */0.
func (f *Faults) EmptyLists(paths ...string) { f.add(&rule{kind: emptyFault, on: paths, left: -1}) }

// RowDrift moves the rows of lists before the next n pages that are not first
// pages; a negative n is without end.
func (f *Faults) RowDrift(d Drift, n int, paths ...string) {
	f.add(&rule{kind: driftFault, on: paths, left: n, drift: d})
}

// RemovedEndpoint answers a path with 404, as after its sunset.
func (f *Faults) RemovedEndpoint(paths ...string) { f.add(&rule{kind: goneFault, on: paths, left: -1}) }

// ClockSkew sets Kisi's clock ahead of the real one, or behind it.
func (f *Faults) ClockSkew(d time.Duration) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	f.skew = d
}

// ExtraFields adds unknown fields to every object.
func (f *Faults) ExtraFields(on bool) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	f.extra = on
}

// OnRequest calls hook before each request is answered: a revocation during
// the second page, for one. The hook may change the world. Nil ends it.
func (f *Faults) OnRequest(hook func(*http.Request)) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	f.onRequest = hook
}

// Clear ends all faults.
func (f *Faults) Clear() {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	*f = Faults{k: f.k}
}

func (f *Faults) add(r *rule) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	f.rules = append(f.rules, r)
}

// take finds a fault that is on for a path, and counts it.
func (f *Faults) take(kind faultKind, path string) (*rule, bool) {
	for _, r := range f.rules {
		if r.kind == kind && r.left != 0 && r.covers(path) {
			if r.left > 0 {
				r.left--
			}
			return r, true
		}
	}
	return nil, false
}

func (f *Faults) delay(path string) time.Duration {
	if r, on := f.take(slowFault, path); on {
		return r.delay
	}
	return 0
}

const portalPage = `<!DOCTYPE html><html><head><title>Welcome</title></head><body><form action="/login" method="post">` +
	`<p>Please accept the terms of this network.</p><button>Connect</button></form></body></html>`

func page200() answer {
	return answer{status: http.StatusOK, headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}, body: []byte(portalPage)}
}

// onTheWay answers for what stands between the caller and Kisi.
func (f *Faults) onTheWay(r *http.Request) (answer, bool) {
	path := r.URL.Path
	if _, on := f.take(cutFault, path); on {
		return answer{cut: true}, true
	}
	if _, on := f.take(portalFault, path); on {
		return page200(), true
	}
	if _, on := f.take(redirectFault, path); on {
		if r.Host == PortalHost {
			return page200(), true
		}
		return answer{status: http.StatusFound, headers: map[string]string{
			"Location": "http://" + PortalHost + "/login?from=" + r.Host, "Content-Type": "text/html",
		}, body: []byte(portalPage)}, true
	}
	if _, on := f.take(stormFault, path); on {
		return f.k.render(f.k.tooMany()), true
	}
	if rule, on := f.take(statusFault, path); on {
		return f.k.render(fail(rule.code, fmt.Sprintf("000%03d", rule.code), http.StatusText(rule.code))), true
	}
	if _, on := f.take(goneFault, path); on {
		return f.k.render(notFound()), true
	}
	return answer{}, false
}

// spoil damages an answer that was sound.
func (f *Faults) spoil(path string, a answer) answer {
	if len(a.body) < 2 {
		return a
	}
	if _, on := f.take(halfFault, path); on {
		a.half = true
	}
	if _, on := f.take(brokenFault, path); on {
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

func (f *Faults) empties(path string) bool {
	_, on := f.take(emptyFault, path)
	return on
}

// missing is how many of a page's rows are left out.
func (f *Faults) missing(path string, rows int) int {
	if rows == 0 {
		return 0
	}
	if _, on := f.take(shortFault, path); on {
		return (rows + 1) / 2
	}
	return 0
}

// drifted is how a list stands when a later page is asked for: which rows,
// how many in all, and where the page begins.
func drifted[T any](f *Faults, path string, rows []T, offset int) (view []T, total, from int) {
	if offset == 0 || len(rows) < 2 {
		return rows, len(rows), offset
	}
	rule, on := f.take(driftFault, path)
	if !on {
		return rows, len(rows), offset
	}
	switch rule.drift {
	case DriftInsert:
		return rows, len(rows) + 1, offset - 1
	case DriftRemove:
		return rows[1:], len(rows) - 1, offset
	default:
		return append(slices.Clone(rows[1:]), rows[0]), len(rows), offset
	}
}
