package hw

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/warthog618/go-gpiocdev"

	"github.com/tilegate/tilegate/hw/serial"
)

// GPIO hands out lines of GPIO chips. Its method may be called at once.
type GPIO interface {
	// Request makes a line ours until it is closed, and an output stand as
	// asked from the first moment. A chip that is absent and a line that
	// somebody else has are errors at once.
	Request(chip string, line int, how GPIORequest) (GPIOLine, error)
}

// GPIOLine is one line of a chip. High and low are those of the settings: with
// active_low, a line without voltage is high.
type GPIOLine interface {
	// Value says how the line stands; an error means that the chip is gone.
	Value() (high bool, err error)
	// Set moves an output.
	Set(high bool) error
	// Close gives the line back. What it does from then on, nobody controls:
	// it may stay, or float (Linux, "GPIO Character Device Userspace API").
	Close() error
}

// GPIORequest is how a line is to be used.
type GPIORequest struct {
	ActiveLow bool
	Bias      GPIOBias
	Output    bool
	High      bool // how an output begins
	// Edge is told each change of an input that lasted for Debounce. It must
	// return at once, and is not called after Close returned.
	Debounce time.Duration
	Edge     func(high bool)
}

// GPIOBias is the resistor inside a chip.
type GPIOBias string

// The resistors. Chips that have none refuse to be asked for one.
const (
	BiasAsIs GPIOBias = ""          // as the chip or the board sets it
	BiasNone GPIOBias = "none"      // no resistor
	BiasUp   GPIOBias = "pull-up"   // high unless something pulls it down
	BiasDown GPIOBias = "pull-down" // low unless something drives it
)

// gpioOptions are the keys of every device on a GPIO line.
type gpioOptions struct {
	Chip      string   `toml:"chip"` // /dev/gpiochip0
	Line      *int     `toml:"line"` // as the kernel counts them: "gpioinfo" lists them
	ActiveLow bool     `toml:"active_low"`
	Bias      GPIOBias `toml:"bias"` // pull-up, pull-down, none; left away: as it is
}

// wire is a line that was checked.
type wire struct {
	use       PortUse
	line      int
	activeLow bool
	bias      GPIOBias
}

// maxGPIOLine is far above what any chip has.
const maxGPIOLine = 1023

func (o gpioOptions) wire() (wire, error) {
	switch {
	case o.Chip == "":
		return wire{}, errors.New("chip is missing: give its full path, as in /dev/gpiochip0; gpiodetect lists the chips")
	case !strings.HasPrefix(o.Chip, "/dev/"):
		return wire{}, fmt.Errorf("chip %q: give its full path, as in /dev/gpiochip0", o.Chip)
	case o.Line == nil:
		return wire{}, errors.New("line is missing: the number that gpioinfo shows, not that of the pin")
	case *o.Line < 0 || *o.Line > maxGPIOLine:
		return wire{}, fmt.Errorf("line %d: use the number that gpioinfo shows, 0 to %d", *o.Line, maxGPIOLine)
	}
	switch o.Bias {
	case BiasAsIs, BiasNone, BiasUp, BiasDown:
	default:
		return wire{}, fmt.Errorf("bias %q: use %s, %s or %s", string(o.Bias), BiasUp, BiasDown, BiasNone)
	}
	return wire{
		use: PortUse{
			Settings: serial.Settings{Path: o.Chip}, Protocol: "gpio", Address: fmt.Sprintf("line %d", *o.Line),
		},
		line: *o.Line, activeLow: o.ActiveLow, bias: o.Bias,
	}, nil
}

// gpioChip is the session of a chip. Each line is opened by its own device.
type gpioChip struct {
	path string
	gpio GPIO
}

// Close has nothing to give back: the lines are closed by who asked for them.
func (*gpioChip) Close() error { return nil }

// chip is the session that the devices on one chip share, so that no line is
// used twice.
func (w wire) chip(lines *Lines) (*gpioChip, func() error, error) {
	return Session(lines, w.use, func() (*gpioChip, error) {
		gpio := lines.host.GPIO
		if gpio == nil {
			gpio = kernelGPIO{}
		}
		return &gpioChip{path: w.use.Settings.Path, gpio: gpio}, nil
	})
}

// request asks for the line, with what the settings say of it.
func (c *gpioChip) request(w wire, how GPIORequest) (GPIOLine, error) {
	how.ActiveLow, how.Bias = w.activeLow, w.bias
	line, err := c.gpio.Request(c.path, w.line, how)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", c.path, w.use.Address, err)
	}
	return line, nil
}

// kernelGPIO is the GPIO of this machine: character devices, version 2 of the
// kernel's interface (Linux 5.10 and later).
type kernelGPIO struct{}

// Request is GPIO.Request.
func (kernelGPIO) Request(chip string, line int, how GPIORequest) (GPIOLine, error) {
	// The library wants the device itself, and names that outlive a reboot are
	// links to it.
	device, err := filepath.EvalSymlinks(chip)
	if err != nil {
		return nil, err
	}
	options := []gpiocdev.LineReqOption{gpiocdev.WithConsumer("tilegate")}
	if how.ActiveLow {
		options = append(options, gpiocdev.AsActiveLow)
	}
	switch how.Bias {
	case BiasNone:
		options = append(options, gpiocdev.WithBiasDisabled)
	case BiasUp:
		options = append(options, gpiocdev.WithPullUp)
	case BiasDown:
		options = append(options, gpiocdev.WithPullDown)
	}
	if how.Output {
		options = append(options, gpiocdev.AsOutput(gpioValue(how.High)))
	} else {
		options = append(options, gpiocdev.AsInput)
	}
	if how.Debounce > 0 {
		options = append(options, gpiocdev.WithDebounce(how.Debounce))
	}
	if edge := how.Edge; edge != nil {
		options = append(options, gpiocdev.WithBothEdges, gpiocdev.WithEventHandler(func(e gpiocdev.LineEvent) {
			edge(e.Type == gpiocdev.LineEventRisingEdge)
		}))
	}
	got, err := gpiocdev.RequestLine(device, line, options...)
	if err != nil {
		return nil, err
	}
	return kernelLine{got}, nil
}

func gpioValue(high bool) int {
	if high {
		return 1
	}
	return 0
}

type kernelLine struct{ line *gpiocdev.Line }

func (l kernelLine) Value() (bool, error) {
	value, err := l.line.Value()
	return value == 1, err
}

func (l kernelLine) Set(high bool) error { return l.line.SetValue(gpioValue(high)) }

func (l kernelLine) Close() error { return l.line.Close() }
