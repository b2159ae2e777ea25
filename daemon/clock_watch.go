package daemon

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// How often changes of the clock are written down one by one: a clock that flaps
// must not fill the journal.
const (
	clockLines     = 4
	clockLineEvery = 10 * time.Minute
)

// clockLog writes changes of the clock into the journal. It belongs to one loop.
type clockLog struct {
	lines  *rate.Limiter
	missed int // changes that were not written one by one
}

func newClockLog() clockLog {
	return clockLog{lines: rate.NewLimiter(rate.Every(clockLineEvery), clockLines)}
}

// line is what to write of a look at the clock, or empty. What flaps is counted,
// and told with the state that it came to.
func (l *clockLog) line(change clockChange, changed bool, mono time.Duration) string {
	if !changed && l.missed == 0 {
		return ""
	}
	if !l.lines.AllowN(time.Unix(0, 0).Add(mono), 1) {
		if changed {
			l.missed++
		}
		return ""
	}
	words := "clock " + change.is.String()
	if changed {
		words = change.String()
	}
	if l.missed > 0 {
		words += fmt.Sprintf("; %d changes before it were counted and not written one by one", l.missed)
		l.missed = 0
	}
	return words
}

// String is a change in words, for the journal: old, new and size.
func (c clockChange) String() string {
	state := c.is.String()
	if c.was != c.is {
		state += ", was " + c.was.String()
	}
	if c.jump == 0 {
		return "clock " + state
	}
	return fmt.Sprintf("clock_jump %s: from %s to %s; %s", signed(c.jump.Round(time.Second)), stamp(c.from), stamp(c.to), state)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// signed is a length of time with its sign.
func signed(d time.Duration) string {
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

// lookAtClock judges the clock, for everybody until the next look, and puts how it
// is on the board.
func (w *watch) lookAtClock() {
	g := w.g
	change, changed := g.clock.look()
	if line := w.clock.line(change, changed, g.clock.Mono()); line != "" {
		w.log.Warn("the clock changed", "what", line)
		g.system(line, "")
	}
	view := g.clock.view.Load()
	trusted := view.state.Trusted()
	detail := fmt.Sprintf("clock is %v: %s", view.state, view.why)
	// What could not be reached because the clock is wrong is no fault of the cloud.
	if dated := g.sources.dated(); dated != "" {
		detail += "; " + dated
	}
	g.troubles.set(!trusted, troubleClock, "", detail)
	off := map[string]cloudOffset{}
	for _, o := range g.clock.offsets() {
		off[o.source] = o
	}
	for _, s := range g.sources.all() {
		o := off[s.settings.Name]
		g.troubles.set(o.beyond(driftAlarm), troubleDrift, s.settings.Name, o.String())
	}
}

// offsets is by how much the clock of the machine is ahead of each cloud.
func (t *timekeeper) offsets() []cloudOffset { return t.clouds.offsets(point{t.Wall(), t.Mono()}) }

// String is how far off the clock is, in words.
func (o cloudOffset) String() string {
	side := "ahead of"
	if o.ahead < 0 {
		side = "behind"
	}
	return fmt.Sprintf("it is %v %s %s, give or take %v", o.ahead.Abs().Round(100*time.Millisecond), side, o.source, o.off.Round(100*time.Millisecond))
}

// clockStatus is the clock on the screen.
func (g *gateway) clockStatus() (at time.Time, state access.ClockState, why string, offsets []control.ClockOffset) {
	at, state = g.clock.now()
	for _, o := range g.clock.offsets() {
		offsets = append(offsets, control.ClockOffset{Source: o.source, Ahead: o.ahead, Within: o.off})
	}
	return at, state, g.clock.view.Load().why, offsets
}

var (
	clockStateDesc  = prometheus.NewDesc("tilegate_clock_state", "1 for the state of the clock.", []string{"state"}, nil)
	clockOffsetDesc = prometheus.NewDesc("tilegate_clock_offset_seconds",
		"By how much the clock of the machine is ahead of the source's, negative behind; 0 until the source answered.", []string{"source"}, nil)
)

// collectClock shows the clock.
func (g *gateway) collectClock(ch chan<- prometheus.Metric) {
	_, is := g.clock.now()
	for state := access.ClockSynced; state <= access.ClockUnset; state++ {
		ch <- prometheus.MustNewConstMetric(clockStateDesc, prometheus.GaugeValue, zeroOne(state == is), state.String())
	}
	ahead := map[string]float64{}
	for _, o := range g.clock.offsets() {
		ahead[o.source] = o.ahead.Seconds()
	}
	for _, s := range g.sources.all() {
		if !s.source.Ageless() {
			ch <- prometheus.MustNewConstMetric(clockOffsetDesc, prometheus.GaugeValue, ahead[s.settings.Name], s.settings.Name)
		}
	}
}
