package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/hw"
)

var (
	readerUp = prometheus.NewDesc("tilegate_reader_up", "1 if the reader can be heard.", []string{"door", "reader"}, nil)
	strikeUp = prometheus.NewDesc("tilegate_strike_up", "1 if the strike can be reached.", []string{"door"}, nil)
	reopens  = prometheus.NewDesc("tilegate_port_reopens_total", "How often a serial port was opened again.", []string{"door", "device"}, nil)
	frames   = prometheus.NewDesc("tilegate_frames_total", "Whole and correct frames by device.", []string{"door", "device"}, nil)
	drops    = prometheus.NewDesc("tilegate_frame_drops_total", "Frames thrown away, by why.", []string{"door", "device", "why"}, nil)
	healed   = prometheus.NewDesc("tilegate_reader_heal_steps_total", "What was done to heal a silent reader.", []string{"door", "reader", "step"}, nil)
	inputUp  = prometheus.NewDesc("tilegate_input_up", "1 if the input can be heard; door is empty for an input of the site.", []string{"door", "input"}, nil)
	alarmOn  = prometheus.NewDesc("tilegate_door_alarm", "1 while this alarm lasts; only alarms that the wiring of the door can raise.", []string{"door", "alarm"}, nil)
)

// Describe names the numbers of the devices, for the registry.
func (p *doorsPart) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readerUp, strikeUp, reopens, frames, drops, healed, inputUp, alarmOn} {
		ch <- d
	}
}

// Collect reads the numbers of the devices. The drivers count; doors have names.
func (p *doorsPart) Collect(ch chan<- prometheus.Metric) {
	for _, d := range p.all() {
		for _, t := range d.tiles {
			stats := t.reader.Stats()
			ch <- prometheus.MustNewConstMetric(readerUp, prometheus.GaugeValue, zeroOne(stats.Up), d.id, t.name)
			device := "reader"
			if t.name != usualReader {
				device += " " + t.name
			}
			collectDevice(ch, stats, d.id, device)
			d.collectSteps(ch, t, stats)
		}
		stats := d.strike.Stats()
		ch <- prometheus.MustNewConstMetric(strikeUp, prometheus.GaugeValue, zeroOne(stats.Up), d.id)
		collectDevice(ch, stats, d.id, "strike")
		d.collectSenses(ch)
	}
}

// collectSteps shows what the driver did to heal a reader, and what we did.
func (d *openDoor) collectSteps(ch chan<- prometheus.Metric, t *tile, s hw.Stats) {
	for step, n := range s.Steps {
		ch <- prometheus.MustNewConstMetric(healed, prometheus.CounterValue, float64(n), d.id, t.name, step)
	}
	if t.power != nil {
		ch <- prometheus.MustNewConstMetric(healed, prometheus.CounterValue, float64(t.cycles.Load()), d.id, t.name, powerCycle)
	}
}

// collectSenses shows the inputs of a door and its alarms.
func (d *openDoor) collectSenses(ch chan<- prometheus.Metric) {
	for _, in := range d.inputs {
		s := in.Stats()
		ch <- prometheus.MustNewConstMetric(inputUp, prometheus.GaugeValue, zeroOne(s.Up), d.id, in.name)
		collectDevice(ch, s, d.id, in.name)
	}
	lasting := map[access.Alarm]bool{}
	for _, n := range d.look().alarms {
		lasting[n.alarm] = lasting[n.alarm] || n.on
	}
	for _, alarm := range alarmsOf(d.settings) {
		ch <- prometheus.MustNewConstMetric(alarmOn, prometheus.GaugeValue, zeroOne(lasting[alarm]), d.id, alarm.String())
	}
}

// alarmsOf are the alarms that last and that the wiring of a door can raise. One
// that cannot be known is not shown as 0.
func alarmsOf(settings config.Door) []access.Alarm {
	var all []access.Alarm
	if settings.Contact != nil {
		if settings.ForcedAlarm {
			all = append(all, access.ForcedOpen)
		}
		all = append(all, access.HeldOpenSoon, access.HeldOpen)
	}
	if len(settings.Readers) > 0 {
		all = append(all, access.ReaderTamper, access.ReaderPower, access.LineIntruder, access.KeypadOff)
	}
	if settings.Contact != nil || settings.ExitButton != nil || settings.Tamper != nil {
		all = append(all, access.InputLost, access.Tamper)
	}
	return all
}

func collectDevice(ch chan<- prometheus.Metric, s hw.Stats, door, device string) {
	ch <- prometheus.MustNewConstMetric(reopens, prometheus.CounterValue, float64(s.Reopens), door, device)
	ch <- prometheus.MustNewConstMetric(frames, prometheus.CounterValue, float64(s.Frames), door, device)
	for why, n := range s.Drops {
		ch <- prometheus.MustNewConstMetric(drops, prometheus.CounterValue, float64(n), door, device, why)
	}
}

func zeroOne(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
