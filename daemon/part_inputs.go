package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/hw"
)

// inputsPart watches the inputs of the site. It only watches: what must happen in
// a fire happens in hardware, whatever becomes of this program.
type inputsPart struct {
	g       *gateway
	journal journal
	log     hclog.Logger

	mu   sync.Mutex // guards open, and what each of them hears
	open map[string]*openInput
}

// openInput is an input of the site that runs.
type openInput struct {
	hw.Input
	settings config.Input
	crew     *crew

	level hw.Level
	// told is what it last said that counts: an input that cannot be heard any
	// more says nothing. A fire that burns the cable is still a fire.
	told bool
	book alarmBook
}

func newInputsPart(g *gateway) *inputsPart {
	p := &inputsPart{g: g, journal: storeJournal{g.journal}, log: g.log.Named("input"), open: map[string]*openInput{}}
	g.registry.MustRegister(p)
	g.crew.start("inputs", p.run)
	return p
}

// alarmOfRole is what an input of a role says when it is active.
func alarmOfRole(role config.Role) access.Alarm {
	switch role {
	case config.RoleFire:
		return access.Fire
	case config.RoleMainsFail:
		return access.MainsFail
	case config.RoleBattery:
		return access.Battery
	case config.RoleEnclosure:
		return access.Enclosure
	case config.RoleTamper:
	}
	return access.Tamper
}

// leave closes the inputs that the settings have no longer, or have otherwise.
func (p *inputsPart) leave(o *config.Options) error {
	stays := map[string]config.Input{}
	for _, in := range o.Inputs {
		stays[in.ID] = in
	}
	var gone []*openInput
	for _, have := range p.all() {
		if want, ok := stays[have.settings.ID]; !ok || !reflect.DeepEqual(want, have.settings) {
			gone = append(gone, have)
		}
	}
	return p.shut(gone)
}

// apply opens the inputs of the settings that do not run yet. An absent device is
// a trouble, not an error.
func (p *inputsPart) apply(o *config.Options) error {
	if err := p.leave(o); err != nil {
		return err
	}
	var failures []error
	for _, settings := range o.Inputs {
		if p.has(settings.ID) {
			continue
		}
		device, err := settings.Plan.Open(p.g.doors.lines, p.log.With("input", settings.ID))
		if err != nil {
			failures = append(failures, fmt.Errorf("input %s: %w", settings.ID, err))
			continue
		}
		in := &openInput{Input: device, settings: settings, crew: p.g.crew.child()}
		p.mu.Lock()
		p.open[settings.ID] = in
		p.mu.Unlock()
		in.crew.start("input "+settings.ID, func(ctx context.Context) error {
			return attend(ctx, in.Input, p.log.With("input", settings.ID), func(level hw.Level) { p.hear(in, level) })
		})
	}
	return errors.Join(failures...)
}

func (p *inputsPart) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[id] != nil
}

// all lists the inputs by id.
func (p *inputsPart) all() []*openInput {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*openInput, 0, len(p.open))
	for _, in := range p.open {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b *openInput) int { return cmp.Compare(a.settings.ID, b.settings.ID) })
	return all
}

// shut takes inputs away from everybody and closes them. A fire that only they
// told of is over.
func (p *inputsPart) shut(gone []*openInput) error {
	err := together(len(gone), func(i int) error {
		in := gone[i]
		p.mu.Lock()
		delete(p.open, in.settings.ID)
		p.mu.Unlock()
		err := in.crew.stop(stopPatience)
		if err := in.Close(); err != nil {
			p.log.Warn("an input could not be given back in order", "input", in.settings.ID, "error", err)
		}
		return err
	})
	p.tick()
	return err
}

// close shuts every input.
func (p *inputsPart) close() error { return p.shut(p.all()) }

// run lets time pass for the alarms.
func (p *inputsPart) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		p.tick()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// hear takes a change of an input. The doors know of a fire before it is written
// down: their alarms must be quiet at once.
func (p *inputsPart) hear(in *openInput, level hw.Level) {
	p.mu.Lock()
	in.level = level
	switch level {
	case hw.LevelActive:
		in.told = true
	case hw.LevelNormal:
		in.told = false
	case hw.LevelUnknown, hw.LevelFault:
	}
	p.mu.Unlock()
	p.tick()
}

// tick judges every input and writes down what began and ended.
func (p *inputsPart) tick() {
	now := p.g.clock.Mono()
	wall, _ := p.g.clock.now()
	fire := false
	var news []alarmNote
	p.mu.Lock()
	for _, in := range p.open {
		id := in.settings.ID
		alarm := alarmOfRole(in.settings.Role)
		in.book.set(in.told || alarm == access.Tamper && in.level == hw.LevelFault, alarm, id, now)
		if alarm != access.Tamper && in.level != hw.LevelUnknown {
			in.book.set(in.level == hw.LevelFault, access.Tamper, id, now)
		}
		in.book.set(in.level == hw.LevelUnknown, access.InputLost, id, now)
		fire = fire || alarm == access.Fire && in.told
		news = append(news, in.book.turn(now, wall)...)
	}
	p.g.site.fire.Store(fire)
	p.mu.Unlock()
	for _, n := range news {
		p.record(n)
	}
}

// record writes an alarm down before anybody is told of it, and waits no longer
// for a worn card than a door does.
func (p *inputsPart) record(n alarmNote) {
	event := newEvent(p.g.clock, access.AlarmEvent, "")
	event.Reader, event.Detail = n.subject, n.alarm.Detail(n.on)
	patience := time.NewTimer(recordPatience)
	defer patience.Stop()
	select {
	case <-p.journal.Append(event).Done():
	case <-patience.C:
	}
	p.log.Warn("alarm", "alarm", event.Detail, "of", n.subject)
}

// notes are the alarms of all inputs that last, and those that are still told of.
func (p *inputsPart) notes() []alarmNote {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []alarmNote
	for _, in := range p.open {
		all = append(all, in.book.notes()...)
	}
	slices.SortFunc(all, compareAlarms)
	return all
}

var siteAlarmOn = prometheus.NewDesc("tilegate_site_alarm", "1 while an input of the site is in alarm.", []string{"input", "alarm"}, nil)

// Describe names the numbers of the inputs, for the registry.
func (p *inputsPart) Describe(ch chan<- *prometheus.Desc) { ch <- siteAlarmOn }

// Collect reads the numbers of the inputs. How well they are heard is shown
// beside those of the doors, under no door.
func (p *inputsPart) Collect(ch chan<- prometheus.Metric) {
	lasting := map[alarmKey]bool{}
	for _, n := range p.notes() {
		lasting[n.alarmKey] = n.on
	}
	for _, in := range p.all() {
		id := in.settings.ID
		alarms := []access.Alarm{access.InputLost, access.Tamper}
		if alarm := alarmOfRole(in.settings.Role); alarm != access.Tamper {
			alarms = append(alarms, alarm)
		}
		for _, alarm := range alarms {
			ch <- prometheus.MustNewConstMetric(siteAlarmOn, prometheus.GaugeValue, zeroOne(lasting[alarmKey{alarm, id}]), id, alarm.String())
		}
		s := in.Stats()
		ch <- prometheus.MustNewConstMetric(inputUp, prometheus.GaugeValue, zeroOne(s.Up), "", id)
		collectDevice(ch, s, "", id)
	}
}
