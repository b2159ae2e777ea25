package hw_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// options decodes TOML as the settings do: an unknown key is an error.
func options(text string) hw.Decode {
	return func(into any) error {
		meta, err := toml.Decode(text, into)
		if err == nil && len(meta.Undecoded()) > 0 {
			return fmt.Errorf("unknown key %s", meta.Undecoded()[0])
		}
		return err
	}
}

func reader(keys string) func(string) (hw.ReaderPlan, error) {
	return func(port string) (hw.ReaderPlan, error) {
		return hw.CheckReader("line", options(fmt.Sprintf("port = %q\n%s", port, keys)))
	}
}

func strike(driver, keys string) func(string) (hw.StrikePlan, error) {
	return func(port string) (hw.StrikePlan, error) {
		return hw.CheckStrike(driver, options(fmt.Sprintf("port = %q\n%s", port, keys)))
	}
}

// Every driver passes the suite of its kind, all at once: they wait far more
// than they work.
func TestEveryDriverPassesItsSuite(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for name, suite := range map[string]func(*testing.T){
		"line reader": lineReaders, "pn532 reader": pn532Readers, "osdp reader": osdpReaders, "modbus strike": modbusStrikes, "usbrelay strike": usbStrikes,
		"gpio strike": gpioStrikes, "osdp strike": osdpStrikes, "inputs": inputs, "osdp input": osdpInputs,
	} {
		all.Go(func() { t.Run(name, suite) })
	}
}

// untilCR is a reader that ends a frame with CR LF, of which CR is enough: what
// lacks the LF is whole.
type untilCR struct{ hwtest.Tile }

func (u untilCR) Frame(credential string) []byte {
	return bytes.TrimSuffix(u.Tile.Frame(credential), []byte("\n"))
}

func lineReaders(t *testing.T) {
	uids := [2]hwtest.Sample{
		{Show: "04A2B3C4D5E680", Kind: access.Card, Value: "04a2b3c4d5e680"},
		{Show: "922e5832", Kind: access.Card, Value: "922e5832"},
	}
	codes := [2]hwtest.Sample{
		{Show: "TG1:6BF+70790 T9WJWG", Kind: access.QR, Value: "TG1:6BF+70790 T9WJWG"},
		{Show: " 20 FLOOR 2 ", Kind: access.QR, Value: " 20 FLOOR 2 "},
	}
	numbers := [2]hwtest.Sample{
		{Show: "01000734E0", Kind: access.Card, Value: "01000734e0"},
		{Show: "100086f444", Kind: access.Card, Value: "100086f444"},
	}
	scanner := func(line io.ReadWriter) hwtest.Tile { return hwtest.NewQRScanner(line, nil) }
	cards := func(line io.ReadWriter) hwtest.Tile { return hwtest.NewHexReader(line) }
	var all sync.WaitGroup
	defer all.Wait()
	for _, tt := range []struct {
		name    string
		keys    string
		tile    func(io.ReadWriter) hwtest.Tile
		samples [2]hwtest.Sample
	}{
		{"qr", `preset = "qr"`, scanner, codes},
		{"honeywell", `preset = "honeywell"`, scanner, codes},
		{"hex-cr", `preset = "hex-cr"`, cards, uids},
		{"twn4-text", `preset = "twn4-text"`, cards, uids},
		{"rdm6300", `preset = "rdm6300"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewRDM6300(line) }, numbers},
		{"em18", `preset = "em18"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewEM18(line) }, numbers},
		{"zebra-ascii", `preset = "zebra-ascii"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewZebraASCII(line, "\r") }, codes},
		{"newland", `preset = "newland"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewNewland(line) }, codes},
		{"datalogic", `preset = "datalogic"`, func(line io.ReadWriter) hwtest.Tile { return untilCR{hwtest.NewDatalogic(line)} }, codes},
		{"gm65", `preset = "gm65"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewGM65(line, "\r") }, codes},
		{"de2120", `preset = "de2120"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewDE2120(line, 50*time.Millisecond) }, codes},
		{"promag-mf7", `preset = "promag-mf7"`, func(line io.ReadWriter) hwtest.Tile {
			return untilCR{hwtest.NewPromag(line, hwtest.PromagFormat{Reversed: true, CR: true, LF: true})}
		}, uids},
		{"idtronic", `preset = "idtronic"`, func(line io.ReadWriter) hwtest.Tile {
			return untilCR{hwtest.NewIdtronic(line, hwtest.IdtronicFormat{STX: true, End: "\r\n"})}
		}, uids},
		{"rfideas", `preset = "rfideas"`, func(line io.ReadWriter) hwtest.Tile { return hwtest.NewRFIdeas(line, hwtest.RFIdeasFormat{End: "\r"}) }, uids},
	} {
		all.Go(func() {
			t.Run(tt.name, hwtest.ReaderSuite{Check: reader(tt.keys), Tile: tt.tile, Samples: tt.samples}.Run)
		})
	}
}

func modbusStrikes(t *testing.T) {
	board := func(line io.ReadWriter) hwtest.Board { return hwtest.NewModbusBoard(line, 8) }
	echoing := func(line io.ReadWriter) hwtest.Board {
		b := hwtest.NewModbusBoard(line, 8)
		b.Echo = true
		return b
	}
	plain := func(line io.ReadWriter) hwtest.Board {
		b := hwtest.NewModbusBoard(line, 8)
		b.Plain = true
		return b
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, tt := range []struct {
		name  string
		suite hwtest.StrikeSuite
	}{
		{"timed by the board", hwtest.StrikeSuite{Check: strike("modbus", ""), Board: board, BoardTimed: true}},
		{"on a line that echoes", hwtest.StrikeSuite{Check: strike("modbus", ""), Board: echoing, BoardTimed: true}},
		{"timed by us", hwtest.StrikeSuite{Check: strike("modbus", "timed = false"), Board: plain}},
		{"maglock that stays locked", hwtest.StrikeSuite{
			Check: strike("modbus", "energise_to = \"lock\"\non_stop = \"lock\""), Board: board, BoardTimed: true, RestEnergised: true,
		}},
		{"maglock that lets go", hwtest.StrikeSuite{
			Check: strike("modbus", "energise_to = \"lock\"\non_stop = \"open\""), Board: board, BoardTimed: true, RestEnergised: true, OnStopAway: true,
		}},
	} {
		all.Go(func() { t.Run(tt.name, tt.suite.Run) })
	}
}

func usbStrikes(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, tt := range []struct {
		name  string
		suite hwtest.StrikeSuite
	}{
		{"lcus", hwtest.StrikeSuite{
			Check: strike("usbrelay", `board = "lcus"`), Mute: true,
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewLCUS(line, 1) },
		}},
		{"e3", hwtest.StrikeSuite{
			Check: strike("usbrelay", `board = "e3"`), Mute: true,
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewE3(line) },
		}},
		{"kmtronic of one", hwtest.StrikeSuite{
			Check: strike("usbrelay", `board = "kmtronic"`),
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewKMTronic(line, 1) },
		}},
		{"kmtronic of eight", hwtest.StrikeSuite{
			Check: strike("usbrelay", "board = \"kmtronic\"\nchannels = 8"),
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewKMTronic(line, 8) },
		}},
		{"devantech", hwtest.StrikeSuite{
			Check: strike("usbrelay", `board = "devantech"`),
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewDevantech(line, 2) },
		}},
		{"devantech with a maglock", hwtest.StrikeSuite{
			Check: strike("usbrelay", "board = \"devantech\"\nenergise_to = \"lock\"\non_stop = \"open\""), RestEnergised: true, OnStopAway: true,
			Board: func(line io.ReadWriter) hwtest.Board { return hwtest.NewDevantech(line, 2) },
		}},
	} {
		all.Go(func() { t.Run(tt.name, tt.suite.Run) })
	}
}

// The chip tells how the line stands and not what hangs on it: it is mute.
func gpioStrikes(t *testing.T) {
	on := func(keys string) func(string) (hw.StrikePlan, error) {
		return func(chip string) (hw.StrikePlan, error) {
			return hw.CheckStrike("gpio", options(fmt.Sprintf("chip = %q\nline = 0\n%s", chip, keys)))
		}
	}
	t.Run("gpio", hwtest.StrikeSuite{Check: on(""), Mute: true}.Run)
}

func inputs(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, normally := range []string{"open", "closed"} {
		for driver, suite := range map[string]struct {
			keys    string
			circuit func(*testing.T) hwtest.Circuit
		}{
			"modbus": {"port = %q", hwtest.NewModbusCircuit},
			"gpio":   {"chip = %q\nline = 0", hwtest.NewGPIOCircuit},
		} {
			all.Go(func() {
				t.Run(driver+" normally "+normally, hwtest.InputSuite{
					Check: func(port string) (hw.InputPlan, error) {
						return hw.CheckInput(driver, options(fmt.Sprintf(suite.keys+"\nnormally = %q", port, normally)))
					},
					Circuit: suite.circuit, NormallyClosed: normally == "closed",
				}.Run)
			})
		}
	}
}
