package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/modbus"
	"github.com/tilegate/tilegate/hw/serial"
)

// How often contacts on a bus are looked at.
const (
	contactPoll     = 100 * time.Millisecond
	contactLostPoll = time.Second // while the board is silent: its neighbours need the line
	contactPatience = time.Second // one answer that was missed is no silence
)

// modbusInputOptions are the keys of the driver "modbus" of an input.
type modbusInputOptions struct {
	portOptions
	circuitOptions
	Unit    int `toml:"unit"`    // the board's address on the line, 1 to 247
	Channel int `toml:"channel"` // counted from 0: the contact printed 1 is channel 0
}

type modbusInputPlan struct {
	use     PortUse
	circuit circuit
	unit    byte
	channel uint16
}

var _ = registerInput("modbus", checkModbusInput)

// checkModbusInput checks the options of a contact on a Modbus RTU board.
func checkModbusInput(decode Decode) (InputPlan, error) {
	o := modbusInputOptions{Unit: 1}
	if err := decode(&o); err != nil {
		return nil, err
	}
	settings, err := o.settings(9600)
	if err != nil {
		return nil, err
	}
	circuit, err := o.circuit()
	if err != nil {
		return nil, err
	}
	if err := checkUnit(o.Unit); err != nil {
		return nil, err
	}
	if o.Channel < 0 || o.Channel > 63 {
		return nil, fmt.Errorf("channel %d: use 0 to 63; the contact printed 1 is channel 0", o.Channel)
	}
	return &modbusInputPlan{
		use: PortUse{
			Settings: settings, Protocol: "modbus",
			Address: fmt.Sprintf("unit %d input %d", o.Unit, o.Channel),
		},
		circuit: circuit, unit: byte(o.Unit), channel: uint16(o.Channel),
	}, nil
}

// Port is the port of the board, which relays and other contacts may share.
func (p *modbusInputPlan) Port() PortUse { return p.use }

// Open makes the input.
func (p *modbusInputPlan) Open(lines *Lines, log hclog.Logger) (Input, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	session, release, err := modbusSession(lines, p.use)
	if err != nil {
		return nil, err
	}
	return &modbusInput{
		listening: newListening(log.With("port", p.use.Settings.Path, "address", p.use.Address)),
		circuit:   p.circuit, panel: session.listen(p.unit, p.channel), channel: p.channel, release: release,
	}, nil
}

// modbusInput is one contact of one board. It is polled by whoever calls Next.
type modbusInput struct {
	*listening
	circuit circuit
	panel   *modbusPanel
	channel uint16
	release func() error

	// Of the one goroutine in Next.
	seen  time.Time // when the last look was taken
	heard time.Time // when the board last answered
	lost  bool
}

// Next is as the contract says. A contact counts when it stood the same at two
// looks, 50 ms apart or more; a board counts as lost after a second of silence.
func (i *modbusInput) Next(ctx context.Context, last Level) (Level, error) {
	within, end, err := i.begin(ctx)
	if err != nil {
		return last, err
	}
	defer end()
	for {
		level := i.look(within, last)
		switch {
		case within.Err() != nil:
			return last, i.ended(ctx)
		case level != last:
			return level, nil
		}
	}
}

// look waits for the next look and says how the contact stands; last, where it
// cannot be said yet.
func (i *modbusInput) look(ctx context.Context, last Level) Level {
	wait := contactPoll
	if i.lost {
		wait = contactLostPoll
	}
	if !i.seen.IsZero() && pause(ctx, time.Until(i.seen.Add(wait))) != nil {
		return last
	}
	level, ok := i.sample(ctx)
	switch {
	case !ok:
		return last
	case level == last || level == LevelUnknown:
		return level
	}
	if pause(ctx, time.Until(i.seen.Add(debounce))) != nil {
		return last
	}
	if again, ok := i.sample(ctx); !ok || again != level {
		return last
	}
	return level
}

// sample is a look that is younger than the last one. It is not ok when it
// missed.
func (i *modbusInput) sample(ctx context.Context) (level Level, ok bool) {
	closed, at, err := i.panel.sample(ctx, i.channel, i.seen.Add(debounce))
	if ctx.Err() != nil {
		return LevelUnknown, false
	}
	i.seen = at
	if err == nil {
		i.heard, i.lost = at, false
		i.tell(nil)
		return i.circuit.level(closed), true
	}
	if !i.heard.IsZero() && time.Since(i.heard) < contactPatience {
		return LevelUnknown, false
	}
	i.lost = true
	i.tell(err)
	return LevelUnknown, true
}

// Stats are those of the input and of the line it shares.
func (i *modbusInput) Stats() Stats { return i.panel.bus.withLine(i.stats()) }

// Close ends a waiting Next and gives the port back.
func (i *modbusInput) Close() error {
	if !i.shut() {
		return nil
	}
	i.panel.forget(i.channel)
	return i.release()
}

// modbusPanel is the contacts of one board. All that somebody listens to are
// read in one exchange, whoever needed it first.
type modbusPanel struct {
	bus  *modbusBus
	unit byte
	turn chan struct{} // holds whoever asks the board

	channels map[uint16]bool // guarded by bus.mu

	last look // guarded by turn
}

// look is what one exchange brought of a run of contacts.
type look struct {
	at           time.Time
	first, count uint16
	closed       []bool
	err          error
}

func (l *look) covers(channel uint16) bool { return channel >= l.first && channel < l.first+l.count }

// listen adds a contact to those that are read.
func (b *modbusBus) listen(unit byte, channel uint16) *modbusPanel {
	b.mu.Lock()
	defer b.mu.Unlock()
	panel, ok := b.units[unit]
	if !ok {
		panel = &modbusPanel{bus: b, unit: unit, turn: make(chan struct{}, 1), channels: map[uint16]bool{}}
		b.units[unit] = panel
	}
	panel.channels[channel] = true
	return panel
}

func (p *modbusPanel) forget(channel uint16) {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	delete(p.channels, channel)
}

// span is the shortest run of contacts that has all that are listened to.
func (p *modbusPanel) span() (first, count uint16) {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	first, end := uint16(0), uint16(0)
	for channel := range p.channels {
		if end == 0 || channel < first {
			first = channel
		}
		end = max(end, channel+1)
	}
	return first, end - first
}

// sample is a contact as it stood at a look not taken before the given time.
func (p *modbusPanel) sample(ctx context.Context, channel uint16, notBefore time.Time) (closed bool, at time.Time, err error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return false, time.Time{}, ctx.Err()
	}
	defer func() { <-p.turn }()
	if p.last.at.Before(notBefore) || p.last.at.IsZero() || !p.last.covers(channel) {
		first, count := p.span()
		p.ask(ctx, first, count)
		// One contact that the board does not have must not silence the others.
		if errors.Is(p.last.err, modbus.Exception(2)) && count > 1 {
			p.ask(ctx, channel, 1)
		}
	}
	if p.last.err != nil || !p.last.covers(channel) {
		return false, p.last.at, p.last.err
	}
	return p.last.closed[channel-p.last.first], p.last.at, nil
}

// ask reads a run of contacts, once. The caller has the turn.
func (p *modbusPanel) ask(ctx context.Context, first, count uint16) {
	var answer modbus.Answer
	err := p.bus.glance(ctx, func(port *serial.Port, session int) (err error) {
		answer, err = p.bus.once(ctx, port, session, modbus.ReadInputs(p.unit, first, count))
		return err
	})
	if ctx.Err() != nil {
		p.last = look{} // says nothing of the board
		return
	}
	p.last = look{at: time.Now(), first: first, count: count, closed: answer.Bits, err: err}
}
