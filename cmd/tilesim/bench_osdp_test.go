package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// How the gateway with OSDP readers is measured.
const (
	busReaders = 8
	busIdle    = 15 * time.Second
	busTaps    = 320
)

// BenchmarkOSDP measures a whole gateway with eight readers under keys of their
// own on one line, at wire speed of 115200 baud, polled every 50 ms: what it
// needs of a processor while nobody comes, and how long members wait from the
// moment a card is at the reader until the relay board switches.
func BenchmarkOSDP(b *testing.B) {
	s, readers, moved := busSite(b)
	s.start()
	b.Cleanup(func() { s.stop() })
	s.ready(busReaders)
	progress("8 secure readers, nobody comes")
	before, start := s.processorTime(), time.Now()
	time.Sleep(busIdle)
	share := float64(s.processorTime()-before) / float64(time.Since(start))
	figure(b, 100*share, "idle_processor", "percent")

	progress("%d taps at 8 secure readers", busTaps)
	var waits []time.Duration
	var last [busReaders]time.Time
	for n := range busTaps {
		d := n % busReaders
		time.Sleep(time.Until(last[d].Add(pulse+200*time.Millisecond)) + rand.N(50*time.Millisecond)) // locked again, and not in step with the polls
		last[d] = time.Now()
		for len(moved[d]) > 0 {
			<-moved[d]
		}
		begin := time.Now()
		s.must(readers[d].Show(uidOf(n)))
		select {
		case at := <-moved[d]:
			waits = append(waits, at.Sub(begin))
		case <-time.After(10 * time.Second):
			b.Fatalf("door %d: the relay did not switch", d)
		}
	}
	slices.Sort(waits)
	figure(b, ms(part(waits, 0.5)), "tap_p50", "ms")
	figure(b, ms(part(waits, 0.99)), "tap_p99", "ms")
	figure(b, ms(part(waits, 1)), "tap_max", "ms")
}

// busSite is a gateway with eight doors, whose readers share one line and whose
// strikes share one board.
func busSite(b *testing.B) (*site, []*hwtest.OSDPReader, []chan time.Time) {
	b.Helper()
	if _, err := daemonPath(); err != nil {
		builtDaemon(b)
	}
	s := &site{tb: b, dir: b.TempDir(), environment: shippedEnvironment(b)}
	for _, sub := range []string{"dev", "run", "state/keys/devices", "credentials"} {
		s.must(os.MkdirAll(filepath.Join(s.dir, sub), 0o700))
	}
	port, err := freePort()
	s.must(err)
	s.page = fmt.Sprintf("127.0.0.1:%d", port)
	bus, err := hwtest.OpenPTY(filepath.Join(s.dir, "dev", "bus"))
	s.must(err)
	relays, err := hwtest.OpenPTY(filepath.Join(s.dir, "dev", "relays"))
	s.must(err)
	b.Cleanup(func() { _ = bus.Close(); _ = relays.Close() })

	var text strings.Builder
	fmt.Fprintf(&text, siteText, s.dir, s.page, fmt.Sprintf("[file]\npath = %q\nevery = \"24h\"\n", filepath.Join(s.dir, "roster.json")))
	line, board := hwtest.NewOSDPLine(bus.Master), hwtest.NewModbusBoard(relays.Master, busReaders)
	line.Paced = true
	var readers []*hwtest.OSDPReader
	var moved []chan time.Time
	for n := range busReaders {
		r := hwtest.NewOSDPReader(byte(n))
		r.Baud, r.Key, r.Think = 115200, benchKey(n), 3*time.Millisecond
		line.Add(r)
		readers, moved = append(readers, r), append(moved, make(chan time.Time, 16))
		board.Relay(n).Watch(func(t hwtest.Transition) {
			if t.Energised {
				moved[n] <- t.At
			}
		})
		s.must(os.WriteFile(filepath.Join(s.dir, "state/keys/devices", fmt.Sprintf("bench-%d.json", n)),
			fmt.Appendf(nil, `{"current":%q}`, hex.EncodeToString(benchKey(n))), 0o600))
		fmt.Fprintf(&text, busDoor, n, s.dir, pulse)
	}
	s.must(os.WriteFile(s.settings(), []byte(text.String()), 0o600))
	s.must(os.WriteFile(filepath.Join(s.dir, "roster.json"), busRoster(), 0o600))
	ctx, off := context.WithCancel(context.Background())
	var power sync.WaitGroup
	power.Go(func() { _ = line.Run(ctx) })
	power.Go(func() { _ = board.Run(ctx) })
	b.Cleanup(func() { off(); power.Wait() })
	return s, readers, moved
}

const busDoor = `[[door]]
id = "door-%[1]d"
minimum_assurance = "low"
hold = "%[3]s"
reader = { driver = "osdp", port = "%[2]s/dev/bus", baud = 115200, address = %[1]d, key = "bench-%[1]d", as = "uid", hold_off = "0s" }
strike = { driver = "modbus", port = "%[2]s/dev/relays", channel = %[1]d }
`

// benchKey is a key for this benchmark only, without a pattern: a weak key is refused.
func benchKey(n int) []byte {
	key := sha256.Sum256(fmt.Appendf(nil, "a key of the benchmark, not a secret one: %d", n))
	return key[:16]
}

func busRoster() []byte {
	var text strings.Builder
	text.WriteString(`{"doors":[`)
	for n := range busReaders {
		fmt.Fprintf(&text, "%s{\"id\":\"door-%d\"}", comma(n), n)
	}
	text.WriteString(`],"groups":[{"id":"all","name":"All","doors":[`)
	for n := range busReaders {
		fmt.Fprintf(&text, "%s\"door-%d\"", comma(n), n)
	}
	text.WriteString(`]}],"people":[`)
	for n := range busTaps {
		fmt.Fprintf(&text, "%s{\"id\":\"p%d\",\"name\":\"P%d\",\"cards\":[%q],\"groups\":[\"all\"]}", comma(n), n, n, uidOf(n))
	}
	text.WriteString("]}")
	return []byte(text.String())
}

// processorTime is what the daemon has used of all processors, in its own code
// and in the kernel (proc(5), stat, fields 14 and 15).
func (s *site) processorTime() time.Duration {
	s.tb.Helper()
	stat, err := os.ReadFile(s.proc("stat"))
	s.must(err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		s.must(err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}
