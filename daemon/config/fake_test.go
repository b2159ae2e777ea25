package config

import (
	"errors"
	"fmt"
	"testing"
	_ "time/tzdata"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/serial"
)

// bench stands for the drivers and sources, so that the rules of the file can
// be tested apart from any of them.
var bench = parts{
	reader: func(driver string, decode hw.Decode) (hw.ReaderPlan, error) {
		plan, err := checkDevice(driver, decode)
		return plan, err
	},
	strike: func(driver string, decode hw.Decode) (hw.StrikePlan, error) {
		plan, err := checkDevice(driver, decode)
		return strikePlan{plan}, err
	},
	input: func(driver string, decode hw.Decode) (hw.InputPlan, error) {
		plan, err := checkDevice(driver, decode)
		return inputPlan{plan}, err
	},
	source: func(name string, decode cloud.Decode) (cloud.Plan, error) {
		switch name {
		case "kisi":
			var o struct {
				Key    string  `toml:"api_key_file"`
				Places []int64 `toml:"places"`
			}
			return nil, decode(&o)
		default:
			var o struct {
				Path string `toml:"path"`
			}
			return nil, decode(&o)
		}
	},
}

// device is a plan that only remembers.
type device struct {
	Link    `toml:""`
	Channel *int `toml:"channel"`
	Address *int `toml:"address"`
	driver  string
}

// Link is what devices of several drivers have in common.
type Link struct {
	Path string `toml:"port"`
	Baud uint16 `toml:"baud"`
}

type strikePlan struct{ *device }

type inputPlan struct{ *device }

func (inputPlan) Open(*hw.Lines, hclog.Logger) (hw.Input, error) {
	return nil, errors.New("nothing opens while settings are checked")
}

func checkDevice(driver string, decode hw.Decode) (*device, error) {
	d := &device{driver: driver}
	switch driver {
	case "bus", "relays", "alone":
	default:
		return nil, fmt.Errorf("driver %q is not known; there are: alone, bus, relays", driver)
	}
	if err := decode(d); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	var bad []error
	if d.Path == "" {
		bad = append(bad, errors.New("port is missing"))
	}
	if d.Channel != nil && *d.Channel > 7 {
		bad = append(bad, fmt.Errorf("channel %d: the board has 0 to 7", *d.Channel))
	}
	return d, errors.Join(bad...)
}

func (d *device) Port() hw.PortUse {
	use := hw.PortUse{Settings: serial.Settings{Path: d.Path, Baud: int(d.Baud)}, Protocol: d.driver}
	switch {
	case d.Channel != nil:
		use.Address = fmt.Sprintf("channel %d", *d.Channel)
	case d.Address != nil:
		use.Address = fmt.Sprintf("address %d", *d.Address)
	}
	return use
}

func (d *device) Open(*hw.Lines, hclog.Logger) (hw.Reader, error) {
	return nil, errors.New("nothing opens while settings are checked")
}

func (strikePlan) Open(*hw.Lines, hclog.Logger) (hw.Strike, error) {
	return nil, errors.New("nothing opens while settings are checked")
}

// good is a site on the bench, to be made worse.
const good = `[site]
id = "trastevere"
name = "Trastevere, Rome"
time_zone = "Europe/Rome"

[kisi]
api_key_file = "kisi-api-key"
places = [46]

[[door]]
id = "front"
name = "Front door"
kisi_lock = 2006
hold = "5s"
reader = { driver = "bus", port = "/dev/serial/by-id/usb-FTDI_1", address = 0 }
strike = { driver = "relays", port = "/dev/serial/by-path/2", channel = 0 }

[[door]]
id = "rear"
kisi_lock = 2007
minimum_assurance = "medium"
high_security = true
[door.reader]
driver = "bus"
port = "/dev/serial/by-id/usb-FTDI_1"
address = 1
[door.strike]
driver = "relays"
port = "/dev/serial/by-path/2"
channel = 1
`

func mustParse(t *testing.T, text string) *Options {
	t.Helper()
	options, err := parse("tilegate.toml", []byte(text), bench)
	if err != nil {
		t.Fatalf("the settings are refused:\n%v", err)
	}
	return options
}
