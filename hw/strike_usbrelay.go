package hw

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/hw/serial"
)

// usbBoard is a family of relay boards that are spoken to in a few bytes. A
// channel is counted from 0.
type usbBoard struct {
	channels []int // how many relays its models have
	set      func(channel int, energised bool) []byte
	// status asks for the outputs: the question, how long the answer is, and
	// what it says of the channel. nil: the board cannot say.
	status func(channel, channels int) (ask []byte, size int, read func(answer []byte) (energised, ok bool))
	// jog switches on for jogTime by the board's own timer. nil: it has none.
	jog     []byte
	jogTime time.Duration
}

// usbBoards is never written to.
var usbBoards = map[string]*usbBoard{
	// LCUS-1 to LCUS-8, on a CH340: A0, relay from 1, state, sum. It says
	// nothing, and stays on if the host dies: for a bench, not for a door.
	"lcus": {
		channels: []int{1, 2, 4, 8},
		set: func(channel int, energised bool) []byte {
			relay, state := byte(channel+1), bit(energised)
			return []byte{0xA0, relay, state, 0xA0 + relay + state}
		},
	},
	// HW-667, sold as "E-3": AA on, BB off, CC on for one second.
	"e3": {
		channels: []int{1},
		set: func(_ int, energised bool) []byte {
			return []byte{0xBB - 0x11*bit(energised)}
		},
		jog: []byte{0xCC}, jogTime: time.Second,
	},
	// KMTronic USB: FF, relay from 1, state. Boards of one and two relays
	// answer FF n 03 with FF n state, those of four and eight answer FF 09 00
	// with a byte for each relay.
	"kmtronic": {
		channels: []int{1, 2, 4, 8},
		set: func(channel int, energised bool) []byte {
			return []byte{0xFF, byte(channel + 1), bit(energised)}
		},
		status: kmtronicStatus,
	},
	// Devantech USB-RLY02, -RLY08 and -RLY16: 65 to 6C on, 6F to 76 off, 5B
	// asks for a bit for each relay (data sheet, "Commands").
	"devantech": {
		channels: []int{2, 8},
		set: func(channel int, energised bool) []byte {
			return []byte{0x6F - 10*bit(energised) + byte(channel)}
		},
		status: func(channel, _ int) ([]byte, int, func([]byte) (bool, bool)) {
			return []byte{0x5B}, 1, func(answer []byte) (bool, bool) { return answer[0]&(1<<channel) != 0, true }
		},
	},
}

func bit(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func kmtronicStatus(channel, channels int) ([]byte, int, func([]byte) (bool, bool)) {
	if channels > 2 {
		return []byte{0xFF, 0x09, 0x00}, channels, func(answer []byte) (bool, bool) {
			return answer[channel] == 1, answer[channel] <= 1
		}
	}
	relay := byte(channel + 1)
	return []byte{0xFF, relay, 0x03}, 3, func(answer []byte) (bool, bool) {
		return answer[2] == 1, answer[0] == 0xFF && answer[1] == relay && answer[2] <= 1
	}
}

// usbOptions are the keys of the driver "usbrelay".
type usbOptions struct {
	portOptions
	strikeOptions
	Board    string `toml:"board"`    // lcus, e3, kmtronic, devantech
	Channels int    `toml:"channels"` // how many relays the board has; by default the fewest
	Channel  int    `toml:"channel"`  // counted from 0: the relay printed 1 is channel 0
}

type usbPlan struct {
	use      PortUse
	outputs  outputs
	board    *usbBoard
	channels int
	channel  int
}

var _ = registerStrike("usbrelay", checkUSBRelay)

// checkUSBRelay checks the options of a strike on a USB relay board.
func checkUSBRelay(decode Decode) (StrikePlan, error) {
	var o usbOptions
	if err := decode(&o); err != nil {
		return nil, err
	}
	board, ok := usbBoards[o.Board]
	if !ok {
		return nil, fmt.Errorf("board %q is not known; there are: %s", o.Board, strings.Join(slices.Sorted(maps.Keys(usbBoards)), ", "))
	}
	settings, err := o.settings(9600)
	if err != nil {
		return nil, err
	}
	outputs, err := o.outputs()
	if err != nil {
		return nil, err
	}
	if o.Channels == 0 {
		o.Channels = board.channels[0]
	}
	if !slices.Contains(board.channels, o.Channels) {
		return nil, fmt.Errorf("channels %d: a board %s has one of %v", o.Channels, o.Board, board.channels)
	}
	if o.Channel < 0 || o.Channel >= o.Channels {
		return nil, fmt.Errorf("channel %d: the board has channels 0 to %d; the relay printed 1 is channel 0; see also channels", o.Channel, o.Channels-1)
	}
	return &usbPlan{
		use: PortUse{
			Settings: settings, Protocol: "usbrelay " + o.Board,
			Address: fmt.Sprintf("channel %d", o.Channel),
		},
		outputs: outputs, board: board, channels: o.Channels, channel: o.Channel,
	}, nil
}

// Port is the port of the board, which its other channels may share.
func (p *usbPlan) Port() PortUse { return p.use }

// Open makes the strike. It moves no relay.
func (p *usbPlan) Open(lines *Lines, log hclog.Logger) (Strike, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	session, release, err := Session(lines, p.use, func() (*bus, error) {
		return newBus(p.use.Settings, lines.log()), nil
	})
	if err != nil {
		return nil, err
	}
	mute := &usbRelay{bus: session, usbPlan: p}
	var output relay = mute
	switch {
	case p.board.status != nil:
		output = usbReporter{mute}
	case p.board.jog != nil && !p.outputs.rest:
		output = usbJogger{mute}
	}
	strike := newTimedStrike(output, p.outputs, release, log.With("port", p.use.Settings.Path, "address", p.use.Address))
	return &boardStrike{timedStrike: strike, bus: session}, nil
}

// usbRelay is one relay of a board that says nothing.
type usbRelay struct {
	*bus
	*usbPlan
}

func (r *usbRelay) set(ctx context.Context, energised bool) error {
	return r.send(ctx, r.board.set(r.channel, energised))
}

func (r *usbRelay) send(ctx context.Context, frame []byte) error {
	return r.talk(ctx, func(port *serial.Port, _ int) error { return port.Write(ctx, frame) })
}

// usbJogger is a board that can time one length of pulse.
type usbJogger struct{ *usbRelay }

func (j usbJogger) flash(ctx context.Context, _ bool, d time.Duration) (bool, error) {
	if d > j.board.jogTime {
		return false, nil
	}
	return true, j.send(ctx, j.board.jog)
}

// usbReporter is one relay of a board that says how it stands. That is also its
// only way to acknowledge.
type usbReporter struct{ *usbRelay }

func (r usbReporter) set(ctx context.Context, energised bool) error {
	return r.talk(ctx, func(port *serial.Port, _ int) error {
		if err := port.Write(ctx, r.board.set(r.channel, energised)); err != nil {
			return err
		}
		is, err := r.ask(ctx, port)
		if err == nil && is != energised {
			return errNotSwitched
		}
		return err
	})
}

func (r usbReporter) state(ctx context.Context) (energised bool, err error) {
	err = r.talk(ctx, func(port *serial.Port, _ int) error {
		energised, err = r.ask(ctx, port)
		return err
	})
	return energised, err
}

// ask asks up to three times. The caller has the turn.
func (r usbReporter) ask(ctx context.Context, port *serial.Port) (energised bool, err error) {
	question, size, read := r.board.status(r.channel, r.channels)
	for range answerTries {
		var ok bool
		err = r.bus.ask(ctx, port, question, func(got []byte) bool {
			if len(got) == size {
				energised, ok = read(got)
			}
			return ok
		})
		if !again(err) {
			return energised, err
		}
	}
	return energised, err
}
