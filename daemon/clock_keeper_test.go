package daemon

import (
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// handClock is a clock that is moved by hand.
type handClock struct {
	wall   time.Time
	mono   time.Duration
	synced bool
	bare   bool // nothing bears out that it was set
}

func (c *handClock) clock() Clock {
	return Clock{
		Wall: func() time.Time { return c.wall }, Mono: func() time.Duration { return c.mono },
		Synced: func() bool { return c.synced }, Set: func() bool { return !c.bare },
	}
}

// pass lets time pass; jump moves the wall alone.
func (c *handClock) pass(d time.Duration) { c.wall, c.mono = c.wall.Add(d), c.mono+d }
func (c *handClock) jump(d time.Duration) { c.wall = c.wall.Add(d) }

// newTimekeeper starts with a floor: now is never before it.
func newTimekeeper(clock Clock, floor time.Time) *timekeeper {
	return resumeClock(clock, clockPast{sure: point{floor, clock.Mono()}})
}

// year is long enough for any mistake.
const year = 365 * 24 * time.Hour

// tick is one look at a clock that was moved.
type tick struct {
	name       string
	jump, pass time.Duration
	synced     bool
	date       time.Duration // the cloud is heard, whose clock is ahead of the true one by this
	heard      bool
	want       access.ClockState
	at         time.Duration // of what is taken for now, past today
}

// TestTheClockIsGuarded walks through what clocks do. The true time begins today
// and goes on by what passes; what counts as now is told as the time since today.
func TestTheClockIsGuarded(t *testing.T) { // X9, F-16, F-17, Q-30
	const (
		synced, free   = access.ClockSynced, access.ClockFreeRunning
		jumped, unset  = access.ClockJumped, access.ClockUnset
		second, minute = time.Second, time.Minute
		hour, day      = time.Hour, 24 * time.Hour
	)
	floor := func(before time.Duration) clockPast { return clockPast{sure: point{today.Add(-before), 0}} }
	tests := []struct {
		name  string
		shows time.Duration // of the wall, past today
		past  clockPast
		bare  bool
		ticks []tick
	}{
		{"boot in 1970, then the network", today.Sub(time.Unix(0, 0)) * -1, floor(hour), true, []tick{
			{name: "at the start", want: unset, at: -hour},
			{name: "ten minutes later the floor has risen", pass: 10 * minute, want: unset, at: -hour + 10*minute},
			{name: "set by the network", jump: today.Sub(time.Unix(0, 0)), pass: second, synced: true, want: synced, at: 10*minute + second},
			{name: "the network is gone", pass: day, want: free, at: day + 10*minute + second},
		}},
		{"boot at the build epoch of systemd", -year, floor(hour), true, []tick{
			{name: "at the start", want: unset, at: -hour},
			{name: "the kernel says synced, but this cannot be", pass: second, synced: true, want: unset, at: -hour + second},
		}},
		{"three days behind the journal", -3 * day, floor(minute), false, []tick{
			{name: "at the start", want: unset, at: -minute},
			{name: "an hour later", pass: hour, want: unset, at: hour - minute},
			{name: "the network", jump: 3 * day, pass: second, synced: true, want: synced, at: hour + second},
		}},
		{"three days behind, just after the newest record, no chip", -3 * day, floor(3*day + minute), true, []tick{
			{name: "at the start: it looks right", want: unset, at: -3 * day},
			{name: "a day later", pass: day, want: unset, at: -2 * day},
			{name: "the network", jump: 3 * day, pass: second, synced: true, want: synced, at: day + second},
		}},
		{"right, without a chip, and nobody says that it is synced", 0, floor(day), true, []tick{
			{name: "at the start", want: unset},
			{name: "the cloud is heard", pass: minute, heard: true, want: unset, at: minute},
			{name: "and again", pass: 2 * minute, heard: true, want: free, at: 3 * minute},
		}},
		{"seconds behind the newest record, as a chip may be", -5 * second, floor(0), false, []tick{
			{name: "at the start", want: free, at: -5 * second},
		}},
		{"+10 years while it was synced", 0, floor(day), false, []tick{
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "the jump", jump: 10 * year, pass: second, want: jumped, at: 2 * second},
			{name: "two days later it is not forgiven", pass: 2 * day, want: jumped, at: 2*day + 2*second},
			{name: "set right", jump: -10 * year, pass: second, want: free, at: 2*day + 3*second},
		}},
		{"-10 years while it was synced", 0, floor(day), false, []tick{
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "the jump", jump: -10 * year, pass: second, want: unset, at: 2 * second},
			{name: "the kernel says synced, but this cannot be", pass: hour, synced: true, want: unset, at: hour + 2*second},
			{name: "set right", jump: 10 * year, pass: second, synced: true, want: synced, at: hour + 3*second},
		}},
		{"+1 hour, and nobody says anything", 0, floor(day), false, []tick{
			{name: "it runs", pass: second, want: free, at: second},
			{name: "the jump", jump: hour, pass: second, want: jumped, at: 2 * second},
			{name: "59 minutes later", pass: 59 * minute, want: jumped, at: 59*minute + 2*second},
			{name: "an hour of running evenly", pass: minute, want: free, at: 2*hour + 2*second},
			{name: "another", jump: -2 * hour, pass: second, want: jumped, at: 2*hour + 3*second},
			{name: "which is undone", jump: 2 * hour, pass: second, want: free, at: 2*hour + 4*second},
		}},
		{"-1 hour while synced, floor of yesterday", 0, floor(day), false, []tick{
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "the network takes it back at once", jump: -hour, pass: second, synced: true, want: synced, at: -hour + 2*second},
		}},
		{"-1 hour after an hour of being synced", 0, floor(day), false, []tick{
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "for long", pass: hour, synced: true, want: synced, at: hour + second},
			{name: "the jump", jump: -hour, pass: second, want: unset, at: hour + 2*second},
			{name: "the kernel says synced, but this cannot be", pass: hour, synced: true, want: unset, at: 2*hour + 2*second},
		}},
		{"the network time was wrong, and the cloud says so too", 0, floor(-10 * year), false, []tick{
			{name: "at the start", synced: true, want: unset, at: 10 * year},
			{name: "the cloud is heard", pass: minute, synced: true, heard: true, want: unset, at: 10*year + minute},
			{name: "and again", pass: 2 * minute, synced: true, heard: true, want: synced, at: 3 * minute},
		}},
		{"a clock that nobody had set wrote what was wrong, and the cloud says so", 0, clockPast{sure: point{today.Add(-hour), 0}, likely: point{today.Add(day), 0}}, false, []tick{
			{name: "at the start", want: unset, at: day},
			{name: "the cloud is heard", pass: minute, heard: true, want: unset, at: day + minute},
			{name: "and again", pass: 2 * minute, heard: true, want: free, at: 3 * minute},
		}},
		{"a clock behind what has surely passed, and a cloud that says the same: that is not enough", -3 * day, floor(hour), false, []tick{
			{name: "the cloud is heard", pass: minute, heard: true, date: -3 * day, want: unset, at: -hour + minute},
			{name: "and again", pass: 2 * minute, heard: true, date: -3 * day, want: unset, at: -hour + 3*minute},
		}},
		{"the cloud contradicts a clock that nobody sets", -3 * hour, floor(day), false, []tick{
			{name: "at the start", want: free, at: -3 * hour},
			{name: "the cloud is heard", pass: minute, heard: true, want: free, at: -3*hour + minute},
			{name: "and again", pass: 2 * minute, heard: true, want: unset, at: -3*hour + 3*minute},
			{name: "a person sets it", jump: 3 * hour, pass: second, want: free, at: 3*minute + second},
		}},
		{"a cloud that lies by ten years, to a clock that is synced", 0, floor(day), false, []tick{
			{name: "it is heard", pass: minute, synced: true, heard: true, date: 10 * year, want: synced, at: minute},
			{name: "and again", pass: 2 * minute, synced: true, heard: true, date: 10 * year, want: synced, at: 3 * minute},
			{name: "the network is gone: trust goes, and the time stays", pass: minute, want: unset, at: 4 * minute},
		}},
		{"a cloud that lies by as much as the clock jumps", 0, floor(day), false, []tick{
			{name: "synced", pass: minute, synced: true, heard: true, date: 10 * year, want: synced, at: minute},
			{name: "again", pass: 2 * minute, synced: true, heard: true, date: 10 * year, want: synced, at: 3 * minute},
			{name: "the jump", jump: 10 * year, pass: second, want: jumped, at: 3*minute + second},
			{name: "a day later", pass: day, heard: true, date: 10 * year, want: jumped, at: day + 3*minute + second},
		}},
		{"it is stopped for a minute, and goes on", 0, floor(day), false, []tick{ // F-67
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "the next look is a minute late", pass: minute, synced: true, want: synced, at: minute + second},
		}},
		{"goes on in the boot in which it was synced", 0, clockPast{sure: point{today.Add(-hour), 0}, held: point{today, 0}, firm: true}, true, []tick{
			{name: "no chip, but it runs on as it was set", pass: hour, want: free, at: hour},
		}},
		{"was moved while the gateway was away", 10 * year, clockPast{sure: point{today.Add(-hour), 0}, held: point{today, 0}, firm: true}, false, []tick{
			{name: "at the start", pass: hour, want: jumped, at: hour},
			{name: "a day later", pass: day, want: jumped, at: day + hour},
		}},
		{"a free-running clock wrote what it did not know", 0, clockPast{sure: point{today.Add(-hour), 0}, likely: point{today.Add(year), 0}}, false, []tick{
			{name: "not synced", want: unset, at: year},
			{name: "synced", pass: second, synced: true, want: synced, at: second},
			{name: "and that is forgotten", pass: second, want: free, at: 2 * second},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &handClock{wall: today.Add(tt.shows), bare: tt.bare}
			k := resumeClock(c.clock(), tt.past)
			for _, step := range tt.ticks {
				c.pass(step.pass)
				c.jump(step.jump)
				c.synced = step.synced
				if step.heard {
					k.clouds.heard("kisi", today.Add(c.mono+step.date), c.mono, 0)
				}
				k.look()
				at, got := k.now()
				if past := at.Sub(today); got != step.want || past != step.at {
					t.Errorf("%s: got %v at %v, want %v at %v", step.name, got, past, step.want, step.at)
				}
			}
		})
	}
}

func TestTheFloorRisesAndTrustLostIsCountedFromItsLoss(t *testing.T) {
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	see := func(name string, floor, untrusted time.Duration) {
		t.Helper()
		k.look()
		m := k.moment()
		if got := m.floor.Sub(today); got != floor || m.untrusted != untrusted {
			t.Errorf("%s: floor %v, untrusted for %v; want %v and %v", name, got, m.untrusted, floor, untrusted)
		}
	}
	c.pass(59 * time.Minute)
	see("synced, not for an hour", -time.Minute, 0)
	c.pass(time.Minute)
	see("synced for an hour", time.Hour, 0)
	c.synced = false
	c.pass(24 * time.Hour)
	see("a day without the network", 25*time.Hour, 0)
	c.jump(year)
	see("a jump", 25*time.Hour, 0)
	c.pass(30 * time.Minute)
	see("half an hour later", 25*time.Hour+30*time.Minute, 30*time.Minute)
	c.jump(year)
	c.pass(3 * time.Hour)
	see("jumped again", 28*time.Hour+30*time.Minute, 3*time.Hour+30*time.Minute)
	c.jump(-2 * year)
	see("set right", 28*time.Hour+30*time.Minute, 0)
}

// A network time that goes back by less than a jump, again and again, must not keep
// a booking from its end.
func TestAClockThatCreepsBackTakesNothingBackOfWhatHasPassed(t *testing.T) { // X9
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	c.pass(2 * time.Hour)
	k.look()
	for range 100 {
		c.pass(time.Second)
		c.jump(jumpTolerance / -2)
		k.look()
	}
	m := k.moment()
	if behind := today.Add(c.mono).Sub(m.floor); m.clock != access.ClockUnset || behind > jumpTolerance {
		t.Errorf("%v, and the floor went back by %v", m.clock, behind)
	}
}

// A crystal that runs fast and is stepped back by a bit each half hour is right all
// the time.
func TestAClockThatIsSteppedBackABitAtATimeIsTrusted(t *testing.T) { // F-19
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	for range 30 * 24 * 2 {
		c.pass(30 * time.Minute)
		c.jump(-2 * time.Second)
		if change, changed := k.look(); changed || change.is != access.ClockSynced {
			t.Fatalf("after %v: %v", c.mono, change)
		}
	}
	if lag := c.wall.Sub(k.moment().floor); lag.Abs() > jumpTolerance {
		t.Errorf("the floor is %v behind", lag)
	}
}

// What the network says against the clouds is believed, for somebody must be; but
// nothing is swept by it.
func TestATimeThatTheCloudsContradictBoundsNoTimeToCome(t *testing.T) { // X9
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	for range 3 {
		c.pass(2 * time.Minute)
		k.clouds.heard("kisi", today.Add(c.mono), c.mono, 0)
		k.look()
	}
	c.jump(10 * year)
	c.pass(time.Minute)
	k.look()
	c.pass(3 * time.Hour)
	k.look()
	if m := k.moment(); m.clock != access.ClockSynced || m.floor.After(today.Add(c.mono)) {
		t.Errorf("%v, and %v has passed for sure", m.clock, m.floor)
	}
	c.jump(-10 * year)
	k.look()
	if m := k.moment(); m.clock != access.ClockSynced || !m.at.Equal(c.wall) {
		t.Errorf("set right: %v at %v, want synced at %v", m.clock, m.at, c.wall)
	}
}

// A clock that was once years ahead, and that nobody had set for long, refuses as
// long as nothing better is known. But nothing is forgotten by it: a pass that was
// used could be used again when the clock is right.
func TestNothingIsForgottenByATimeThatIsOnlyLikely(t *testing.T) { // F-17
	c := &handClock{wall: today}
	k := resumeClock(c.clock(), clockPast{sure: point{today.Add(-time.Hour), 0}, likely: point{today.Add(10 * year), 0}})
	r := newReplays([]access.Claim{{Key: access.Digest{1}, Uses: 1, Counter: 1, Expires: today.Add(time.Hour)}}, func(time.Time) {})
	used := func() int {
		_, _ = r.reserve(access.Claim{Key: access.Digest{2}, Uses: 1, Expires: today.Add(year)}, k.moment().sweep)
		return len(r.used)
	}
	if m := k.moment(); m.clock != access.ClockUnset || !m.floor.Equal(today.Add(10*year)) || used() != 2 {
		t.Errorf("%v, the floor is %v, and %d are known", m.clock, m.floor, len(r.used))
	}
	c.synced = true
	c.pass(2 * time.Hour)
	k.look()
	if m := k.moment(); m.clock != access.ClockSynced || !m.sweep.Equal(m.floor) {
		t.Errorf("set right: %v, swept by %v, want by %v", m.clock, m.sweep, m.floor)
	}
	c.pass(26 * time.Hour)
	k.look()
	if used() != 1 {
		t.Error("a pass that ended a day ago is still known")
	}
}

// Where the count of elapsed time begins says nothing, and no width that counters
// have had is special.
func TestNothingHappensWhereOldCountersWrap(t *testing.T) { // F-20
	for _, days := range []float64{24.855, 49.71, 248.55, 497.1, 106751} { // 2^31 ms, 2^32 ms, 2^31 and 2^32 jiffies, 2^63 ns
		begin := time.Duration(days*24*float64(time.Hour)) - 90*time.Minute
		c := &handClock{wall: today, mono: begin, synced: true}
		k := newTimekeeper(c.clock(), today.Add(-time.Hour))
		for i := range 120 {
			c.pass(time.Minute)
			change, changed := k.look()
			if at, state := k.now(); changed || state != access.ClockSynced || !at.Equal(c.wall) {
				t.Fatalf("%v days, minute %d: %v at %v (%v), want nothing to happen", days, i, state, at, change)
			}
		}
	}
}

// What was noted in the old time must not be asked about in the new one.
func TestTheTimeIsSetOnlyWhenWhatWasNotedCanFollow(t *testing.T) {
	c := &handClock{wall: today, synced: true}
	k := newTimekeeper(c.clock(), today.Add(-time.Hour))
	var told []point
	ready := false
	k.moved = func(now point) bool {
		told = append(told, now)
		return ready
	}
	c.pass(time.Second)
	k.look()
	c.jump(year)
	c.pass(time.Second)
	if _, changed := k.look(); changed || !k.moment().at.Equal(today.Add(2*time.Second)) {
		t.Errorf("the time was set before what was noted could follow: %v", k.moment().at)
	}
	ready = true
	change, changed := k.look()
	if !changed || change.jump != year || !k.moment().at.Equal(c.wall) {
		t.Errorf("got %v, now %v; want a jump of a year", change, k.moment().at)
	}
	if len(told) != 2 || !told[1].wall.Equal(c.wall) {
		t.Errorf("told %v, want twice the new time", told)
	}
}
