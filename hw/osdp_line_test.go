package hw_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// rs485 is a line with simulated readers, and a gateway at its other end.
type rs485 struct {
	testing.TB
	port  *hwtest.PTY
	line  *hwtest.OSDPLine
	host  hw.Host
	keys  *hwtest.Keys
	lines *hw.Lines
	log   *logged
}

func newRS485(t testing.TB, readers ...*hwtest.OSDPReader) *rs485 {
	t.Helper()
	l := &rs485{TB: t, port: hwtest.NewPTY(t), host: hwtest.NewHost(t), log: &logged{}}
	l.host.Log = l.logger()
	l.keys = l.host.Keys.(*hwtest.Keys)
	l.line = hwtest.NewOSDPLine(l.port.Master, readers...)
	l.lines = hw.NewLines(l.host)
	t.Cleanup(func() { _ = l.lines.Close() })
	return l
}

// power lets the line run.
func (l *rs485) power() *rs485 {
	ctx, off := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.line.Run(ctx) }()
	l.Cleanup(func() { off(); <-done })
	return l
}

// paired is a line whose readers were paired before.
func paired(t testing.TB, readers ...*hwtest.OSDPReader) *rs485 {
	t.Helper()
	l := newRS485(t, readers...)
	for _, r := range readers {
		r.Key = osdpKey
		l.know(int(r.Address))
	}
	return l.power()
}

// know puts the key of a device on the ring.
func (l *rs485) know(address int) {
	l.Helper()
	if err := l.keys.Keep(fmt.Sprintf("port-tty-%d", address), hw.DeviceKeys{Current: osdpKey}); err != nil {
		l.Fatal(err)
	}
}

// restart is another gateway on the same line, with the same keys.
func (l *rs485) restart() {
	l.Helper()
	if err := l.lines.Close(); err != nil {
		l.Fatal(err)
	}
	l.lines = hw.NewLines(l.host)
	l.Cleanup(func() { _ = l.lines.Close() })
}

func (l *rs485) options(address int, keys string) hw.Decode {
	return options(fmt.Sprintf("port = %q\naddress = %d\n%s", l.port.Path(), address, keys))
}

func (l *rs485) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Output: l.log, Level: hclog.Trace})
}

// osdpTile is a reader that is read all the time.
type osdpTile struct {
	hw.Reader
	*rs485
	mu    sync.Mutex // guards reads
	reads []hw.Read
}

// open is a reader that nobody reads.
func (l *rs485) open(address int, keys string) hw.Reader {
	l.Helper()
	plan, err := hw.CheckReader("osdp", l.options(address, keys))
	if err != nil {
		l.Fatal(err)
	}
	r, err := plan.Open(l.lines, l.logger())
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = r.Close() })
	return r
}

// tile is a reader that is read, once it is believed.
func (l *rs485) tile(address int, keys string) *osdpTile {
	l.Helper()
	t := &osdpTile{Reader: l.open(address, keys), rs485: l}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			read, err := t.Read(ctx)
			if err != nil {
				return
			}
			t.mu.Lock()
			t.reads = append(t.reads, read)
			t.mu.Unlock()
		}
	})
	l.Cleanup(func() { cancel(); reading.Wait() })
	t.up()
	return t
}

func (t *osdpTile) up() {
	t.Helper()
	awaits(t, "up", func() bool { return t.Stats().Up })
}

func (t *osdpTile) down() hw.Stats {
	t.Helper()
	awaits(t, "down", func() bool { return !t.Stats().Up })
	return t.Stats()
}

// all are the reads until now.
func (t *osdpTile) all() []hw.Read {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.reads)
}

// want waits until so many values were read, and checks that they are these and
// that nothing else was.
func (t *osdpTile) want(values ...string) {
	t.Helper()
	awaits(t, fmt.Sprintf("%d reads", len(values)), func() bool { return len(t.all()) >= len(values) })
	got := t.all()
	if len(got) != len(values) {
		t.Fatalf("got %d reads, want %d", len(got), len(values))
	}
	for i, want := range values {
		if got[i].Fault != access.Granted || string(got[i].Value) != want {
			t.Errorf("read %d: got another value or the fault %q; want sample %d", i, got[i].Fault, i)
		}
	}
}

// counted waits until something was counted under one of the words.
func (t *osdpTile) counted(words ...string) {
	t.Helper()
	awaits(t, fmt.Sprintf("counted as one of %q", words), func() bool {
		drops := t.Stats().Drops
		return slices.ContainsFunc(words, func(word string) bool { return drops[word] > 0 })
	})
}

func (t *osdpTile) show(r *hwtest.OSDPReader, credential string) {
	t.Helper()
	awaits(t, "the reader hears us", r.Online)
	if err := r.Show(credential); err != nil {
		t.Fatal(err)
	}
}

func awaits(t testing.TB, what string, met func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !met(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// The cards of these tests, as they are shown and as they are read.
const (
	cardA, cardB, cardC = "04a2b3c4d5e680", "922e5832", "0102030405060708"
)
