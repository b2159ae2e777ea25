package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// fakeInput is a circuit that the test moves.
type fakeInput struct {
	levels chan hw.Level
	errs   chan error
}

func newFakeInput() *fakeInput {
	return &fakeInput{levels: make(chan hw.Level), errs: make(chan error)}
}

func (f *fakeInput) Next(ctx context.Context, _ hw.Level) (hw.Level, error) {
	select {
	case level := <-f.levels:
		return level, nil
	case err := <-f.errs:
		return hw.LevelUnknown, err
	case <-ctx.Done():
		return hw.LevelUnknown, ctx.Err()
	}
}
func (f *fakeInput) Stats() hw.Stats { return hw.Stats{Up: true} }
func (f *fakeInput) Close() error    { return nil }

// wiredStage is a stage with a contact, an exit button and a tamper circuit, whose
// loops all run.
type wiredStage struct {
	*stage
	t      *testing.T
	wired  map[string]*fakeInput
	before string
	ctx    context.Context
}

// inWiredStage plays on one, in a bubble. The strike says also when it rests.
func inWiredStage(t *testing.T, rules doorwayRules, play func(*wiredStage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &wiredStage{stage: newStage(t, nil), t: t, wired: map[string]*fakeInput{}}
		s.door.strike = restingStrike{s.strike}
		s.site, s.levels, s.way = &siteState{}, make(chan sensed, pendingLevels), doorway{doorwayRules: rules}
		s.extended = 15 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		s.ctx = ctx
		ended := make(chan struct{})
		for _, name := range []string{contactInput, exitInput, tamperInput} {
			device := newFakeInput()
			in := &input{Input: device, name: name}
			s.wired[name] = device
			s.inputs = append(s.inputs, in)
			go func() { _ = s.feel(ctx, in); ended <- struct{}{} }()
		}
		go func() { _ = s.run(ctx); ended <- struct{}{} }()
		time.Sleep(500 * time.Millisecond) // between the ticks of the door
		s.news()
		play(s)
		cancel()
		for range 4 {
			<-ended
		}
		time.Sleep(time.Second)
	})
}

type restingStrike struct{ *fakeStrike }

func (r restingStrike) Rest(context.Context) error {
	r.seen.say("lock")
	return r.err
}

// is sets an input, which the door hears at once.
func (s *wiredStage) is(name string, level hw.Level) {
	s.wired[name].levels <- level
	synctest.Wait()
	time.Sleep(time.Millisecond) // the journal writes
}

// news is what was seen since the last time.
func (s *wiredStage) news() string {
	synctest.Wait()
	all := s.seen.String()
	news := strings.Trim(strings.TrimPrefix(all, s.before), "\n")
	s.before = all
	return news
}

func (s *wiredStage) expect(what, want string) {
	s.t.Helper()
	if got := s.news(); got != want {
		s.t.Errorf("%s:\ngot:\n%s\nwant:\n%s", what, got, want)
	}
}

// change changes something that belongs to the loop of the door.
func (s *wiredStage) change(what func()) {
	if _, err := s.ask(s.ctx, ask{do: func(context.Context) answer { what(); return answer{} }}); err != nil {
		s.t.Fatal(err)
	}
}

// strikeSays is what the strike answers from now on.
func (s *wiredStage) strikeSays(err error) { s.change(func() { s.strike.err = err }) }

// closed has every circuit as it should be.
func (s *wiredStage) closed() {
	for _, name := range []string{contactInput, exitInput, tamperInput} {
		s.is(name, hw.LevelNormal)
	}
	s.expect("all is well", "")
}

func TestAlarmsOfADoorAreRecorded(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.is(contactInput, hw.LevelActive)
		s.expect("it was just opened", "")
		time.Sleep(2 * time.Second)
		s.expect("and nobody is to blame", "record alarm forced_open")
		if got := s.look().alarms; len(got) != 1 || got[0].alarm != access.ForcedOpen || !got[0].on {
			t.Errorf("shown: %+v", got)
		}
		s.is(contactInput, hw.LevelNormal)
		time.Sleep(alarmCalm + time.Second)
		s.expect("it was shut", "record alarm forced_open ended")

		s.is(exitInput, hw.LevelActive)
		s.expect("somebody goes out: no relay moves", "record action exit button pressed")
		s.is(exitInput, hw.LevelNormal)
		s.is(contactInput, hw.LevelActive)
		time.Sleep(47 * time.Second)
		s.expect("it stands open", "record alarm held_open_soon")
		if !s.warning.Load() {
			t.Error("the tiles do not ask for the door to be shut")
		}
		time.Sleep(20 * time.Second)
		s.expect("for too long", "record alarm held_open\nrecord alarm held_open_soon ended")
		s.is(contactInput, hw.LevelNormal)
		time.Sleep(5 * time.Second)
		s.expect("it was shut", "record alarm held_open ended")
		if s.warning.Load() {
			t.Error("the tiles still ask for the door to be shut")
		}

		s.is(tamperInput, hw.LevelActive)
		s.expect("somebody is at the wiring", "record alarm tamper")
		s.is(tamperInput, hw.LevelUnknown)
		time.Sleep(7 * time.Second)
		s.expect("and cuts it: it is not over", "record alarm input_lost")
		s.is(tamperInput, hw.LevelNormal)
		time.Sleep(5 * time.Second)
		s.expect("it was mended", "record alarm input_lost ended\nrecord alarm tamper ended")
		s.is(contactInput, hw.LevelFault)
		s.expect("a circuit is shorted", "record alarm tamper")
		for _, e := range s.journal.all {
			if e.Kind == access.AlarmEvent && e.Door != "front" {
				t.Errorf("an alarm of no door: %+v", e)
			}
		}
		if last := s.journal.all[len(s.journal.all)-1]; last.Reader != contactInput {
			t.Errorf("it is about %q, want the contact", last.Reader)
		}
	})
}

func TestInputsThatAreNeverHeardAreAnAlarm(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		time.Sleep(alarmPatience(access.InputLost) + time.Second)
		s.expect("none of three is heard", "record alarm input_lost\nrecord alarm input_lost\nrecord alarm input_lost")
		s.is(contactInput, hw.LevelActive)
		time.Sleep(10 * time.Second)
		s.expect("an open door at start is not forced", "record alarm input_lost ended")
		if got := leafWord(s.look().contact); got != "open" {
			t.Errorf("it is shown as %s", got)
		}
	})
}

func TestNobodyWalkedInIsRecordedWithTheTap(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(12 * time.Second)
		s.expect("a tap", "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked\nrecord alarm no_entry")
		if tap, alarm := s.journal.all[0], s.journal.all[2]; alarm.Ref != tap.ID {
			t.Errorf("the alarm names %q, want the tap %q", alarm.Ref, tap.ID)
		}
	})
}

func TestAnOpeningIsExcusedAlsoWhenTheStrikeDidNotAnswer(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.strikeSays(errors.New("no answer"))
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		synctest.Wait()
		s.is(contactInput, hw.LevelActive) // it moved all the same
		time.Sleep(10 * time.Second)
		s.is(contactInput, hw.LevelNormal)
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(30 * time.Second)
		if got := s.news(); strings.Contains(got, "alarm") {
			t.Errorf("an alarm is raised:\n%s", got)
		}
	})
}

func TestADoorLocksAgainAsItOpens(t *testing.T) {
	rules := usualRules
	rules.relock = true
	inWiredStage(t, rules, func(s *wiredStage) {
		s.closed()
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Second)
		s.expect("a tap", "record decision granted\nunlock 5s\nlamp green\nrecord outcome unlocked")
		if got := postureOf(s.rights.Load(), s.door); got != "open" {
			t.Errorf("before: %s, want open", got)
		}
		s.is(contactInput, hw.LevelActive)
		s.expect("it opens", "lock")
		if got := postureOf(s.rights.Load(), s.door); got != "locked" {
			t.Errorf("after: %s, want locked", got)
		}
		s.is(contactInput, hw.LevelNormal)
		s.is(exitInput, hw.LevelActive)
		s.is(contactInput, hw.LevelActive)
		s.expect("no relay moves for who goes out", "record action exit button pressed")
	})
}

func TestAFireQuietsTheDoor(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		s.site.fire.Store(true)
		s.is(contactInput, hw.LevelActive)
		time.Sleep(10 * time.Minute)
		s.expect("doors stand open", "")
		s.site.fire.Store(false)
		time.Sleep(61 * time.Second)
		s.expect("a minute after the fire", "record alarm held_open_soon\nrecord alarm held_open")
	})
}

// A detector of movement instead of a button must not fill the journal.
func TestACrowdAtTheExitIsRecordedNowAndThen(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		for range 20 {
			s.is(exitInput, hw.LevelActive)
			time.Sleep(500 * time.Millisecond)
			s.is(exitInput, hw.LevelNormal)
			time.Sleep(500 * time.Millisecond)
		}
		if got := strings.Count(s.news(), "exit button"); got < 3 || got > 5 {
			t.Errorf("20 presses in 20 s are %d records, want one in %v", got, exitEvery)
		}
	})
}

func TestWhoNeedsLongerGetsLonger(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		roster := access.Roster{
			Doors:       []access.Door{{ID: "front"}},
			Holders:     []access.Holder{{ID: "ann", Extended: true}},
			Grants:      []access.Grant{{ID: "g1", Assignee: "ann", Scope: access.ScopeDoor, ScopeID: "front", Source: "kisi"}},
			Assignments: []access.Assignment{{ID: "c1", Kind: access.Card, Digest: doorKey.Digest(access.Card, []byte("04a2b3c4d5e680")), Assurance: access.LowAssured, Holder: "ann", Active: true}},
		}
		snapshot, err := access.Build(roster, []access.Contact{{Source: "kisi", At: time.Now()}}, 4)
		if err != nil {
			t.Fatal(err)
		}
		s.rights.current.Store(snapshot)
		s.closed()
		s.hand(s.heard(cardRead("04a2b3c4d5e680")))
		time.Sleep(time.Second)
		s.expect("a tap", "record decision granted\nunlock 15s\nlamp green\nrecord outcome unlocked")
		if _, err := s.ask(s.ctx, ask{actor: "desk"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(13 * time.Second)
		s.expect("staff open as well", "record action open\nunlock 5s\nrecord outcome unlocked")
		if got := postureOf(snapshot, s.door); got != "open" {
			t.Errorf("after 14 s: %s, want open", got)
		}
		s.is(contactInput, hw.LevelActive)
		time.Sleep(5 * time.Second)
		s.expect("nothing is forced", "")
	})
}

func TestReadersTellOfTamperAndPower(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		tile := &mutableTile{fakeTile: fakeTile{s.seen}}
		s.change(func() { s.tiles[0].reader = tile })
		tile.set(hw.Stats{Up: true, Tampered: true, NoPower: true})
		time.Sleep(1500 * time.Millisecond)
		s.expect("both", "record alarm reader_tamper\nrecord alarm reader_power")
		tile.set(hw.Stats{Up: true})
		time.Sleep(5 * time.Second)
		s.expect("none", "record alarm reader_tamper ended\nrecord alarm reader_power ended")
	})
}

// A driver that breaks makes its input unknown, and is asked again.
func TestABrokenInputIsUnknownUntilItIsHeardAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := newFakeInput()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var got []string
		go func() {
			ended <- attend(ctx, device, hclog.NewNullLogger(), func(l hw.Level) { got = append(got, l.String()) })
		}()
		device.levels <- hw.LevelNormal
		device.errs <- os.ErrInvalid
		device.errs <- os.ErrInvalid
		device.levels <- hw.LevelActive
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := "normal unknown active"; strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestNobodyIsWaitedForWhenStaffOpen(t *testing.T) {
	inWiredStage(t, usualRules, func(s *wiredStage) {
		s.closed()
		if _, err := s.ask(s.ctx, ask{actor: "desk"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.expect("and nobody goes in", "record action open\nunlock 5s\nrecord outcome unlocked")
	})
}
