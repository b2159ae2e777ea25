package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// toldClock is a clock that a test tells what to show.
type toldClock struct {
	mu     sync.Mutex // guards all below
	wall   time.Time
	mono   time.Duration
	synced bool
}

func (c *toldClock) clock() Clock {
	locked := func(do func()) { c.mu.Lock(); defer c.mu.Unlock(); do() }
	return Clock{
		Wall:   func() (at time.Time) { locked(func() { at = c.wall }); return at },
		Mono:   func() (d time.Duration) { locked(func() { d = c.mono }); return d },
		Synced: func() (is bool) { locked(func() { is = c.synced }); return is },
	}
}

// pass lets time elapse; jump is by how much the wall clock is set on top.
func (c *toldClock) pass(d, jump time.Duration, synced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono, c.synced = c.wall.Add(d+jump), c.mono+d, synced
}

// past is a gateway to whose past questions are asked.
type past struct {
	*house
	clock  *toldClock
	rand   *rand.Rand
	taps   map[string]access.Reason // that were made, by event
	warned map[string]bool
	typed  map[string]bool // granted with a PIN
	locked map[string]bool // refused for a lockdown by staff
}

func newPast(t *testing.T, seed uint64) *past {
	t.Helper()
	p := &past{
		clock: &toldClock{wall: today, synced: true, mono: time.Hour}, rand: rand.New(rand.NewPCG(seed, 7)), taps: map[string]access.Reason{}, warned: map[string]bool{}, typed: map[string]bool{}, locked: map[string]bool{},
	}
	p.house = newHouseBy(t, p.clock.clock())
	return p
}

// again is the gateway after a restart.
func (p *past) again() {
	p.t.Helper()
	if err := p.stop(); err != nil {
		p.t.Fatal(err)
	}
	settings, err := config.Load(p.dir + "/tilegate.toml")
	if err != nil {
		p.t.Fatal(err)
	}
	p.gateway = newGateway(Options{Settings: settings, Version: "test", Log: hclog.NewNullLogger(), Clock: p.clock.clock()})
	p.down = false
	if err := p.open(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) chance(percent int) bool { return p.rand.IntN(100) < percent }

// about is an instant within days of now.
func (p *past) about(days int) time.Time {
	span := int64(days) * int64(24*time.Hour)
	return p.clock.clock().Wall().Add(time.Duration(p.rand.Int64N(2*span) - span)).Truncate(time.Microsecond)
}

var pastPeople = []string{"ann", "bob", "eve", "kim", "lea"}

// roster is what a cloud may say.
func (p *past) roster() access.Roster {
	r := people("kisi", pastPeople...)
	r.Places = []access.Place{{ID: "rome", Name: "Rome", Zone: "Europe/Rome", LockedDown: p.chance(3)}}
	r.Doors = []access.Door{{ID: "front", Place: "rome", LockedDown: p.chance(5), Restricted: p.chance(15), AtDoorOnly: p.chance(30)}, {ID: "lab", Place: "rome"}}
	r.Groups[0].Doors, r.Groups[0].Restricted = []string{"front", "lab"}, p.chance(40)
	for i, on := range []access.Schedule{{On: access.ScopeGroup, OnID: "kisi-all"}, {On: access.ScopeDoor, OnID: "front"}} {
		on.ID, on.Days, on.From, on.Until = fmt.Sprint(i), access.Weekdays(1+p.rand.IntN(127)), 6*60, 20*60
		r.Schedules = append(r.Schedules, on)
	}
	for i := range r.Holders {
		r.Holders[i].Suspended = p.chance(10)
		r.Assignments[i].Active = p.chance(90)
		g := &r.Grants[i]
		if p.chance(50) {
			g.From = p.about(3)
			g.Until = g.From.Add(time.Duration(1+p.rand.IntN(200)) * time.Hour)
		}
		g.Cancelled = p.chance(10)
	}
	digits := doorKey.Credential(access.PIN, []byte("4711"))
	r.Assignments = append(r.Assignments, access.Assignment{ID: "pin", Kind: access.PIN, Digest: digits.Digest, Assurance: digits.Assurance, Holder: "kisi-ann", Active: true})
	for i := range r.Assignments { // by the key of this gateway
		value := "4711"
		if i < len(pastPeople) {
			value = cardOf(pastPeople[i])
		}
		r.Assignments[i].Digest = p.keys.digest.Digest(r.Assignments[i].Kind, []byte(value))
	}
	return r
}

// cardOf is the number of somebody's card.
func cardOf(name string) string { return fmt.Sprintf("04%012x", name) }

func (p *past) policies() []access.Policy {
	var all []access.Policy
	for _, door := range []string{"front", "lab"} {
		policy := access.Policy{
			Door: door, AskPIN: p.chance(50), HighSecurity: p.chance(20), PassbackRefuses: p.chance(50), Zone: "Europe/Rome",
		}
		policy.Residential = !policy.HighSecurity && p.chance(20)
		if p.chance(60) {
			policy.Passback = time.Hour
		}
		if p.chance(25) {
			policy.MinimumAssurance = access.HighAssured
		}
		all = append(all, policy)
	}
	return all
}

// happen does one thing at random.
func (p *past) happen() {
	p.t.Helper()
	ctx := p.t.Context()
	var err error
	switch n := p.rand.IntN(100); {
	case n < 10:
		_, err = p.rights.Replace(ctx, "kisi", cloud.RowsOf(p.roster()), access.Contact{Source: "kisi", At: p.clock.clock().Wall()})
	case n < 15:
		err = p.rights.setPolicies(ctx, p.policies())
	case n < 20:
		err = p.lockdown()
	case n < 26:
		p.clock.pass(time.Duration(p.rand.Int64N(int64(30*time.Hour))), 0, true)
	case n < 29:
		p.clock.pass(time.Minute, time.Duration(p.rand.Int64N(int64(200*time.Hour)))-100*time.Hour, p.chance(30))
	case n < 32:
		p.rights.Confirm("kisi", p.clock.clock().Wall())
	default:
		p.clock.pass(time.Duration(p.rand.Int64N(int64(time.Minute))), 0, p.clock.clock().Synced() || p.chance(20))
		p.tap()
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// lockdown is a word of the staff.
func (p *past) lockdown() error {
	where := control.Where{Door: "front"}
	if p.chance(30) {
		where = control.Where{Site: true}
	}
	var told *control.Error
	if p.chance(75) {
		if _, err := p.Release(p.t.Context(), anna, where); err != nil && !errors.As(err, &told) { // as where nothing is locked down
			return err
		}
		return nil
	}
	_, err := p.LockDown(p.t.Context(), anna, control.Lockdown{Where: where, Reason: "a test"})
	return err
}

// tap holds something to a tile, or a card and then its PIN.
func (p *past) tap() {
	p.t.Helper()
	door := []string{"front", "lab"}[p.rand.IntN(2)]
	read := hw.Read{Kind: access.Card, Value: hw.Value(cardOf(pastPeople[p.rand.IntN(len(pastPeople))]))}
	switch n := p.rand.IntN(20); n {
	case 0:
		read.Value = "04ffffffffffff"
	case 1:
		read = hw.Read{Fault: access.Unreadable}
	case 2, 3:
		read = hw.Read{Kind: access.PIN, Value: []hw.Value{"4711", "0815"}[p.rand.IntN(2)]}
	case 4, 5, 6, 7:
		read.Value = hw.Value(cardOf("ann"))
		p.hold(door, read)
		read = hw.Read{Kind: access.PIN, Value: "4711"}
	}
	p.hold(door, read)
}

func (p *past) hold(door string, read hw.Read) {
	p.t.Helper()
	d := p.doors.find(door)
	read.At = time.Now()
	got, err := d.ask(p.t.Context(), ask{do: func(ctx context.Context) answer {
		a := d.receive(ctx, heard{read, d.tiles[0]}, "")
		if a.decision.Granted() { // there is no strike here that would have let anybody in
			d.passages.note(p.keys.digest.Credential(read.Kind, []byte(read.Value)), d.clock.Mono(), a.event)
		}
		return a
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	if got.event != "" {
		p.taps[got.event] = got.decision.Reason
	}
}

// replayAll asks about every tap.
func (p *past) replayAll() map[access.Reason]int {
	p.t.Helper()
	reasons := map[access.Reason]int{}
	for id, reason := range p.taps {
		p.until("the tap is recorded", func() bool {
			found, err := p.journal.ByID(p.t.Context(), id, 1)
			return err == nil && len(found) == 1
		})
		a, err := p.Why(p.t.Context(), control.Question{Event: id})
		if err != nil {
			p.t.Fatalf("%s: %v", id, err)
		}
		if a.Replay.Verdict != control.Agrees || a.Replay.Event.Reason != reason {
			p.t.Errorf("event %d, %v: %s %q\n%+v", a.Replay.Event.Seq, reason, a.Replay.Verdict, strings.Join(a.Replay.Differs, "; ")+a.Replay.Why, a.Replay.Event)
		}
		if a.Say == "" || a.Reason != a.Replay.Event.Reason {
			p.t.Errorf("event %d says %q, %v", a.Replay.Event.Seq, a.Say, a.Reason)
		}
		reasons[reason]++
		if a.Warned {
			p.warned[id] = true
		}
		if e := a.Replay.Event; e.PIN == access.PINRight && a.Granted {
			p.typed[id] = true
		}
		if !a.Granted && strings.HasPrefix(a.Misses[0].Detail, "staff") {
			p.locked[id] = true
		}
	}
	return reasons
}

// Whatever happens to rights, settings, lockdowns and clock: each tap is decided
// again as it was, for the same reasons, also after a restart.
func TestEveryRecordedDecisionIsDecidedAgainAlike(t *testing.T) {
	seen := map[access.Reason]int{}
	warned, typed, locked := 0, 0, 0
	for seed := range uint64(4) {
		p := newPast(t, seed)
		p.edit("minimum_assurance", "passback = \"1h\"\nminimum_assurance")
		p.again()
		for range 150 {
			p.happen()
		}
		p.replayAll()
		p.again()
		for range 20 {
			p.happen()
		}
		for reason, n := range p.replayAll() {
			seen[reason] += n
		}
		warned += len(p.warned)
		typed += len(p.typed)
		locked += len(p.locked)
	}
	for _, reason := range []access.Reason{access.Granted, access.Unknown, access.Unreadable, access.NotActivated, access.LockedDown, access.Suspended, access.OutsideHours, access.LowAssurance, access.PINWrong, access.NotYet} {
		if seen[reason] == 0 {
			t.Errorf("there was no tap with the reason %v in %v: the test does not try enough", reason, seen)
		}
	}
	if warned == 0 || typed == 0 || locked == 0 {
		t.Errorf("%d taps were warned of, %d granted with a PIN, %d refused for a lockdown by staff: the test does not try enough", warned, typed, locked)
	}
}
