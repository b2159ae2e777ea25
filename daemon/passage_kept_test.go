package daemon

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

func TestWhoWentThroughIsToldByTheJournal(t *testing.T) {
	ann, bob := access.Credential{Digest: access.Digest{1}}, access.Credential{Digest: access.Digest{2}}
	decided := func(id string, c access.Credential, reason access.Reason) access.Event {
		return access.Event{ID: id, Kind: access.DecisionEvent, Credential: c, Reason: reason}
	}
	about := func(kind access.EventKind, ref, detail string) access.Event {
		return access.Event{ID: "of " + ref, Kind: kind, Ref: ref, Detail: detail}
	}
	for _, tt := range []struct {
		name string
		in   []access.Event
		want []string
	}{
		{"granted and unlocked", []access.Event{decided("1", ann, access.Granted), about(access.OutcomeEvent, "1", access.DidUnlock)}, []string{"1"}},
		{"the strike did not answer", []access.Event{decided("1", ann, access.Granted), about(access.OutcomeEvent, "1", "strike: no answer")}, nil},
		{"not recorded in time", []access.Event{decided("1", ann, access.Granted), about(access.OutcomeEvent, "1", notKept)}, nil},
		{"nobody went in", []access.Event{decided("1", ann, access.Granted), about(access.OutcomeEvent, "1", access.DidUnlock), about(access.AlarmEvent, "1", access.NoEntry.Detail(true))}, nil},
		{"another alarm", []access.Event{decided("1", ann, access.Granted), about(access.AlarmEvent, "1", access.HeldOpen.Detail(true))}, []string{"1"}},
		{"refused", []access.Event{decided("1", ann, access.Passback)}, nil},
		{"the gateway stopped in between", []access.Event{decided("1", ann, access.Granted)}, []string{"1"}},
		{
			"the newest that was used", []access.Event{
				decided("1", ann, access.Granted), decided("2", bob, access.Granted), decided("3", ann, access.Granted), decided("4", ann, access.Granted),
				about(access.OutcomeEvent, "4", "strike: no answer"),
			}, []string{"2", "3"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range wentThrough(tt.in) {
				got = append(got, e.ID)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A card that went in is not handed back because the gateway began anew.
func TestPassbackSurvivesARestart(t *testing.T) {
	wall := today
	for _, tt := range []struct {
		name   string
		synced bool
		after  time.Duration // of the restart, since the passage
		want   time.Time
	}{
		{"soon after", true, 10 * time.Minute, today},
		{"too late to count", true, time.Hour, time.Time{}},
		{"by a clock that lost its time", true, -24 * time.Hour, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, err := store.OpenJournal(filepath.Join(t.TempDir(), "journal.db"), store.JournalOptions{Boot: "b", Now: func() time.Time { return wall }})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- j.Run(ctx) }()
			c := doorKey.Credential(access.Card, []byte("04a2b3c4d5e680"))
			for _, e := range []access.Event{
				{ID: "1", Kind: access.DecisionEvent, Door: "front", At: today, Credential: c, Reason: access.Granted},
				{ID: "2", Kind: access.OutcomeEvent, Door: "front", At: today, Ref: "1", Detail: access.DidUnlock},
				{ID: "3", Kind: access.DecisionEvent, Door: "rear", At: today.Add(time.Minute), Credential: c, Reason: access.Granted},
			} {
				<-j.Append(e).Done()
			}
			now, mono := today.Add(tt.after), 90*time.Second
			clock := Clock{Wall: func() time.Time { return now }, Mono: func() time.Duration { return mono }, Synced: func() bool { return tt.synced }}
			g := &gateway{journal: j, clock: newTimekeeper(clock, today)}
			d := &door{id: "front", clock: g.clock, log: hclog.NewNullLogger(), senses: senses{passages: passages{within: 30 * time.Minute}}}
			g.restorePassages(d)
			if got := d.passages.of(c, mono, now); !got.Equal(tt.want) {
				t.Errorf("the door: got %v, want %v", got, tt.want)
			}
			if d.passages.undo("1"); len(d.passages.last) != 0 {
				t.Error("a passage does not know its decision")
			}
			if got, err := g.lastPassage(ctx, "front", 30*time.Minute, c, now); !got.Equal(tt.want) || err != nil {
				t.Errorf("a question: got %v, %v, want %v", got, err, tt.want)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A door that only warns lets people in, says so, and counts it.
func TestACardThatIsHandedBackIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(r *access.Roster) { r.Policies = []access.Policy{{Door: "front", Passback: time.Minute}} })
		s.passages.within = time.Minute
		for range 2 {
			if got := s.receive(t.Context(), s.heard(cardRead("04a2b3c4d5e680")), ""); !got.decision.Granted() {
				t.Errorf("got %v", got.decision.Reason)
			}
			time.Sleep(10 * time.Second)
		}
		var warned []bool
		for _, e := range s.journal.all {
			if e.Kind == access.DecisionEvent {
				warned = append(warned, e.Warned)
			}
		}
		if !slices.Equal(warned, []bool{false, true}) {
			t.Errorf("warned: %v", warned)
		}
		if got := testutil.ToFloat64(s.metrics.warnings); got != 1 {
			t.Errorf("%v warnings were counted", got)
		}
	})
}
