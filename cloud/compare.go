package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// LongestCompare is as far back as Kisi's log can be read.
const LongestCompare = 90 * 24 * time.Hour

// Comparer is a source that decided taps itself, and has a log of them to hold
// ours against.
type Comparer interface {
	// Compare decides everything again that the source decided between two
	// instants, at most LongestCompare apart, and says where it differs. It reads
	// the log at the pace that the source allows, which may take minutes; nothing
	// is changed anywhere. tell is called now and then and waited for.
	Compare(ctx context.Context, from, until time.Time, past Past, tell func(Comparing)) (Comparison, error)
}

// Past is what the gateway keeps of the rights of earlier days.
type Past interface {
	// NumberAt is the generation in force at an instant. Where none is kept of
	// that time it is today's, and kept is false.
	NumberAt(ctx context.Context, at time.Time) (number uint64, kept bool, err error)
	// RosterOf is what all sources said in a generation.
	RosterOf(ctx context.Context, number uint64) (access.Roster, error)
}

// Comparing is how far a comparison is.
type Comparing struct {
	Events int       `json:"events"`      // read so far
	At     time.Time `json:"at,omitzero"` // of the last one
	Step   string    `json:"step"`        // what is done
}

// Comparison is what came of it.
type Comparison struct {
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Events   int       `json:"events"`   // read from the log
	Compared int       `json:"compared"` // of them: decided again
	Agreed   int       `json:"agreed"`   // of them: alike
	// Near are those of Agreed that are alike if the phone was held to the tile,
	// of which the log says nothing.
	Near int `json:"near"`
	// Today are those of Compared that were decided by today's rights, because
	// none are kept of their time.
	Today         int            `json:"today"`
	Skipped       []Skipped      `json:"skipped"` // most first
	Disagreements []Disagreement `json:"disagreements"`
}

// Skipped are events that were not decided again, with the reason.
type Skipped struct {
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// Disagreement is all that one side answered in one way and the other in another.
type Disagreement struct {
	Code   string        `json:"code"`   // Kisi's; empty: it opened
	Kisi   string        `json:"kisi"`   // what it said, in words
	Ours   access.Reason `json:"ours"`   // the first of our reasons
	Opener string        `json:"opener"` // who of the two opens: kisi, tilegate, or nobody
	Count  int           `json:"count"`
	Today  int           `json:"today"` // of Count: by today's rights
	Newest Example       `json:"newest"`
	May    []string      `json:"may"` // what may explain the newest
}

// Example is one event.
type Example struct {
	At       time.Time       `json:"at"`
	Person   string          `json:"person"`
	PersonID string          `json:"person_id"`
	Door     string          `json:"door"`
	DoorID   string          `json:"door_id"`
	By       string          `json:"by"`              // with what: Card, Login …
	Group    string          `json:"group,omitempty"` // that opened, or came nearest
	Detail   string          `json:"detail,omitempty"`
	Reasons  []access.Reason `json:"reasons,omitempty"` // all of ours
	Words    string          `json:"words"`
}

// Why a log cannot be compared.
var (
	ErrComparing = errors.New("a comparison with Kisi is under way already: wait until it is done")
	errLogFailed = errors.New("the search of its log failed on Kisi's side: try again in some minutes")
	errLogLoops  = errors.New("the log of Kisi does not end: the same page came again")
)

// Compare reads the log of unlocks and decides each again.
func (s *kisiSource) Compare(ctx context.Context, from, until time.Time, past Past, tell func(Comparing)) (Comparison, error) {
	if !s.comparing.TryLock() {
		return Comparison{}, ErrComparing
	}
	defer s.comparing.Unlock()
	c := comparing{
		mirror: newKisiMirror(s.deps, s.rules), past: past, tell: tell,
		report:  Comparison{From: from.UTC(), Until: until.UTC(), Skipped: []Skipped{}, Disagreements: []Disagreement{}},
		skipped: map[string]int{}, causes: map[causeKey]*cause{},
	}
	c.say("asking Kisi for its log")
	organisation, err := s.client.GetOrganization(ctx)
	if err == nil {
		c.zone = organisation.TimeZone
		err = s.unlocks(ctx, from, until, func(events []kisi.Event) error { return c.page(ctx, events) })
	}
	if err != nil {
		return Comparison{}, fmt.Errorf("compare with kisi: %w", err)
	}
	return c.finish(ctx)
}

// skippedKinds bounds how many reasons are told apart: codes that are not known are
// whatever the log says.
const skippedKinds = 100

const (
	logPause = 2 * time.Second // how long Kisi is left to search before it is asked again
	logPolls = 300
)

// unlocks reads the log of unlocks, page by page.
func (s *kisiSource) unlocks(ctx context.Context, from, until time.Time, page func([]kisi.Event) error) error {
	set, err := s.client.CreateEventSet(ctx, kisi.Search{From: from, Until: until, Types: []string{"lock.unlock"}})
	for polls := 0; err == nil && set.Status == kisi.EventSetRunning && polls < logPolls; polls++ {
		if err = pause(ctx, logPause); err == nil {
			set, err = s.client.GetEventSet(ctx, set.ID, "")
		}
	}
	for err == nil {
		if set.Status != kisi.EventSetFinished {
			return errLogFailed
		}
		if err = page(set.Events); err != nil || set.Cursor == "" {
			return err
		}
		last := set.Cursor
		if set, err = s.client.GetEventSet(ctx, set.ID, last); err == nil && set.Cursor == last {
			return errLogLoops
		}
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// comparing is a comparison under way. What it keeps does not grow with the log.
type comparing struct {
	mirror  *kisiMirror // for its names of things
	past    Past
	zone    string // of the organisation
	tell    func(Comparing)
	report  Comparison
	at      time.Time
	skipped map[string]int
	causes  map[causeKey]*cause
	arbiter *arbiter // of the rights that were asked last
}

// causeKey is what makes two disagreements one.
type causeKey struct {
	code string
	ours access.Reason
}

type cause struct {
	Disagreement
	event      kisi.Event // the newest
	generation uint64
	kept       bool
}

func (c *comparing) say(step string) {
	c.tell(Comparing{Events: c.report.Events, At: c.at, Step: step})
}

// page decides the events of one page.
func (c *comparing) page(ctx context.Context, events []kisi.Event) error {
	for i := range events {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.report.Events++
		c.at = events[i].CreatedAt
		if err := c.event(ctx, &events[i]); err != nil {
			return err
		}
	}
	c.say("deciding again")
	return nil
}

func (c *comparing) event(ctx context.Context, e *kisi.Event) error {
	said, why := verdictOf(e)
	if why != "" {
		if _, met := c.skipped[why]; !met && len(c.skipped) >= skippedKinds {
			why = "Kisi refused with yet other codes that are not known"
		}
		c.skipped[why]++
		return nil
	}
	number, kept, err := c.past.NumberAt(ctx, e.CreatedAt)
	if err != nil {
		return err
	}
	a, err := c.arbiterOf(ctx, number)
	if err != nil {
		return err
	}
	q := c.question(e)
	switch {
	case !a.snapshot.HasDoor(q.door):
		c.skipped["the door is not mirrored"]++
		return nil
	case !kept && !a.knows(q.holder):
		c.skipped["the person is not there any more, and no rights are kept of that time"]++
		return nil
	}
	c.report.Compared++
	if !kept {
		c.report.Today++
	}
	decision, near := a.answer(q, said)
	if said.fits(&decision) {
		c.report.Agreed++
		if near {
			c.report.Near++
		}
		return nil
	}
	found := c.cause(said, &decision)
	found.Count++
	if !kept {
		found.Today++
	}
	if !e.CreatedAt.Before(found.event.CreatedAt) {
		found.event, found.generation, found.kept = *e, number, kept
		found.Newest = a.example(e, q, decision)
	}
	return nil
}

// cause is the disagreement that an event is one more of.
func (c *comparing) cause(said verdict, d *access.Decision) *cause {
	key := causeKey{code: said.code, ours: d.Reason}
	found := c.causes[key]
	if found == nil {
		found = &cause{Disagreement: Disagreement{Code: said.code, Kisi: said.words, Ours: d.Reason, Opener: opener(said, d), May: []string{}}}
		c.causes[key] = found
	}
	return found
}

func opener(said verdict, d *access.Decision) string {
	switch {
	case said.opened:
		return "kisi"
	case d.Granted():
		return "tilegate"
	}
	return "nobody"
}
