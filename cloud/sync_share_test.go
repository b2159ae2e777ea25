package cloud

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallersAtTheSameTimeShareACrawlThatBeganAfterTheyAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: says(house(5)), takes: time.Minute}
		s, _ := newSync(t, source, &shelf{}, time.Hour, nil)
		stop := run(t, s)
		time.Sleep(time.Second) // the crawl of Run is under way
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if err := s.Now(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := source.count(); n != 2 {
			t.Errorf("%d crawls, want 2: the one under way, and one for all five", n)
		}
		if got := time.Since(source.fetches[0]); got != 2*time.Minute {
			t.Errorf("took %v, want both crawls", got)
		}
		stop()
	})
}

func TestACallerWhoLeavesDoesNotSpoilTheCrawlForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: says(house(5)), takes: time.Minute}
		s, _ := newSync(t, source, &shelf{}, time.Hour, nil)
		impatient, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- s.Now(impatient) }()
		synctest.Wait()
		stayed := make(chan error, 1)
		go func() { stayed <- s.share(t.Context(), false) }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v, want canceled", err)
		}
		if err := <-stayed; err != nil {
			t.Errorf("who stayed got %v, want the rights", err)
		}
		if got := s.Status(); got.Result != SyncOK || got.Running {
			t.Errorf("status %+v, want ok", got)
		}
	})
}

func TestACrawlThatNeverEndsIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{answer: says(house(5)), takes: 24 * time.Hour}
		s, _ := newSync(t, source, &shelf{}, time.Hour, nil)
		if err := s.Now(t.Context()); !errors.Is(err, errTooLong) {
			t.Errorf("Now: %v, want %v", err, errTooLong)
		}
		if got := s.Status(); got.Result != SyncFailed || got.Err == "" {
			t.Errorf("status %+v, want failed", got)
		}
	})
}
