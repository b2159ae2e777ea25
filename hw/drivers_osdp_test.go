package hw_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// osdpKey is the key of the simulated readers of this package.
var osdpKey = []byte{0x9A, 0x01, 0xC3, 0x44, 0x17, 0x20, 0xEE, 0x51, 0x66, 0x03, 0x0B, 0xD2, 0x75, 0x5A, 0xA1, 0x3C}

// keyed are the keys of a gateway whose device "tile" was paired.
func keyed() map[string]hw.DeviceKeys {
	return map[string]hw.DeviceKeys{"tile": {Current: osdpKey}}
}

// pairedReader is a reader with that key.
func pairedReader(address byte) *hwtest.OSDPReader {
	r := hwtest.NewOSDPReader(address)
	r.Key = osdpKey
	return r
}

func osdpReaders(t *testing.T) {
	tile := func(set func(*hwtest.OSDPReader)) func(io.ReadWriter) hwtest.Tile {
		return func(line io.ReadWriter) hwtest.Tile {
			r := pairedReader(0)
			set(r)
			return hwtest.NewOSDPTile(line, r)
		}
	}
	check := func(keys string) func(string) (hw.ReaderPlan, error) {
		return func(port string) (hw.ReaderPlan, error) {
			return hw.CheckReader("osdp", options(fmt.Sprintf("port = %q\nkey = \"tile\"\n%s", port, keys)))
		}
	}
	uids := [2]hwtest.Sample{
		{Show: "04A2B3C4D5E680", Kind: access.Card, Value: "04a2b3c4d5e680"},
		{Show: "922e5832", Kind: access.Card, Value: "922e5832"},
	}
	cards := [2]hwtest.Sample{
		{Show: "h10301:123:4567", Kind: access.Wiegand, Value: "h10301:123:4567"},
		{Show: "h10301:0:1", Kind: access.Wiegand, Value: "h10301:0:1"},
	}
	codes := [2]hwtest.Sample{
		{Show: "TG1:6BF+70790 T9WJWG", Kind: access.QR, Value: "TG1:6BF+70790 T9WJWG"},
		{Show: "https://example.com/20 FLOOR 2", Kind: access.QR, Value: "https://example.com/20 FLOOR 2"},
	}
	suites := map[string]hwtest.ReaderSuite{
		"uid":     {Check: check(`as = "uid"`), Tile: tile(func(*hwtest.OSDPReader) {}), Samples: uids, Keys: keyed()},
		"wiegand": {Check: check(""), Tile: tile(func(r *hwtest.OSDPReader) { r.Marks = 2 }), Samples: cards, Keys: keyed()},
		"codes": {
			Check: check("codes = true"), Samples: codes, Keys: keyed(),
			Tile: tile(func(r *hwtest.OSDPReader) { r.RestartsBy04, r.Status = true, 0 }),
		},
		"in clear": {
			Check: check("insecure = true\nas = \"uid\""), Samples: uids,
			Tile: tile(func(r *hwtest.OSDPReader) { r.Key = nil }),
		},
	}
	var all sync.WaitGroup
	defer all.Wait()
	for name, suite := range suites {
		suite.Late = []string{"timeout", "duplicate", "sequence", "unasked"}
		all.Go(func() { t.Run(name, suite.Run) })
	}
}

// osdpModule is an OSDP device with outputs as a Board.
type osdpModule struct {
	*hwtest.OSDPLine
	module *hwtest.OSDPReader
}

func newOSDPModule(line io.ReadWriter) hwtest.Board {
	r := pairedReader(0)
	return &osdpModule{hwtest.NewOSDPLine(line, r), r}
}

func (m *osdpModule) Relay(channel int) *hwtest.Relay { return m.module.Output(channel) }

func (m *osdpModule) SetFault(f hwtest.Fault) {
	m.module.Mend()
	if f == hwtest.Dead {
		m.module.Break(hwtest.OSDPMishap{Fault: hwtest.OSDPDead})
	}
}

func osdpStrikes(t *testing.T) {
	suites := map[string]hwtest.StrikeSuite{
		"timed by the module": {Board: newOSDPModule, BoardTimed: true, Check: strike("osdp", "key = \"tile\"\ninside = true"), Keys: keyed()},
		"module that answers with the state of its outputs": {
			Board: func(line io.ReadWriter) hwtest.Board {
				b := newOSDPModule(line).(*osdpModule)
				b.module.OutAnswersState, b.module.ReportsOutputs = true, true
				return b
			},
			BoardTimed: true, Check: strike("osdp", "key = \"tile\"\ninside = true"), Keys: keyed(),
		},
		"maglock that lets go": {
			Board: newOSDPModule, BoardTimed: true, RestEnergised: true, OnStopAway: true, Keys: keyed(),
			Check: strike("osdp", "key = \"tile\"\ninside = true\nenergise_to = \"lock\"\non_stop = \"open\""),
		},
	}
	var all sync.WaitGroup
	defer all.Wait()
	for name, suite := range suites {
		all.Go(func() { t.Run(name, suite.Run) })
	}
}

// newOSDPCircuit is the first input of an OSDP device on a line of its own.
func newOSDPCircuit(t *testing.T) hwtest.Circuit {
	t.Helper()
	port, r := hwtest.NewPTY(t), pairedReader(0)
	line := hwtest.NewOSDPLine(port.Master, r)
	ctx, off := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = line.Run(ctx) })
	t.Cleanup(func() { off(); running.Wait() })
	var mu sync.Mutex
	closed := false
	return hwtest.Circuit{
		Port: port.Path(), Unplug: port.Unplug, Replug: port.Replug,
		Set: func(now bool) {
			mu.Lock()
			defer mu.Unlock()
			closed = now
			r.Input(0, now)
		},
		Glitch: func() {
			mu.Lock()
			defer mu.Unlock()
			r.Input(0, !closed)
			r.Input(0, closed)
		},
	}
}

func osdpInputs(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, normally := range []string{"open", "closed"} {
		all.Go(func() {
			t.Run("normally "+normally, hwtest.InputSuite{
				Check: func(port string) (hw.InputPlan, error) {
					return hw.CheckInput("osdp", options(fmt.Sprintf("port = %q\nkey = \"tile\"\nnormally = %q", port, normally)))
				},
				Circuit: newOSDPCircuit, NormallyClosed: normally == "closed", Keys: keyed(),
			}.Run)
		})
	}
}
