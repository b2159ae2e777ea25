package hw_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/osdp"
	"github.com/tilegate/tilegate/hw/serial"
)

// simulatedReaders has this program be eight readers at the link that it names,
// so that a benchmark can measure the driver alone.
const simulatedReaders = "TILEGATE_SIMULATED_READERS"

func TestMain(m *testing.M) {
	link := os.Getenv(simulatedReaders)
	if link == "" {
		os.Exit(m.Run())
	}
	if err := serveReaders(link); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveReaders serves a line until standard input ends.
func serveReaders(link string) error {
	pty, err := hwtest.OpenPTY(link)
	if err != nil {
		return err
	}
	ctx, off := context.WithCancel(context.Background())
	defer off()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); off() }()
	fmt.Println("ready")
	err = hwtest.NewOSDPLine(pty.Master, fastReaders(8, 115200)...).Run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func fastReaders(n, baud int) (all []*hwtest.OSDPReader) {
	for address := range byte(n) {
		r := pairedReader(address)
		r.Baud = baud
		all = append(all, r)
	}
	return all
}

// figure reports one line of `make bench`: what it is and the unit.
func figure(b *testing.B, value float64, what, unit string) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // of no meaning where one run is many cards
	b.ReportMetric(value, what+"-"+unit)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// exchanges watches a line: how long what is not the wire takes.
type exchanges struct {
	baud int

	mu      sync.Mutex // guards all below
	asked   time.Time
	command int // bytes
	replied time.Time
	answers []time.Duration // from the end of the command to that of the reply, less the wire
	turns   []time.Duration // from a reply to the next command, less the silence of two characters
}

func (e *exchanges) wire(bytes int) time.Duration {
	return time.Duration(bytes) * 10 * time.Second / time.Duration(e.baud)
}

func (e *exchanges) hear(h hwtest.OSDPHeard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h.FromPanel {
		if !e.replied.IsZero() {
			e.turns = append(e.turns, h.At.Sub(e.replied)-e.wire(2))
		}
		e.asked, e.command = h.At, 1+len(h.Bytes)
		return
	}
	if !e.asked.IsZero() {
		e.answers = append(e.answers, h.At.Sub(e.asked)-e.wire(e.command+2+len(h.Bytes)))
		e.replied = h.At
	}
}

// host is the mean of what is not the wire in one exchange. A line that has time
// to rest is not slowed by what comes between two exchanges.
func (e *exchanges) host(busy bool) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	host := max(0, mean(e.answers))
	if busy {
		host += max(0, mean(e.turns))
	}
	return host
}

func mean(all []time.Duration) (sum time.Duration) {
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(max(1, len(all)))
}

// The bytes of a POLL, its ACK and a card of 56 bits in the secure channel, with
// the marks (SIA OSDP 2.2, §5 and annex D).
const pollBytes, ackBytes, cardBytes = 15, 15, 31

// formula is how long it takes on average from a card to the panel: half of a
// cycle, in which all readers are asked once but none more often than each 50 ms,
// and the reply.
func formula(e *exchanges, readers int, host time.Duration) (mean, cycle time.Duration) {
	exchange := e.wire(pollBytes+ackBytes+4) + host
	cycle = max(time.Duration(readers)*exchange, osdp.DefaultPoll)
	return cycle/2 + e.wire(2+cardBytes) + host, cycle
}

// BenchmarkSecureReaders holds cards to readers on a line on which bytes take the
// time that they take: from card to Read, next to what the wire allows.
func BenchmarkSecureReaders(b *testing.B) {
	for _, baud := range []int{9600, 115200} {
		for _, readers := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%d/%d", baud, readers), func(b *testing.B) {
				for range b.N {
					cardToRead(b, baud, readers)
				}
			})
		}
	}
}

func cardToRead(b *testing.B, baud, readers int) {
	b.Helper()
	sims := fastReaders(readers, baud)
	l := newRS485(b, sims...)
	l.line.Paced = true
	for address := range readers {
		l.know(address)
	}
	l.power()
	var tiles []hw.Reader
	for address := range readers {
		tiles = append(tiles, l.open(address, fmt.Sprintf("as = \"uid\"\nbaud = %d\nhold_off = \"0s\"\nrate = 100", baud)))
	}
	for _, tile := range tiles {
		for end := time.Now().Add(time.Minute); !tile.Stats().Up; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				b.Fatalf("not up within a minute: %s", tile.Stats().Err)
			}
		}
	}
	e := &exchanges{baud: baud}
	l.line.Watch(e.hear)
	time.Sleep(200 * time.Millisecond)
	_, cycle := formula(e, readers, e.host(true))
	var took []time.Duration
	for range cardsIn(cycle) {
		// At most one card in two cycles, and each at another point of one.
		time.Sleep(2*cycle + time.Duration(0.618*float64(len(took)%13)*float64(cycle))%cycle)
		shown := time.Now()
		_ = sims[0].Show(cardA)
		if err := readSoon(b, tiles[0]); err != nil {
			b.Fatalf("card %d: %v; %+v", len(took), err, tiles[0].Stats())
		}
		took = append(took, time.Since(shown))
	}
	host := e.host(time.Duration(readers)*e.wire(pollBytes+ackBytes+4) > osdp.DefaultPoll)
	wire, _ := formula(e, readers, 0)
	want, cycle := formula(e, readers, host)
	figure(b, ms(mean(took)), "card_to_read", "ms")
	figure(b, ms(wire), "wire", "ms")
	figure(b, ms(host), "host_per_exchange", "ms")
	figure(b, float64(mean(took))/float64(want), "of_formula", "x")
	figure(b, ms(cycle), "cycle", "ms")
}

func readSoon(b *testing.B, tile hw.Reader) error {
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	_, err := tile.Read(ctx)
	return err
}

// cardsIn is how many cards fit into half a minute, and no more than it needs.
func cardsIn(cycle time.Duration) int {
	return max(13, min(65, int(30*time.Second/(5*cycle/2))))
}

// securityBlockOfRMACI is the last message of a handshake (annex D).
const securityBlockOfRMACI = 0x14

// BenchmarkSecureReaderMet is from the first question to a channel, over a
// pseudo-terminal: what a gateway's restart or a reader's reboot costs beside the
// wire.
func BenchmarkSecureReaderMet(b *testing.B) {
	sim := fastReaders(1, 115200)[0]
	l := newRS485(b, sim)
	l.know(0)
	l.power()
	var mu sync.Mutex
	var first, last time.Time
	l.line.Watch(func(h hwtest.OSDPHeard) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case h.FromPanel && first.IsZero():
			first = h.At
		case !h.FromPanel && len(h.Bytes) > 7 && h.Bytes[7] == securityBlockOfRMACI:
			last = h.At
		}
	})
	var took []time.Duration
	for b.Loop() {
		tile := l.open(0, "baud = 115200")
		for !tile.Stats().Up {
			time.Sleep(time.Millisecond)
		}
		if err := tile.Close(); err != nil {
			b.Fatal(err)
		}
		mu.Lock()
		took = append(took, last.Sub(first))
		first, last = time.Time{}, time.Time{}
		mu.Unlock()
	}
	figure(b, ms(mean(took)), "handshake", "ms")
}

// BenchmarkPollOfSecureReader is one question and its answer in the channel, over
// a pseudo-terminal on which bytes take no time.
func BenchmarkPollOfSecureReader(b *testing.B) {
	sim := fastReaders(1, 115200)[0]
	l := newRS485(b, sim).power()
	port, err := serial.Open(serial.Settings{Path: l.port.Path(), Baud: 115200})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = port.Close() }()
	key, err := osdp.MakeKey(osdpKey)
	if err != nil {
		b.Fatal(err)
	}
	peer, err := osdp.NewPeer(osdp.Settings{Keys: osdp.Keys{Current: key}, Poll: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	bus := osdp.NewBus(1_000_000_000)
	if err := bus.Add(peer); err != nil {
		b.Fatal(err)
	}
	exchange := func() {
		turn := bus.Next(time.Now())
		for turn.Frame == nil {
			turn = bus.Next(time.Now())
		}
		if err := errors.Join(port.Discard(), port.Write(b.Context(), turn.Frame)); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 512)
		for done := false; !done; {
			n, err := port.Read(b.Context(), buf)
			if err != nil {
				b.Fatal(err)
			}
			_, done = bus.Heard(time.Now(), buf[:n])
		}
		peer.Drain()
	}
	for peer.State() != osdp.Secure {
		exchange()
	}
	b.ReportAllocs()
	for b.Loop() {
		exchange()
	}
}

// BenchmarkLineOfEightReaders is what the driver costs of a processor for eight
// secure readers that are asked every 50 ms. The readers are another program.
func BenchmarkLineOfEightReaders(b *testing.B) {
	l := newRS485(b)
	link := b.TempDir() + "/tty"
	readers := exec.CommandContext(b.Context(), os.Args[0])
	readers.Env = append(os.Environ(), simulatedReaders+"="+link)
	readers.Stderr = os.Stderr
	stdin, err := readers.StdinPipe()
	stdout, also := readers.StdoutPipe()
	if err := errors.Join(err, also); err != nil {
		b.Fatal(err)
	}
	if err := readers.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = stdin.Close(); _ = readers.Wait() }()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		b.Fatalf("the readers said %q, %v", line, err)
	}
	var tiles []hw.Reader
	for address := range 8 {
		l.know(address)
		plan, err := hw.CheckReader("osdp", options(fmt.Sprintf("port = %q\naddress = %d\nbaud = 115200", link, address)))
		if err != nil {
			b.Fatal(err)
		}
		tile, err := plan.Open(l.lines, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = tile.Close() }()
		tiles = append(tiles, tile)
	}
	for _, tile := range tiles {
		awaits(b, "up", func() bool { return tile.Stats().Up })
	}
	const span = 5 * time.Second
	var share []time.Duration
	before := tiles[0].Stats().BytesOut
	for b.Loop() {
		from := processorTime(b)
		time.Sleep(span)
		share = append(share, processorTime(b)-from)
	}
	polls := float64(tiles[0].Stats().BytesOut-before) / pollBytes / (float64(len(share)) * span.Seconds())
	figure(b, 100*float64(mean(share))/float64(span), "processor", "percent")
	figure(b, polls, "polls", "per_second")
}

// processorTime is what this program has used until now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
