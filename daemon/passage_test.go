package daemon

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestACardIsNotHandedBackThroughTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(r *access.Roster) {
			r.Policies = []access.Policy{{Door: "front", Passback: time.Minute}}
		})
		s.passages.within = time.Minute
		tap := func() access.Reason {
			read, reply := cardRead("04a2b3c4d5e680"), make(chan answer, 1)
			s.obey(t.Context(), ask{read: &read, reply: reply})
			return (<-reply).decision.Reason
		}
		s.strike.err = errors.New("no answer")
		if got := tap(); got != access.Granted {
			t.Errorf("the first tap: %v", got)
		}
		s.strike.err = nil
		if got := tap(); got != access.Granted {
			t.Errorf("after a strike that did not answer nobody is in: %v", got)
		}
		if got := tap(); got != access.Passback {
			t.Errorf("at once: got %v, want %v", got, access.Passback)
		}
		time.Sleep(59 * time.Second)
		if got := tap(); got != access.Passback {
			t.Errorf("after 59 s: got %v, want %v", got, access.Passback)
		}
		time.Sleep(time.Second)
		if got := tap(); got != access.Granted {
			t.Errorf("after a minute: got %v", got)
		}
		if got := len(s.passages.last); got != 1 {
			t.Errorf("%d passages are remembered", got)
		}
		time.Sleep(time.Second)
		if !strings.Contains(s.seen.String(), "record decision passback") {
			t.Error("it was not recorded")
		}
	})
}
