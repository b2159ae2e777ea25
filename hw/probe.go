package hw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/hw/modbus"
	"github.com/tilegate/tilegate/hw/osdp"
	"github.com/tilegate/tilegate/hw/pn532"
	"github.com/tilegate/tilegate/hw/serial"
)

// Found is a device that answered on a port.
type Found struct {
	Protocol string `json:"protocol"` // osdp, pn532, modbus, line
	Baud     int    `json:"baud"`
	Address  int    `json:"address"`            // -1: it has none
	Identity string `json:"identity,omitempty"` // who it says it is
	Settings string `json:"settings"`           // to be written into tilegate.toml; in parts to be filled in
}

// How a port is searched.
const (
	probeListen  = 1500 * time.Millisecond // for devices that speak by themselves
	probeAnswer  = 250 * time.Millisecond  // a reader of OSDP has 200 ms
	probeFew     = 8                       // addresses of OSDP, unless all are asked
	probeAll     = 127
	probeUnits   = 4  // addresses of Modbus
	probeTalk    = 4  // bytes that are more than noise
	probeReplyID = 69 // PDID, SIA OSDP 2.2
)

// probeSpeeds are the speeds of OSDP, the usual ones first. It is never written to.
var probeSpeeds = [...]int{9600, 115200, 38400, 19200, 57600, 230400}

// Probe looks for what answers on a port that nobody else has open. It only asks
// who is there: it moves no relay, sets nothing and begins no secure channel,
// though a reader that has one with somebody else must begin it anew. All asks
// every address, which takes minutes. say is told what is tried. Probe ends with
// ctx, and then returns what was found before.
func Probe(ctx context.Context, path string, all bool, say func(string)) ([]Found, error) {
	p := &prober{path: path, say: say, addresses: probeFew}
	if all {
		p.addresses = probeAll
	}
	for _, look := range []func(context.Context) error{p.talkers, p.pn532, p.osdp, p.modbus} {
		if err := look(ctx); err != nil {
			if ctx.Err() != nil {
				return p.found, ctx.Err()
			}
			return p.found, err
		}
	}
	return p.found, nil
}

type prober struct {
	path      string
	say       func(string)
	addresses int
	found     []Found
}

// at opens the port at a speed for as long as look needs it.
func (p *prober) at(baud int, look func(port *serial.Port) error) error {
	settings, err := portOptions{Port: p.path}.settings(baud)
	if err != nil {
		return err
	}
	port, err := serial.Open(settings)
	if err != nil {
		return err
	}
	return errors.Join(look(port), port.Close())
}

// ask writes a question and hands what comes back to take, until that says that
// it has enough, or for too long nothing came.
func (p *prober) ask(ctx context.Context, port *serial.Port, question []byte, patience time.Duration, take func([]byte) bool) error {
	if err := port.Discard(); err != nil {
		return err
	}
	if len(question) > 0 {
		if err := port.Write(ctx, question); err != nil {
			return err
		}
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	buf := make([]byte, 512)
	for {
		n, err := port.Read(within, buf)
		switch {
		case n > 0 && take(buf[:n]):
			return nil
		case n > 0:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		default:
			return err
		}
	}
}

// talkers listens for devices that speak by themselves. What they say may be a
// card, so only how much it is gets told.
func (p *prober) talkers(ctx context.Context) error {
	for _, baud := range []int{9600, 115200} {
		p.say(fmt.Sprintf("listening at %d baud for a device that speaks by itself; hold a card or a code to it", baud))
		heard, text := 0, 0
		err := p.at(baud, func(port *serial.Port) error {
			return p.ask(ctx, port, nil, probeListen, func(in []byte) bool {
				for _, c := range in {
					if heard++; c >= 0x20 && c < 0x7F || c == '\r' || c == '\n' || c == 0x02 || c == 0x03 {
						text++
					}
				}
				return false
			})
		})
		if err != nil {
			return err
		}
		if heard >= probeTalk && text == heard {
			p.found = append(p.found, Found{
				Protocol: "line", Baud: baud, Address: -1, Identity: fmt.Sprintf("sends text, %d characters so far", heard),
				Settings: fmt.Sprintf(`reader = { driver = "line", preset = "…", port = %q, baud = %d }`, p.path, baud),
			})
		}
	}
	return nil
}

func (p *prober) pn532(ctx context.Context) error {
	const baud = 115200
	p.say("asking for a PN532")
	var scan pn532.Scanner
	question := append(pn532.Wake(), pn532.GetFirmwareVersion().Frame()...)
	return p.at(baud, func(port *serial.Port) error {
		return p.ask(ctx, port, question, probeAnswer, func(in []byte) (done bool) {
			scan.Feed(in, func(f pn532.Frame) {
				if f.Kind != pn532.Answer || f.Code != pn532.CodeFirmware+1 {
					return
				}
				if firmware, err := pn532.ParseFirmware(f.Data); err == nil && !done {
					done = true
					p.found = append(p.found, Found{
						Protocol: "pn532", Baud: baud, Address: -1, Identity: firmware.String(),
						Settings: fmt.Sprintf(`reader = { driver = "pn532", port = %q }`, p.path),
					})
				}
			})
			return done
		})
	})
}

func (p *prober) osdp(ctx context.Context) error {
	for _, baud := range probeSpeeds {
		p.say(fmt.Sprintf("asking for OSDP devices at %d baud, addresses 0 to %d", baud, p.addresses-1))
		before := len(p.found)
		err := p.at(baud, func(port *serial.Port) error {
			for address := range p.addresses {
				if err := p.osdpAt(ctx, port, baud, byte(address)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(p.found) > before {
			return nil // a line has one speed
		}
	}
	return nil
}

func (p *prober) osdpAt(ctx context.Context, port *serial.Port, baud int, address byte) error {
	id := osdp.ID()
	question := osdp.Frame{Address: address, Code: id.Code, Data: id.Data}.Append([]byte{0xFF})
	var scan osdp.Scanner
	scan.Begin(question)
	return p.ask(ctx, port, question, probeAnswer, func(in []byte) bool {
		scan.Write(in)
		for {
			reply, refusal, found := scan.Next(false)
			if !found {
				return false
			}
			if refusal != 0 || reply.Address != address || reply.Code != probeReplyID {
				continue
			}
			if device, err := osdp.DecodePDID(reply.Data); err == nil {
				p.found = append(p.found, Found{
					Protocol: "osdp", Baud: baud, Address: int(address), Identity: device.String(),
					Settings: fmt.Sprintf(`reader = { driver = "osdp", port = %q, baud = %d, address = %d }`, p.path, baud, address),
				})
				return true
			}
		}
	})
}

// modbus reads a coil, which moves nothing.
func (p *prober) modbus(ctx context.Context) error {
	for _, baud := range []int{9600, 115200} {
		p.say(fmt.Sprintf("asking for Modbus boards at %d baud, units 1 to %d", baud, probeUnits))
		err := p.at(baud, func(port *serial.Port) error {
			for unit := 1; unit <= probeUnits; unit++ {
				question := modbus.ReadCoils(byte(unit), 0, 1)
				var got []byte
				err := p.ask(ctx, port, question, probeAnswer, func(in []byte) bool {
					got = append(got, in...)
					_, found, _ := modbus.Find(question, got)
					if found {
						p.found = append(p.found, Found{
							Protocol: "modbus", Baud: baud, Address: unit,
							Settings: fmt.Sprintf(`strike = { driver = "modbus", port = %q, baud = %d, unit = %d, channel = 0 }`, p.path, baud, unit),
						})
					}
					return found || len(got) > 512
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
