package daemon

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// whyEvent decides a recorded tap again, by what was in force then, and says
// whether the answer is the recorded one.
func (g *gateway) whyEvent(ctx context.Context, asked string) (control.Answer, error) {
	e, others, err := g.findTap(ctx, asked)
	if err != nil {
		return control.Answer{}, err
	}
	replay := &control.Replay{Event: e, Code: e.Code(), Others: others}
	if replay.After, err = g.journal.About(ctx, e); err != nil {
		return control.Answer{}, err
	}
	a := control.Answer{Door: e.Door, DoorName: e.Door, At: e.At, Replay: replay, Sources: []control.Sync{}}
	err = g.withRights(ctx, rightsThen{e.Generation, e.RosterHash, e.Posture}, func(s *access.Snapshot) error {
		s = s.WithAge(e.At, e.RosterAge)
		review := s.Replay(&e)
		a.Explanation, a.DoorName = s.Explain(review.Decision), s.DoorName(e.Door)
		a.Generation = e.Generation
		replay.Verdict, replay.Differs, replay.Why = control.Agrees, review.Differs, addedWords(review.Added)
		if len(review.Differs) > 0 {
			replay.Verdict = control.Differs
		}
		return nil
	})
	switch {
	case errors.Is(err, errNotKept), errors.Is(err, errOtherRights), errors.Is(err, errNoLockdowns):
		a.Explanation = recorded(e)
		replay.Verdict, replay.Why = control.NotKept, err.Error()
	case err != nil:
		return control.Answer{}, err
	case e.Generation != g.rights.Load().Generation():
		if generation, err := g.cache.Generation(ctx, e.Generation); err == nil {
			a.RightsOf = generation.At
		}
	}
	err = g.putInWords(ctx, &a, replay.Code)
	if e.Reason == access.Granted {
		a.Say += shutWords(replay.After)
	}
	return a, err
}

// shutWords is what whoever was granted, and not let in, is told beside.
func shutWords(after []access.Event) string {
	for _, e := range after {
		switch {
		case e.Kind != access.OutcomeEvent:
		case strings.HasPrefix(e.Detail, access.StrikeFailed):
			return lockSilent
		case e.Detail == lockedMeanwhile:
			return " But a lockdown began in that moment, and the door stayed shut."
		}
	}
	return ""
}

// lockSilent is for the member whom the door should have let in.
const lockSilent = " But its lock did not answer, which is for the staff to look at."

// addedWords is what was added to a decision after it was made.
func addedWords(reason access.Reason) string {
	switch reason {
	case access.Granted:
		return ""
	case access.PINWrong:
		return "by these rights the door would have opened; it stayed shut because the PIN did not come in time"
	default:
		return "by these rights the door would have opened; it stayed shut because the entry was not written down in time"
	}
}

// recorded is what the journal itself knows of a decision.
func recorded(e access.Event) access.Explanation {
	x := access.Explanation{
		Granted: e.Reason == access.Granted, Reason: e.Reason, Words: e.Reason.Words(), Holder: e.Holder,
		Warned: e.Warned, Generation: e.Generation, Age: e.RosterAge,
	}
	for _, reason := range e.Reasons {
		x.Misses = append(x.Misses, access.MissView{Reason: reason, Words: reason.Words()})
	}
	return x
}

// idLength is how many characters the id of an event has.
const idLength = 32

// findTap is the tap that somebody means: by its number, its id, or the code that a
// member read out, of which the newest is meant. Others are those that it may mean
// as well.
func (g *gateway) findTap(ctx context.Context, asked string) (e access.Event, others []access.Event, err error) {
	text := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(asked), "#"))
	number, noNumber := strconv.ParseUint(text, 10, 63) // an id of digits alone is larger
	front := access.CodeFront(text)
	if len(text) == idLength {
		front = text
	}
	if noNumber != nil && front == "" {
		return e, nil, &control.Error{
			Code: control.BadRequest, Message: fmt.Sprintf("%q is no event", asked),
			Hint: "use its number, its id, or the code of four characters that the tile showed; see: tilegate event list",
		}
	}
	var found []access.Event
	if noNumber == nil {
		switch e, err := g.journal.Event(ctx, number); {
		case err == nil:
			found = append(found, e)
		case !errors.Is(err, store.ErrNotFound):
			return e, nil, err
		}
	}
	if front != "" {
		taps, err := g.tapsByID(ctx, front)
		if err != nil {
			return e, nil, err
		}
		found = append(found, taps...)
	}
	if len(found) == 0 {
		return e, nil, &control.Error{Code: control.NotFound, Message: fmt.Sprintf("there is no event %q", asked), Hint: "see: tilegate event list"}
	}
	e, err = g.tapOf(ctx, found[0])
	if err != nil && len(found) > 1 { // the number is of something else, so the code is meant
		return found[1], found[2:], nil
	}
	return e, found[1:], err
}

// tapsByID are the newest taps whose id begins so.
func (g *gateway) tapsByID(ctx context.Context, front string) (taps []access.Event, err error) {
	const show = 6
	found, err := g.journal.ByID(ctx, front, 2*show)
	for _, e := range found {
		if e.Kind == access.DecisionEvent && len(taps) < show {
			taps = append(taps, e)
		}
	}
	return taps, err
}

// tapOf is the tap itself, or the one that an event is about.
func (g *gateway) tapOf(ctx context.Context, e access.Event) (access.Event, error) {
	if e.Kind == access.DecisionEvent {
		return e, nil
	}
	if e.Ref != "" {
		if taps, err := g.tapsByID(ctx, e.Ref); err != nil || len(taps) > 0 {
			return append(taps, e)[0], err
		}
	}
	return e, &control.Error{
		Code: control.BadRequest, Message: fmt.Sprintf("event %d is no tap: it is of the kind %s", e.Seq, e.Kind),
		Hint: "see: tilegate event list --kind decision",
	}
}
