package daemon

import (
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// timed is a box whose rights are as old as the clock in its hand says.
type timed struct {
	*box
	keep *timekeeper
}

// restart begins a run with a clock that shows this, and a journal whose newest
// record is of then.
func (b *timed) restart(shows, record time.Duration) {
	b.t.Helper()
	b.reopen()
	b.hand = &handClock{wall: today.Add(shows)}
	b.keep = newTimekeeper(b.hand.clock(), today.Add(record))
	b.contacts = contactClock{clock: b.keep}
	b.wall = func() time.Time { return b.keep.moment().at }
	b.keep.moved = b.setClock
	b.start(nil, access.Contact{Source: "kisi"})
}

// heard is a word of the cloud, with or without new rights.
func (b *timed) heard(names ...string) {
	b.t.Helper()
	if len(names) == 0 {
		b.Confirm("kisi", time.Now())
		return
	}
	if _, err := b.Replace(b.t.Context(), "kisi", cloud.RowsOf(people("kisi", names...)), access.Contact{Source: "kisi", At: time.Now()}); err != nil {
		b.t.Fatal(err)
	}
}

// age is how old the rights are at a tap that comes now.
func (b *timed) age() time.Duration {
	b.t.Helper()
	b.keep.look()
	for _, c := range b.Load().Contacts() {
		if c.Source == "kisi" {
			return b.keep.moment().at.Sub(c.At).Round(time.Minute)
		}
	}
	b.t.Fatal("kisi is not known")
	return 0
}

// The age of the rights is what elapsed since the cloud was heard, whatever the
// clock does meanwhile.
func TestRightsAgeByWhatElapses(t *testing.T) { // X4, F-17
	type step struct {
		name       string
		pass, jump time.Duration
		synced     bool
		do         func(*timed)
		want       time.Duration // of age
	}
	heard := func(b *timed) { b.heard() }
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	tests := []struct {
		name  string
		steps []step
	}{
		{"the network sets the clock a year ahead", []step{
			{name: "heard", synced: true},
			{name: "ten minutes later", pass: 10 * minute, synced: true, want: 10 * minute},
			{name: "the jump", jump: year, synced: true, want: 10 * minute},
			{name: "an hour later", pass: hour, synced: true, want: 70 * minute},
			{name: "heard again", synced: true, do: heard},
		}},
		{"the network sets the clock a year back", []step{
			{name: "ten minutes later", pass: 10 * minute, synced: true, want: 10 * minute},
			{name: "the jump", jump: -year, synced: true, want: 10 * minute},
			{name: "eight days later", pass: 8 * day, synced: true, want: 8*day + 10*minute},
		}},
		{"it jumps by itself", []step{
			{name: "ten minutes later", pass: 10 * minute, want: 10 * minute},
			{name: "the jump", jump: 10 * year, want: 10 * minute},
			{name: "heard", pass: minute, do: heard},
			{name: "half an hour later", pass: 30 * minute, want: 30 * minute},
			{name: "it is believed", pass: 30 * minute, want: hour},
			{name: "set right by the network", jump: -10 * year, synced: true, want: hour},
		}},
		{"a restart three days later", []step{
			{name: "restart", do: func(b *timed) { b.restart(3*day, -hour) }, want: 3 * day},
			{name: "a day later", pass: day, want: 4 * day},
		}},
		{"a restart with a clock that is a year behind", []step{
			{name: "restart", do: func(b *timed) { b.restart(-year, -2*year) }},
			{name: "a day later", pass: day, want: day},
			{name: "restart again", do: func(b *timed) { b.restart(-year+2*day, -2*year) }, want: 2 * day},
		}},
		{"a restart in 1970, and then the network", []step{
			{name: "restart", do: func(b *timed) { b.restart(time.Unix(0, 0).Sub(today), hour) }, want: hour},
			{name: "a day later", pass: day, want: day + hour},
			{name: "set right: it was off for a week", jump: today.Add(7 * day).Sub(time.Unix(0, 0)), synced: true, want: 8 * day},
		}},
		{"a restart in 1970, heard, and then the network", []step{
			{name: "restart", do: func(b *timed) { b.restart(time.Unix(0, 0).Sub(today), -hour) }},
			{name: "heard a minute later", pass: minute, do: heard},
			{name: "set right", pass: minute, jump: today.Add(7 * day).Sub(time.Unix(0, 0)), synced: true, want: minute},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &timed{box: newBox(t)}
			b.restart(0, -2*year)
			b.heard("ann")
			for _, step := range tt.steps {
				b.hand.pass(step.pass)
				b.hand.jump(step.jump)
				b.hand.synced = step.synced
				if step.do != nil {
					step.do(b)
				}
				if got := b.age(); got != step.want {
					t.Errorf("%s: the rights are %v old, want %v", step.name, got, step.want)
				}
			}
		})
	}
}

// What a source says counts from when it was heard, not from when it was in use:
// and not at all, where it could not be taken into use.
func TestRightsThatAreNotTakenIntoUseAreNotYoung(t *testing.T) {
	b := &timed{box: newBox(t)}
	b.restart(0, -year)
	b.heard("ann")
	b.hand.pass(time.Hour)
	broken := people("kisi", "ann")
	broken.Grants[0].Assignee = "nobody"
	if _, err := b.Replace(t.Context(), "kisi", cloud.RowsOf(broken), access.Contact{Source: "kisi", At: time.Now()}); err == nil {
		t.Fatal("a grant of nobody was taken into use")
	}
	b.hand.jump(year)
	b.hand.synced = true
	if got := b.age(); got != time.Hour {
		t.Errorf("the rights are %v old, want an hour", got)
	}
	b.Confirm("kisi", time.Now().Add(-20*time.Minute))
	if got := b.age(); got != 20*time.Minute {
		t.Errorf("heard of 20 minutes ago: the rights are %v old", got)
	}
	b.hand.jump(-year)
	if got := b.age(); got != 20*time.Minute {
		t.Errorf("and the clock was set: the rights are %v old", got)
	}
}

// The clock is not set while the rights are being changed: what is noted meanwhile
// would be of the old time.
func TestTheClockWaitsForAChangeOfTheRights(t *testing.T) {
	b := &timed{box: newBox(t)}
	b.restart(0, -year)
	b.heard("ann")
	b.mu.Lock()
	b.hand.jump(year)
	b.hand.synced = true
	b.keep.look()
	if got := b.keep.moment().at; !got.Equal(today) {
		t.Errorf("set to %v while the rights were being changed", got)
	}
	b.mu.Unlock()
	if got := b.age(); got != 0 || !b.keep.moment().at.Equal(today.Add(year)) {
		t.Errorf("the rights are %v old at %v, want 0 in a year", got, b.keep.moment().at)
	}
}
