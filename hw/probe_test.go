package hw_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func probed(t *testing.T, device func(io.ReadWriter) func(context.Context) error) []string {
	t.Helper()
	pty := hwtest.NewPTY(t)
	power(t, device(pty.Master))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	found, err := hw.Probe(ctx, pty.Path(), false, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range found {
		all = append(all, strings.ReplaceAll(fmt.Sprintf("%s %d %d %s", f.Protocol, f.Baud, f.Address, f.Settings), pty.Path(), "PORT"))
	}
	return all
}

func TestProbeFindsWhatAnswersAndMovesNothing(t *testing.T) {
	t.Parallel()
	board := make(chan *hwtest.ModbusBoard, 1)
	reader := hwtest.NewOSDPReader(3)
	reader.Baud = 38400
	var all sync.WaitGroup // they wait far more than they work
	for _, tt := range []struct {
		name   string
		device func(io.ReadWriter) func(context.Context) error
		want   []string
	}{
		{"a PN532", func(line io.ReadWriter) func(context.Context) error { return hwtest.NewPN532(line).Run }, []string{
			`pn532 115200 -1 reader = { driver = "pn532", port = "PORT" }`,
		}},
		{"an OSDP reader at another speed", func(line io.ReadWriter) func(context.Context) error {
			return hwtest.NewOSDPLine(line, reader).Run
		}, []string{
			`osdp 38400 3 reader = { driver = "osdp", port = "PORT", baud = 38400, address = 3 }`,
		}},
		{"a Modbus board", func(line io.ReadWriter) func(context.Context) error {
			b := hwtest.NewModbusBoard(line, 8)
			board <- b
			return b.Run
		}, []string{
			`modbus 9600 1 strike = { driver = "modbus", port = "PORT", baud = 9600, unit = 1, channel = 0 }`,
			`modbus 115200 1 strike = { driver = "modbus", port = "PORT", baud = 115200, unit = 1, channel = 0 }`, // a pseudo-terminal has no speed
		}},
		{"nobody", func(io.ReadWriter) func(context.Context) error {
			return func(ctx context.Context) error { <-ctx.Done(); return nil }
		}, nil},
	} {
		all.Go(func() {
			t.Run(tt.name, func(t *testing.T) {
				if diff := cmp.Diff(tt.want, probed(t, tt.device)); diff != "" {
					t.Errorf("found (-want +got):\n%s", diff)
				}
			})
		})
	}
	all.Wait()
	if b := <-board; len(b.Relay(0).History()) > 0 {
		t.Error("a relay moved")
	}
	if seen := reader.Seen(); len(seen.Commands) != 1 || seen.Commands[0x61] == 0 {
		t.Errorf("the reader was told %v, want ID alone", seen.Commands)
	}
}

func TestProbeHearsWhoSpeaksByItselfAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	tile := hwtest.NewHexReader(pty.Master)
	power(t, tile.Run)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = tile.Hold(ctx, cardA, 100*time.Millisecond) }()
	var said []string
	found, err := hw.Probe(ctx, pty.Path(), false, func(text string) {
		if said = append(said, text); strings.Contains(text, "PN532") {
			cancel()
		}
	})
	if len(found) == 0 || found[0].Protocol != "line" || found[0].Baud != 9600 {
		t.Errorf("got %+v, %v", found, err)
	}
	if all := strings.ToLower(fmt.Sprintf("%+v %v", found, said)); strings.Contains(all, strings.ToLower(cardA)) {
		t.Errorf("the card shows: %s", all)
	}
}

func TestProbeOfAPortInUseSaysSo(t *testing.T) {
	t.Parallel()
	pty := hwtest.NewPTY(t)
	plan, err := hw.CheckReader("line", options(fmt.Sprintf("port = %q\npreset = \"qr\"", pty.Path())))
	if err != nil {
		t.Fatal(err)
	}
	r, err := plan.Open(hw.NewLines(hw.Host{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _ = r.Read(ctx) // opens it
	if _, err := hw.Probe(t.Context(), pty.Path(), false, func(string) {}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want that it is in use", err)
	}
}
