package casefile

import (
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Result is what became of one tap, or of one look at a door.
type Result struct {
	Line  int       `json:"line"`
	Note  string    `json:"note,omitempty"`
	Who   string    `json:"who,omitempty"` // empty: a look at the door
	Door  string    `json:"door"`
	At    time.Time `json:"at"`
	Open  bool      `json:"open"` // granted, or it stands open
	Wrong []string  `json:"differences,omitempty"`
	// Decision is in full; nil for a look at the door.
	Decision *access.Explanation `json:"decision,omitempty"`
}

// AsExpected says whether what became of it is what the case says.
func (r *Result) AsExpected() bool { return len(r.Wrong) == 0 }

// Taps are the taps of the case, in the order of the file.
func (c *Case) Taps() []Tap { return c.taps }

// Site is what decides at an instant of the case, given for how long the sources
// have been silent: the rights, the contacts and the lockdowns by staff.
func (c *Case) Site(at time.Time, silent time.Duration) (access.Roster, []access.Contact, []access.Lockdown) {
	return clone(c.roster), c.contacts(at, silent), c.locked(at)
}

// Silent is for how long the sources were silent before the tap.
func (t *Tap) Silent() time.Duration { return t.silent }

// Run decides every tap, in the order of the file, and then every look at a door.
func (c *Case) Run() ([]Result, error) {
	var all []Result
	for i := range c.taps {
		t := &c.taps[i]
		s, err := c.snapshot(t.Tap.At, t.silent)
		if err != nil {
			return nil, err
		}
		all = append(all, t.run(s, c.Zone))
	}
	for i := range c.stands {
		s, err := c.snapshot(c.stands[i].at, c.stands[i].silent)
		if err != nil {
			return nil, err
		}
		all = append(all, c.stands[i].run(s))
	}
	return all, nil
}

func (c *Case) snapshot(at time.Time, silent time.Duration) (*access.Snapshot, error) {
	roster, contacts, locked := c.Site(at, silent)
	s, err := access.Build(roster, contacts, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return s.WithLockdowns(locked, 0), nil
}

func (t *Tap) run(s *access.Snapshot, zone *time.Location) Result {
	var d access.Decision
	if t.Person != "" {
		d = s.DecideHolder(t.Person, t.Tap, t.Facts)
	} else {
		d = s.Decide(t.Tap, t.Facts)
	}
	e := s.Explain(d)
	return Result{
		Line: t.Line, Note: t.Note, Who: t.Who, Door: t.Tap.Door, At: t.Tap.At.UTC(), Open: e.Granted,
		Wrong: t.want.differences(&e, zone), Decision: &e,
	}
}

func (w *stands) run(s *access.Snapshot) Result {
	r := Result{Line: w.line, Note: w.note, Door: w.door, At: w.at.UTC(), Open: s.Unlocking(w.door, w.at, w.clock, w.arrived).Open}
	if r.Open != w.open {
		r.Wrong = []string{fmt.Sprintf("it should %s", standing(w.open))}
	}
	return r
}

func standing(open bool) string {
	if open {
		return "stand open"
	}
	return "stay shut"
}

// differences are what is not as expected, in words.
func (w *expected) differences(e *access.Explanation, zone *time.Location) []string {
	if w.granted != "" {
		return w.ofGrant(e)
	}
	if e.Granted {
		return []string{"it should be refused: " + w.reasons()}
	}
	var all []string
	if got, want := Reasons(e), w.reasons(); got != want {
		return []string{fmt.Sprintf("the reasons should be %s, and are %s", want, got)}
	}
	if e.Warned {
		all = append(all, "who is refused is not warned, and this one is")
	}
	for i, m := range w.misses {
		got := &e.Misses[i]
		if m.by != "" && (got.Grant == nil || got.Grant.ID != m.by) {
			all = append(all, fmt.Sprintf("%s should be told of %q, and is told of %s", m.reason, m.by, grantName(got.Grant)))
		}
		if m.opens != nil && !got.Opens.Equal(*m.opens) {
			all = append(all, fmt.Sprintf("%s should pass by waiting until %s, and passes %s", m.reason, When(*m.opens, zone), When(got.Opens, zone)))
		}
	}
	if w.works != nil && !e.Works.Equal(*w.works) {
		all = append(all, fmt.Sprintf("it should work again %s, and works %s", When(*w.works, zone), When(e.Works, zone)))
	}
	if w.says != "" && e.Misses[0].Detail != w.says {
		all = append(all, fmt.Sprintf("it should say %q, and says %q", w.says, e.Misses[0].Detail))
	}
	return all
}

func (w *expected) ofGrant(e *access.Explanation) []string {
	if !e.Granted {
		return []string{fmt.Sprintf("it should be granted by %q, and is refused: %s", w.granted, Reasons(e))}
	}
	var all []string
	if w.granted != "any" && (e.Grant == nil || e.Grant.ID != w.granted) {
		all = append(all, fmt.Sprintf("it should be granted by %q, and is by %s", w.granted, grantName(e.Grant)))
	}
	if e.Warned != w.warned {
		all = append(all, fmt.Sprintf("that it came again too soon should be %t, and is %t", w.warned, e.Warned))
	}
	return all
}

// reasons are those that should be told.
func (w *expected) reasons() string {
	var all []string
	for _, m := range w.misses {
		all = append(all, m.reason.String())
	}
	return strings.Join(all, ", ")
}

// Reasons are the reasons of a refusal in a row, the one to tell first.
func Reasons(e *access.Explanation) string {
	var all []string
	for i := range e.Misses {
		all = append(all, e.Misses[i].Reason.String())
	}
	return strings.Join(all, ", ")
}

func grantName(g *access.GrantView) string {
	if g == nil {
		return "no right"
	}
	return fmt.Sprintf("%q", g.ID)
}

// When is a time on the wall of a zone with its offset, to the microsecond where
// that matters.
func When(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return "never"
	}
	return at.In(zone).Format("Mon 2006-01-02 15:04:05.999999 -07:00")
}
