package control

import (
	"context"
	"sync"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// house is a gateway of plain values. What it was asked is kept word for word.
type house struct {
	mu     sync.Mutex // guards the fields below
	status Status
	doors  []Door
	events []access.Event
	answer Answer
	syncs  []Sync
	err    error // of every operation, if set

	asked    []any // arguments of calls, in order
	fresh    chan access.Event
	hold     chan struct{} // SyncNow waits for it, if set
	followed chan struct{} // closed when a Follow ends, if set
}

func (h *house) operations() Operations {
	return Operations{Status: h, Doors: h, Holds: h, Events: h, Access: h, Who: h, Seen: h, Sync: h, Kisi: h, Reload: h}
}

func (h *house) note(args ...any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, args...)
	return h.err
}

func (h *house) heard() []any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]any(nil), h.asked...)
}

func (h *house) Status(context.Context) (Status, error) { return h.status, h.note() }
func (h *house) Doors(context.Context) ([]Door, error)  { return h.doors, h.note() }

func (h *house) OpenDoor(_ context.Context, caller Caller, order Opening) (Opened, error) {
	return Opened{Door: order.Door, Hold: 5e9, Event: "e1"}, h.note(caller, order)
}

func (h *house) TestDoor(_ context.Context, caller Caller, door string) ([]cloud.CheckLine, error) {
	return []cloud.CheckLine{{What: "reader", OK: true}, {What: "strike", Note: "no answer"}}, h.note(caller, door)
}

func (h *house) HoldDoor(_ context.Context, caller Caller, ask Hold) (Held, error) {
	return Held{Door: ask.Door, Until: h.status.Started, Event: "e1"}, h.note(caller, ask)
}

func (h *house) LockDown(_ context.Context, caller Caller, ask Lockdown) (LockedDown, error) {
	return LockedDown{Where: ask.Where, Doors: 2, Event: "e1"}, h.note(caller, ask)
}

func (h *house) Release(_ context.Context, caller Caller, where Where) (Released, error) {
	return Released{Where: where, Ended: "lockdown", Still: []string{"front: the cloud"}, Event: "e1"}, h.note(caller, where)
}

func (h *house) Events(_ context.Context, query EventQuery) ([]access.Event, error) {
	return h.events, h.note(query)
}

func (h *house) Follow(ctx context.Context, query EventQuery, each func(access.Event) error) error {
	if h.followed != nil {
		defer close(h.followed)
	}
	if err := h.note(query); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, open := <-h.fresh:
			if !open {
				return &Error{Code: Failed, Message: "the journal cannot be read", Hint: "tilegate status"}
			}
			if err := each(e); err != nil {
				return err
			}
		}
	}
}

func (h *house) Why(_ context.Context, question Question) (Answer, error) {
	return h.answer, h.note(question)
}

func (h *house) Who(_ context.Context, query WhoQuery, each func(Opener) error) error {
	for _, o := range []Opener{{Holder: "h1", Granted: true}, {Holder: "h2"}} {
		if err := each(o); err != nil {
			return err
		}
	}
	return h.note(query)
}

func (h *house) Seen(_ context.Context, caller Caller, since time.Time) (Seen, error) {
	return Seen{Since: since, Evacuation: true, People: []SeenPerson{{Holder: "h1", Way: "in"}}}, h.note(caller, since)
}

func (h *house) Simulate(_ context.Context, caller Caller, question Question) (Answer, error) {
	return h.answer, h.note(caller, question)
}

func (h *house) SyncStatus(context.Context) ([]Sync, error) { return h.syncs, h.note() }

func (h *house) ApproveSync(_ context.Context, caller Caller, source string) ([]Sync, error) {
	return h.syncs, h.note(caller, source, "approve")
}

func (h *house) SyncNow(ctx context.Context, caller Caller, source string) ([]Sync, error) {
	if h.hold != nil {
		select {
		case <-h.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return h.syncs, h.note(caller, source)
}

func (h *house) TestKisi(context.Context) (cloud.Report, error) {
	return cloud.Report{Organisation: "Example", Lines: []cloud.CheckLine{{What: "sign in", OK: true}}}, h.note()
}

func (h *house) CompareKisi(_ context.Context, ask Comparison, each func(Compared) error) error {
	for _, step := range comparedSteps {
		if err := each(step); err != nil {
			return err
		}
	}
	return h.note(ask)
}

var comparedSteps = []Compared{
	{Comparing: cloud.Comparing{Events: 200, Step: "deciding again"}},
	{Report: &cloud.Comparison{Events: 200, Compared: 190, Agreed: 189}},
}

func (h *house) Reload(_ context.Context, caller Caller) (Reloaded, error) {
	return Reloaded{Changed: []string{"door front: hold 5s -> 8s"}}, h.note(caller)
}
