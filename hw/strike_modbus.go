package hw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/modbus"
	"github.com/tilegate/tilegate/hw/serial"
)

// modbusOptions are the keys of the driver "modbus".
type modbusOptions struct {
	portOptions
	strikeOptions
	Unit    int  `toml:"unit"`    // the board's address on the line, 1 to 247
	Channel int  `toml:"channel"` // counted from 0: the relay printed 1 is channel 0
	Timed   bool `toml:"timed"`   // the board times the pulse (Waveshare and kin); false: tilegate does
}

type modbusPlan struct {
	use     PortUse
	outputs outputs
	unit    byte
	channel uint16
	timed   bool
}

var _ = registerStrike("modbus", checkModbus)

// checkModbus checks the options of a strike on a Modbus RTU relay board.
func checkModbus(decode Decode) (StrikePlan, error) {
	o := modbusOptions{Unit: 1, Timed: true}
	if err := decode(&o); err != nil {
		return nil, err
	}
	settings, err := o.settings(9600)
	if err != nil {
		return nil, err
	}
	outputs, err := o.outputs()
	if err != nil {
		return nil, err
	}
	if err := checkUnit(o.Unit); err != nil {
		return nil, err
	}
	if o.Channel < 0 || o.Channel > 63 {
		return nil, fmt.Errorf("channel %d: use 0 to 63; the relay printed 1 is channel 0", o.Channel)
	}
	return &modbusPlan{
		use: PortUse{
			Settings: settings, Protocol: "modbus",
			Address: fmt.Sprintf("unit %d channel %d", o.Unit, o.Channel),
		},
		outputs: outputs, unit: byte(o.Unit), channel: uint16(o.Channel), timed: o.Timed,
	}, nil
}

func checkUnit(unit int) error {
	if unit < 1 || unit > 247 {
		return fmt.Errorf("unit %d: use 1 to 247, as set on the board", unit)
	}
	return nil
}

// Port is the port of the board, which other boards and channels may share.
func (p *modbusPlan) Port() PortUse { return p.use }

// Open makes the strike. It moves no relay.
func (p *modbusPlan) Open(lines *Lines, log hclog.Logger) (Strike, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	session, release, err := modbusSession(lines, p.use)
	if err != nil {
		return nil, err
	}
	coil := &modbusCoil{modbusBus: session, unit: p.unit, channel: p.channel}
	var output relay = coil
	if p.timed {
		output = modbusTimer{coil}
	}
	strike := newTimedStrike(output, p.outputs, release, log.With("port", p.use.Settings.Path, "address", p.use.Address))
	return &boardStrike{timedStrike: strike, bus: session.bus}, nil
}

// boardStrike adds the port's numbers to a strike's own.
type boardStrike struct {
	*timedStrike
	bus *bus
}

// Stats are those of the strike and of the line it shares.
func (s *boardStrike) Stats() Stats { return s.bus.withLine(s.stats()) }

// modbusBus is a bus that speaks Modbus RTU.
type modbusBus struct {
	*bus
	mu    sync.Mutex            // guards units
	units map[byte]*modbusPanel // whose contacts somebody listens to
}

// modbusSession is the bus on a port, shared by the relays and contacts on it.
func modbusSession(lines *Lines, use PortUse) (*modbusBus, func() error, error) {
	return Session(lines, use, func() (*modbusBus, error) {
		return &modbusBus{bus: newBus(use.Settings, lines.log()), units: map[byte]*modbusPanel{}}, nil
	})
}

// modbusCoil is one relay of one board.
type modbusCoil struct {
	*modbusBus
	unit    byte
	channel uint16
}

// What Waveshare's boards hide behind coils that no relay has ("Development
// Protocol", Flash ON and Flash OFF): the value is a time in units of 100 ms.
const (
	flashOn   = 0x0200
	flashOff  = 0x0400
	flashUnit = 100 * time.Millisecond
)

func (c *modbusCoil) set(ctx context.Context, energised bool) error {
	value := modbus.Off
	if energised {
		value = modbus.On
	}
	return c.write(ctx, modbus.WriteCoil(c.unit, c.channel, value))
}

func (c *modbusCoil) state(ctx context.Context) (energised bool, err error) {
	err = c.persist(ctx, func(port *serial.Port, session int) (err error) {
		energised, err = c.readCoil(ctx, port, session)
		return err
	})
	return energised, err
}

// modbusTimer is a relay whose board has the timed commands.
type modbusTimer struct{ *modbusCoil }

func (t modbusTimer) flash(ctx context.Context, energised bool, d time.Duration) (bool, error) {
	base := uint16(flashOff)
	if energised {
		base = flashOn
	}
	units := (d + flashUnit - 1) / flashUnit
	err := t.write(ctx, modbus.WriteCoil(t.unit, base+t.channel, uint16(units)))
	if _, refused := errors.AsType[modbus.Exception](err); refused {
		return true, fmt.Errorf("%w; a board without the timed command needs timed = false", err)
	}
	return true, err
}

// write sends a frame and waits for the board's acknowledgement.
//
// The acknowledgement repeats the frame, so on an adapter that returns what we
// send, a dead board seems to agree. The answer to a read differs from its
// question and tells such a line: one is asked before the first write on each
// opening of the port.
func (c *modbusCoil) write(ctx context.Context, frame []byte) error {
	return c.persist(ctx, func(port *serial.Port, session int) error {
		if c.echoSession != session {
			if _, err := c.readCoil(ctx, port, session); err != nil && c.echoSession != session {
				return err
			}
		}
		_, err := c.once(ctx, port, session, frame)
		return err
	})
}

func (c *modbusCoil) readCoil(ctx context.Context, port *serial.Port, session int) (bool, error) {
	answer, err := c.once(ctx, port, session, modbus.ReadCoils(c.unit, c.channel, 1))
	if err != nil {
		return false, err
	}
	return answer.Bits[0], nil
}

// persist holds a conversation, again with the identical frames while the board
// does not answer, three times in all. Each is a turn of its own: a dead board
// must not keep the line from the strike of another door.
func (b *modbusBus) persist(ctx context.Context, say func(port *serial.Port, session int) error) (err error) {
	for range answerTries {
		if err = b.talk(ctx, say); !again(err) && !errors.Is(err, modbus.Exception(6)) {
			return err
		}
	}
	return err
}

// once asks one time. The caller has the turn.
func (b *modbusBus) once(ctx context.Context, port *serial.Port, session int, frame []byte) (answer modbus.Answer, err error) {
	if err := b.quiet(ctx); err != nil {
		return answer, err
	}
	var refusal error
	err = b.ask(ctx, port, frame, func(got []byte) (found bool) {
		answer, found, refusal = modbus.Find(frame, b.withoutEcho(got, frame, session))
		return found
	})
	b.last = time.Now()
	if err == nil && refusal != nil {
		b.refused.Add(1)
		err = refusal
	}
	return answer, err
}

// withoutEcho is what the board itself said. Whether the line echoes is learnt
// from reads, whose answer differs from the question.
func (b *modbusBus) withoutEcho(got, frame []byte, session int) []byte {
	_, after, echoed := bytes.Cut(got, frame)
	if frame[1] == modbus.ReadCoilsFunction || frame[1] == modbus.ReadInputsFunction {
		if _, answered, _ := modbus.Find(frame, got); answered {
			b.echoes, b.echoSession = echoed, session
		}
		return got
	}
	if b.echoSession != session || !b.echoes {
		return got
	}
	if !echoed {
		return nil // not even the echo is whole yet
	}
	return after
}
