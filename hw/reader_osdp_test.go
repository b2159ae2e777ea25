package hw_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// rs485 is a line with simulated readers, and what a gateway lends.
type rs485 struct {
	t     *testing.T
	port  *hwtest.PTY
	line  *hwtest.OSDPLine
	lines *hw.Lines
	keys  *hwtest.Keys
}

func newRS485(t *testing.T, readers ...*hwtest.OSDPReader) *rs485 {
	t.Helper()
	host := hwtest.NewHost(t)
	l := &rs485{t: t, port: hwtest.NewPTY(t), lines: hw.NewLines(host), keys: host.Keys.(*hwtest.Keys)}
	l.line = hwtest.NewOSDPLine(l.port.Master, readers...)
	ctx, off := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.line.Run(ctx) }()
	t.Cleanup(func() { off(); <-done })
	t.Cleanup(func() { _ = l.lines.Close() })
	return l
}

func (l *rs485) open(address int, keys string) hw.Reader {
	l.t.Helper()
	plan, err := hw.CheckReader("osdp", options(fmt.Sprintf("port = %q\nbaud = 9600\naddress = %d\n%s", l.port.Path(), address, keys)))
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := plan.Open(l.lines, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = r.Close() })
	return r
}

func awaits(t *testing.T, what string, met func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !met(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestAnUnpairedReaderIsNotBelievedAndAPairedOneIs(t *testing.T) {
	t.Parallel()
	reader := hwtest.NewOSDPReader(0)
	l := newRS485(t, reader)
	r := l.open(0, `as = "uid"`)
	awaits(t, "unpaired", func() bool { s := r.Stats(); return !s.Up && s.Identity != "" })
	if err := reader.Show("04a2b3c4d5e680"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if read, err := r.Read(ctx); err == nil {
		t.Fatalf("a reader without a key was believed: %v", read)
	}
	window, end := context.WithTimeout(t.Context(), 20*time.Second)
	defer end()
	if err := r.(hw.Pairer).Pair(window, func(step string) { t.Log(step) }); err != nil {
		t.Fatal(err)
	}
	awaits(t, "secure", func() bool { s := r.Stats(); return s.Up && s.Secure })
	if err := reader.Show("04a2b3c4d5e680"); err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(window)
	if err != nil || got.Kind != access.Card || got.Value != "04a2b3c4d5e680" {
		t.Fatalf("got %v %d bytes, %v", got.Kind, len(got.Value), err)
	}
}
