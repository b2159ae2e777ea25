package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

const kills = 20

// seen is what somebody outside the daemon knows for certain to have happened.
type seen struct {
	mu       sync.Mutex
	answered map[string]string // event → whom it was answered to: the desk, a follower
}

func (s *seen) note(event, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[event] = by
}

// TestKilledInMidTapNothingIsForgotten kills the daemon without warning again
// and again while members tap and a desk simulates taps. What anybody saw, be
// it an answer, a line of the journal or a relay that opened, is in the journal
// afterwards, once, and its numbers only rise.
func TestKilledInMidTapNothingIsForgotten(t *testing.T) {
	d := newDay(t)
	d.edit(`hold = "3s"`, `hold = "500ms"`)
	codes := make([]string, 8)
	for i := range codes {
		codes[i] = d.member(i)
	}
	d.onMemory()
	d.begin()
	d.stop()
	d.kisi.Faults().Cut() // a start must not need it
	known := &seen{answered: map[string]string{}}
	opened := d.openings("front")
	for n := range kills {
		d.launch()
		if err := d.daemon.ready(t.Context(), allUp); err != nil {
			t.Fatalf("start %d: %v", n, err)
		}
		d.locked("lab") // whose board has no timer, by the start
		life, end := context.WithTimeout(t.Context(), time.Duration(100+rand.IntN(400))*time.Millisecond)
		var busy sync.WaitGroup
		killed := d.daemon // soon
		busy.Go(func() { d.membersTap(life, codes) })
		busy.Go(func() { deskTaps(life, killed, known) })
		busy.Go(func() { followerReads(life, killed, known) })
		<-life.Done()
		d.kill()
		end()
		busy.Wait()
	}
	opened = d.openings("front") - opened

	d.launch()
	if err := d.daemon.ready(t.Context(), allUp); err != nil {
		t.Fatal(err)
	}
	all := d.wholeJournal()
	ids, outcomes, granted := map[string]int{}, map[string]int{}, 0
	for i, e := range all {
		if i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("event %d comes after event %d", e.Seq, all[i-1].Seq)
		}
		if ids[e.ID]++; ids[e.ID] > 1 {
			t.Errorf("event %s is there twice", e.ID)
		}
		if e.Kind == access.OutcomeEvent {
			if outcomes[e.Ref]++; outcomes[e.Ref] > 1 {
				t.Errorf("the tap %s has two outcomes", e.Ref)
			}
		}
		if e.Kind == access.DecisionEvent && e.Reason == access.Granted && e.Door == "front" {
			granted++
		}
	}
	for event, by := range known.answered {
		if ids[event] == 0 {
			t.Errorf("an event that %s saw is not in the journal", by)
		}
	}
	// A pulse during a pulse only extends it, so there may be more grants.
	if granted < opened {
		t.Errorf("the front opened %d times, and the journal has %d grants for it", opened, granted)
	}
	if opened < kills/4 || len(known.answered) < kills {
		t.Errorf("the front opened %d times and %d events were seen: too few to prove anything", opened, len(known.answered))
	}
	t.Logf("%d kills, %d openings, %d grants, %d events seen, %d events in the journal", kills, opened, granted, len(known.answered), len(all))
}

// onMemory puts the state into memory where the machine has a place for that:
// a disk that is busy for more than 150 ms lets a strike go first, which is
// right, and is not what is asked here. To a killed process it is all the same.
func (d *day) onMemory() {
	d.t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "day-")
	if err != nil {
		return
	}
	d.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d.edit(d.dir+"/state", dir)
}

// membersTap holds one code after another to the tile, as fast as people can.
func (d *day) membersTap(ctx context.Context, codes []string) {
	for ctx.Err() == nil {
		_, _ = d.doors["front"].tile.hold(codes[rand.IntN(len(codes))])
		time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond)
	}
}

// deskTaps simulates taps at the lab and notes each that was answered.
func deskTaps(ctx context.Context, p *process, known *seen) {
	for ctx.Err() == nil {
		answer, err := p.act.Simulate(ctx, control.Question{Door: "lab", Card: cardAnn})
		if err == nil && answer.Silent == "" {
			known.note(answer.Event, "the desk")
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
}

// followerReads notes every event that the journal shows.
func followerReads(ctx context.Context, p *process, known *seen) {
	_ = p.view.Follow(ctx, control.EventQuery{}, func(e access.Event) error {
		if e.Seq == 0 {
			return errors.New("an event without a number")
		}
		known.note(e.ID, fmt.Sprintf("a follower of %v", e.Kind))
		return nil
	})
}

// wholeJournal is every event there is.
func (d *day) wholeJournal() []access.Event {
	d.t.Helper()
	all, err := d.daemon.view.Events(d.t.Context(), control.EventQuery{Limit: control.MaxEvents})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(all) == control.MaxEvents {
		d.t.Fatalf("there may be more than %d events", len(all))
	}
	return all
}
