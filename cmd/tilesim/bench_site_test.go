package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// The benchmarks of this package measure the real daemon, on pseudo-terminals,
// as a process of its own. `make bench` runs them once each and prints one line
// a figure; docs/FIGURES.md says what they came to.

// site is a gateway with many doors, made for measuring. Everything of it lies
// in one directory below $TMPDIR: where that is in memory, so is the journal.
type site struct {
	tb     testing.TB
	dir    string
	doors  []*measuredDoor
	page   string // address of the metrics
	daemon *process

	environment []string // of the daemon
}

// measuredDoor is a tile and a relay board of its own.
type measuredDoor struct {
	id    string
	tile  *hwtest.SerialTile
	moved chan hwtest.Transition // every movement of the relay
}

// pulse is the shortest that a strike has.
const pulse = 500 * time.Millisecond

// newSite makes the ports and writes the settings; sources is their part about
// where rights come from, and lock what door n is called there. Nothing runs yet.
func newSite(tb testing.TB, doors int, sources string, lock func(n int) string) *site {
	tb.Helper()
	if _, err := daemonPath(); err != nil {
		builtDaemon(tb)
	}
	runtime.GOMAXPROCS(8) // what waits for the disk here must not delay what is measured
	s := &site{tb: tb, dir: tb.TempDir(), environment: shippedEnvironment(tb)}
	for _, sub := range []string{"dev", "run", "state/keys", "credentials"} {
		s.must(os.MkdirAll(filepath.Join(s.dir, sub), 0o700))
	}
	port, err := freePort()
	s.must(err)
	s.page = fmt.Sprintf("127.0.0.1:%d", port)
	var text strings.Builder
	fmt.Fprintf(&text, siteText, s.dir, s.page, sources)
	ctx, off := context.WithCancel(context.Background())
	var power sync.WaitGroup
	tb.Cleanup(func() { off(); power.Wait() })
	for n := range doors {
		d, devices := s.wire(n)
		for _, device := range devices {
			power.Go(func() { _ = device.Run(ctx) })
		}
		s.doors = append(s.doors, d)
		fmt.Fprintf(&text, doorText, d.id, lock(n), s.dir, pulse)
	}
	s.must(os.WriteFile(s.settings(), []byte(text.String()), 0o600))
	return s
}

const siteText = `[site]
id = "bench"
time_zone = "Europe/Rome"
[control]
view_socket = "%[1]s/run/view.sock"
operate_socket = "%[1]s/run/operate.sock"
[state]
dir = "%[1]s/state"
credentials_dir = "%[1]s/credentials"
[metrics]
listen = "%[2]s"
[log]
level = "info"
%[3]s`

const doorText = `[[door]]
minimum_assurance = "low"
id = "%[1]s"
%[2]s
hold = "%[4]s"
reader = { driver = "line", preset = "hex-cr", port = "%[3]s/dev/%[1]s-tile", hold_off = "100ms", rate = 100 }
strike = { driver = "modbus", port = "%[3]s/dev/%[1]s-relay" }
`

func (s *site) wire(n int) (*measuredDoor, []device) {
	d := &measuredDoor{id: fmt.Sprintf("door-%d", n), moved: make(chan hwtest.Transition, 16)}
	tile, err := hwtest.OpenPTY(filepath.Join(s.dir, "dev", d.id+"-tile"))
	s.must(err)
	line, err := hwtest.OpenPTY(filepath.Join(s.dir, "dev", d.id+"-relay"))
	s.must(err)
	s.tb.Cleanup(func() { _ = tile.Close(); _ = line.Close() })
	d.tile = hwtest.NewHexReader(tile.Master)
	board := hwtest.NewModbusBoard(line.Master, 1)
	board.Relay(0).Watch(func(t hwtest.Transition) {
		select {
		case d.moved <- t:
		default: // nobody measures
		}
	})
	return d, []device{d.tile, board}
}

func (s *site) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

func (s *site) settings() string { return filepath.Join(s.dir, "tilegate.toml") }

// start starts the daemon without waiting for it.
func (s *site) start() {
	s.tb.Helper()
	var err error
	s.daemon, err = startDaemon(s.dir, s.settings(), s.environment...)
	s.must(err)
}

// ready waits until every device is up and so many credentials can be decided.
func (s *site) ready(credentials int) {
	s.tb.Helper()
	s.must(s.daemon.ready(s.tb.Context(), func(c control.Status) bool {
		return c.Counts.Credentials >= credentials && allUp(c)
	}))
}

// stop ends the daemon in order.
func (s *site) stop() {
	s.tb.Helper()
	s.must(s.daemon.stop())
}

var unitEnvironment = regexp.MustCompile(`(?m)^Environment=(\S+)$`)

// shippedEnvironment is what the unit gives the daemon: its limits of memory.
func shippedEnvironment(tb testing.TB) (all []string) {
	tb.Helper()
	unit, err := os.ReadFile("../../systemd/tilegated.service")
	if err != nil {
		tb.Fatal(err)
	}
	for _, found := range unitEnvironment.FindAllSubmatch(unit, -1) {
		all = append(all, string(found[1]))
	}
	if !strings.Contains(strings.Join(all, " "), "GOMEMLIMIT=") {
		tb.Fatal("the unit has no GOMEMLIMIT")
	}
	return all
}

// tap holds a card to the tile and returns how long it took from before the
// frame was written until the board switched its relay.
func (d *measuredDoor) tap(ctx context.Context, card string) (time.Duration, error) {
	for len(d.moved) > 0 {
		<-d.moved
	}
	start := time.Now()
	if err := d.tile.Show(card); err != nil {
		return 0, err
	}
	moved, err := d.next(ctx, true)
	return moved.At.Sub(start), err
}

// next waits for the relay to switch on or off.
func (d *measuredDoor) next(ctx context.Context, energised bool) (hwtest.Transition, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		select {
		case t := <-d.moved:
			if t.Energised == energised {
				return t, nil
			}
		case <-ctx.Done():
			return hwtest.Transition{}, fmt.Errorf("%s: the relay did not switch: %w", d.id, ctx.Err())
		}
	}
}

// taps has members come to all doors at once, each as soon as the door has
// locked behind the one before and a random moment has passed, until there
// were so many or ctx ends, and returns how long each waited.
func (s *site) taps(ctx context.Context, total int, card func(door, n int) string) []time.Duration {
	s.tb.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var members sync.WaitGroup
	for n, d := range s.doors {
		members.Go(func() {
			for turn := range (total + len(s.doors) - 1) / len(s.doors) {
				if ctx.Err() != nil {
					return
				}
				took, err := d.tap(context.Background(), card(n, turn))
				if err == nil {
					_, err = d.next(context.Background(), false)
				}
				mu.Lock()
				if err != nil {
					failed = err
					mu.Unlock()
					return
				}
				all = append(all, took)
				mu.Unlock()
				time.Sleep(rand.N(250 * time.Millisecond))
			}
		})
	}
	members.Wait()
	s.must(failed)
	return all
}
