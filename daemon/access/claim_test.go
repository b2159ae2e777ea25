package access

import (
	"slices"
	"testing"
)

func TestRefusedGrantNamesWhatWouldHaveOpened(t *testing.T) {
	s := build(t, house())
	d := s.Decide(Tap{Door: "front", Credential: card("aa"), At: noon}, Facts{})
	if !d.Granted() {
		t.Fatalf("got %v, want granted", d.Reason)
	}
	d.Refuse(NotRecorded)
	e := s.Explain(d)
	if e.Granted || e.Reason != NotRecorded || e.Holder != "ann" || e.Grant != nil {
		t.Errorf("got %+v, want not_recorded for ann", e)
	}
	if len(e.Misses) != 1 || e.Misses[0].Grant == nil || e.Misses[0].Grant.ID != "g-ann" {
		t.Errorf("got misses %+v, want the grant g-ann", e.Misses)
	}
}

func TestRefusalStaysAsItWasDecided(t *testing.T) {
	s := build(t, house())
	d := s.Decide(Tap{Door: "front", Credential: card("bb"), At: noon}, Facts{})
	before := reasonsOf(d)
	d.Refuse(NotRecorded)
	if got := reasonsOf(d); d.Reason != Suspended || !slices.Equal(got, before) {
		t.Errorf("got %v %v, want suspended %v", d.Reason, got, before)
	}
}
