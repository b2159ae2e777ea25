package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// gateway is a running gateway of plain values, behind the real server.
type gateway struct {
	mu      sync.Mutex // guards the fields below
	status  control.Status
	doors   []control.Door
	readers []control.Reader
	events  []access.Event
	answer  control.Answer
	syncs   []control.Sync
	checks  []cloud.CheckLine
	change  []string
	openers []control.Opener
	seen    control.Seen
	err     error // of everything that acts, if set

	acted     []string // who did what
	questions []control.Question
	queries   []control.EventQuery
	fresh     chan access.Event
	stuck     chan struct{} // SyncNow waits for it, if set

	compared []control.Compared // the steps of CompareKisi
}

var (
	noon = time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC) // in Rome
	anna = access.Credential{Kind: access.Card, Digest: access.Digest{0xab, 0xcd, 0xef, 0x01}}
)

// morning is a gateway in which something of everything happened.
func morning() *gateway {
	at := func(d time.Duration) time.Time { return noon.Add(-d) }
	doors := []control.Door{
		{
			ID: "front", Name: "Front door", Posture: "locked", LastTap: at(2 * time.Minute), LastWhat: "granted",
			Readers: []control.Device{{Name: "in", Driver: "line", Port: "/dev/ttyUSB0", Up: true, Since: at(3 * time.Hour)}},
			Strike:  control.Device{Driver: "modbus", Port: "/dev/ttyUSB1", Up: true}, Contact: "closed",
			Inputs: []control.Device{{Name: "contact", Driver: "modbus", Port: "/dev/ttyUSB1", Up: true}},
		},
		{
			ID: "hall", Name: "Hall", Posture: "held_open", Held: at(-2 * time.Hour), HeldBy: "anna", Contact: "open",
			Strike: control.Device{Driver: "modbus", Port: "/dev/ttyUSB1", Up: true},
			Inputs: []control.Device{
				{Name: "contact", Driver: "modbus", Port: "/dev/ttyUSB1", Up: true},
				{Name: "exit_button", Driver: "gpio", Port: "/dev/gpiochip0", Err: "no such line", Since: at(time.Minute)},
			},
			Alarms: []control.Alarm{{Alarm: access.InputLost, Of: "exit_button", Since: at(time.Minute)}, {Alarm: access.HeldOpen, Since: at(10 * time.Minute)}},
		},
		{
			ID: "lobby", Name: "Lobby", Posture: "unlocked_by_schedule", Unlocked: at(-6 * time.Hour), Hours: "first_to_arrive",
			Strike: control.Device{Driver: "modbus", Port: "/dev/ttyUSB1", Up: true},
		},
		{
			ID: "gate", Name: "Gate", Posture: "locked", HeldNot: "the clock is not trusted", Kept: at(-7 * time.Hour), KeptBy: "ben",
			Strike: control.Device{Driver: "modbus", Port: "/dev/ttyUSB1", Up: true},
		},
		{
			ID: "rear", Name: "Rear door", Posture: "locked_down",
			Shut: []control.Shut{
				{Where: control.Where{Site: true}, Words: "staff locked down the whole site", By: "anna", Since: at(5 * time.Minute), Reason: "smoke in the hall"},
				{Where: control.Where{Door: "rear"}, Words: "the door is locked down in the cloud"},
			},
			Readers: []control.Device{{Name: "in", Driver: "line", Port: "/dev/ttyUSB2", Since: at(40 * time.Minute), Err: "no such device"}},
		},
	}
	syncs := []control.Sync{
		{Source: "file", Contact: at(time.Hour), Ageless: true, Tried: at(time.Hour), Result: "ok"},
		{
			Source: "kisi", Every: 15 * time.Minute, Contact: at(3 * time.Minute), Tried: at(3 * time.Minute), Result: "held",
			Held: []string{"12 people lose Front door"}, Dropped: []access.Problem{{Table: "grant", ID: "99", What: "no group 7"}},
		},
	}
	return &gateway{
		status: control.Status{
			Site: "trastevere", Name: "Trastevere, Rome", TimeZone: "Europe/Rome", Version: "0.1.0", Started: at(26 * time.Hour), Ready: true,
			Line: "2 doors, rights 3 min old, rear reader gone", Generation: 812, RosterHash: "0123456789abcdef0123",
			Counts: access.Counts{Holders: 120, Credentials: 140, Grants: 1}, Doors: doors, Sources: syncs,
			Journal: control.JournalStatus{Last: 81231, Events: 81231, Late: 2, Healthy: true},
			Troubles: []control.Trouble{{
				Code: "reader_gone", Subject: "rear", Severity: "critical", Title: "a reader does not answer",
				Text: "Nobody can tap at Rear door. Check its cable and its power.", Since: at(40 * time.Minute),
			}},
		},
		doors: doors, syncs: syncs, fresh: make(chan access.Event),
		events: []access.Event{
			{Seq: 1, ID: "e1", At: at(time.Hour), Kind: access.SystemEvent, Detail: "started"},
			{Seq: 2, ID: "0886423456789abcdef0123456789abc", At: at(2 * time.Minute), Door: "front", Credential: anna, Holder: "kisi:user:1804", Reason: access.Granted},
			{Seq: 3, ID: "939ab03456789abcdef0123456789abc", At: at(time.Minute), Door: "front", Credential: anna, Reason: access.NotYet, Reasons: []access.Reason{access.NotYet, access.DoorHours}, Late: true},
			{Seq: 4, ID: "e4", At: at(0), Kind: access.ActionEvent, Door: "rear", Actor: "anna", Detail: "opened by hand"},
		},
		readers: []control.Reader{
			{
				Door: "front", Device: control.Device{Name: "in", Driver: "osdp", Port: "/dev/ttyUSB0", Up: true, Frames: 9000, Reopens: 1}, Address: "address 0",
				Identity: "vendor 00068e model 1, serial 2956091264", Secure: true, Pairable: true, Why: map[string]uint64{"crc": 2, "timeout": 7, "mac": 0},
			},
			{
				Door: "rear", Device: control.Device{Name: "in", Driver: "osdp", Port: "/dev/ttyUSB0", Since: at(40 * time.Minute), Err: "it has no key yet; pair it: tilegate reader pair rear"}, Address: "address 1",
				Pairable: true, Tampered: true, Steps: map[string]uint64{"reset": 3},
			},
			{Door: "rear", Device: control.Device{Name: "strike", Driver: "modbus", Port: "/dev/ttyUSB1", Up: true}, Address: "unit 1 channel 0"},
		},
		answer: refusal(),
		checks: []cloud.CheckLine{{What: "reader", OK: true, Note: "answered in 4 ms"}, {What: "strike", Note: "no answer; check the cable"}},
		change: []string{"door front: hold 5s, was 8s"},
	}
}

func refusal() control.Answer {
	tomorrow := noon.Add(21 * time.Hour)
	return control.Answer{
		Explanation: access.Explanation{
			Reason: access.NotYet, Words: access.NotYet.Words(), Holder: "kisi:user:1804", Generation: 812, Age: 3 * time.Minute,
			Misses: []access.MissView{
				{Reason: access.NotYet, Words: access.NotYet.Words(), Opens: tomorrow, Grant: &access.GrantView{
					ID: "g7", Scope: "group", ScopeID: "31", ScopeName: "Meeting room", From: tomorrow, Until: tomorrow.Add(8 * time.Hour), Source: "kisi", Cause: "booking",
				}},
				{Reason: access.Expired, Words: access.Expired.Words(), Grant: &access.GrantView{
					ID: "g2", Scope: "organisation", ScopeName: "the whole organisation", Until: noon.Add(-48 * time.Hour), Source: "kisi", Cause: "plan",
				}},
			},
		},
		Say:  "Your booking for Meeting room begins tomorrow at 09:00.",
		Kisi: []control.KisiKnows{{Grant: "g7", Knows: true, Words: "Kisi has it: role assignment 7, on group 31"}},
		Door: "front", DoorName: "Front door", At: noon, Name: "Anna Rossi",
		Sources: []control.Sync{{Source: "kisi", Contact: noon.Add(-3 * time.Minute), Tried: noon.Add(-3 * time.Minute), Result: "ok"}},
	}
}

func welcome() control.Answer {
	a := refusal()
	a.Granted, a.Reason, a.Words, a.Misses = true, access.Granted, access.Granted.Words(), nil
	a.Say, a.Kisi = "The door opens by your plan for Coworkers.", nil
	a.Grant = &access.GrantView{ID: "g1", Scope: "group", ScopeID: "30", ScopeName: "Coworkers", From: noon.Add(-24 * time.Hour), Source: "kisi", Cause: "plan"}
	return a
}

func (g *gateway) operations() control.Operations {
	return control.Operations{Status: g, Doors: g, Holds: g, Readers: g, Movers: g, Events: g, Access: g, Who: g, Seen: g, Sync: g, Kisi: g, Reload: g}
}

func (g *gateway) act(what string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.acted = append(g.acted, what)
	return g.err
}

func (g *gateway) asked(q control.Question) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.questions = append(g.questions, q)
}

func (g *gateway) queried(q control.EventQuery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queries = append(g.queries, q)
}

func (g *gateway) Status(context.Context) (control.Status, error) { return g.status, nil }
func (g *gateway) Doors(context.Context) ([]control.Door, error)  { return g.doors, nil }

func (g *gateway) OpenDoor(_ context.Context, _ control.Caller, order control.Opening) (control.Opened, error) {
	what := "open " + order.Door
	if order.Anyway {
		what += " anyway"
	}
	return control.Opened{Door: order.Door, Hold: 5 * time.Second, Event: "e5"}, g.act(what)
}

func (g *gateway) TestDoor(_ context.Context, _ control.Caller, door string) ([]cloud.CheckLine, error) {
	return g.checks, g.act("test " + door)
}

func (g *gateway) Readers(context.Context) ([]control.Reader, error) { return g.readers, nil }

func (g *gateway) MoveReader(_ context.Context, _ control.Caller, ask control.Moving, each func(control.Step) error) error {
	if err := each(control.Step{At: noon, Text: "found there"}); err != nil {
		return err
	}
	address := "-"
	if ask.Address != nil {
		address = fmt.Sprint(*ask.Address)
	}
	return g.act(fmt.Sprintf("move %s %s to %s at %d", ask.Door, ask.Device, address, ask.Baud))
}

func (g *gateway) EnableKeypad(_ context.Context, _ control.Caller, door, reader string) (control.Enabled, error) {
	return control.Enabled{Door: door, Reader: "in", WasOff: door == "front"}, g.act("enable " + door + " " + reader)
}

func (g *gateway) PairReader(_ context.Context, _ control.Caller, ask control.Pairing, each func(control.Step) error) error {
	if err := each(control.Step{At: noon, Text: "asked who it is"}); err != nil {
		return err
	}
	return g.act(fmt.Sprintf("pair %s %s for %v", ask.Door, ask.Device, ask.Window))
}

func (g *gateway) HoldDoor(_ context.Context, _ control.Caller, ask control.Hold) (control.Held, error) {
	return control.Held{Door: ask.Door, Until: noon.Add(ask.For), Event: "e7"}, g.act("hold " + ask.Door + " for " + ask.For.String())
}

func (g *gateway) LockDown(_ context.Context, _ control.Caller, ask control.Lockdown) (control.LockedDown, error) {
	return control.LockedDown{Where: ask.Where, Doors: 3, Event: "e9"}, g.act("lock down " + ask.String() + ": " + ask.Reason)
}

func (g *gateway) Release(_ context.Context, _ control.Caller, where control.Where) (control.Released, error) {
	done := control.Released{Where: where, Ended: "hold", Event: "e8"}
	switch where.Door {
	case "":
		done.Ended, done.Still = "lockdown", []string{"rear: the door is locked down in the cloud"}
	case "rear":
		done.Ended, done.Kept = "unlock_hours", noon.Add(6*time.Hour)
	}
	return done, g.act("release " + where.String())
}

func (g *gateway) Events(_ context.Context, query control.EventQuery) ([]access.Event, error) {
	g.queried(query)
	return g.events, nil
}

func (g *gateway) Follow(ctx context.Context, query control.EventQuery, each func(access.Event) error) error {
	g.queried(query)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-g.fresh:
			if err := each(e); err != nil {
				return err
			}
		}
	}
}

func (g *gateway) Why(_ context.Context, question control.Question) (control.Answer, error) {
	g.asked(question)
	answer := g.answer
	if !question.At.IsZero() {
		answer.At = question.At
	}
	if question.Event != "" && answer.Replay == nil {
		answer.Replay = &control.Replay{Event: g.events[2], Verdict: control.Agrees}
	}
	return answer, nil
}

func (g *gateway) Who(_ context.Context, query control.WhoQuery, each func(control.Opener) error) error {
	for _, o := range g.openers {
		if !o.Granted && !query.All {
			continue
		}
		if err := each(o); err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) Seen(_ context.Context, caller control.Caller, since time.Time) (control.Seen, error) {
	seen := g.seen
	if !since.IsZero() {
		seen.Since = since
	}
	if caller.Name == "" {
		return seen, errors.New("who looks is not known")
	}
	return seen, nil
}

func (g *gateway) Simulate(_ context.Context, _ control.Caller, question control.Question) (control.Answer, error) {
	g.asked(question)
	answer := g.answer
	answer.Event = "e6"
	if answer.Granted {
		answer.Took = 2134567 * time.Nanosecond
	}
	return answer, g.act("tap " + question.Door)
}

func (g *gateway) SyncStatus(context.Context) ([]control.Sync, error) { return g.syncs, nil }

func (g *gateway) SyncNow(ctx context.Context, _ control.Caller, source string) ([]control.Sync, error) {
	if g.stuck != nil {
		close(g.stuck)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return g.syncs, g.act("sync " + source)
}

func (g *gateway) ApproveSync(_ context.Context, _ control.Caller, source string) ([]control.Sync, error) {
	return g.syncs, g.act("approve " + source)
}

func (g *gateway) TestKisi(context.Context) (cloud.Report, error) {
	return cloud.Report{Organisation: "Example", Lines: g.checks}, g.act("kisi")
}

func (g *gateway) CompareKisi(_ context.Context, _ control.Comparison, each func(control.Compared) error) error {
	for _, step := range g.compared {
		if err := each(step); err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) Reload(context.Context, control.Caller) (control.Reloaded, error) {
	return control.Reloaded{Changed: g.change}, g.act("reload")
}
