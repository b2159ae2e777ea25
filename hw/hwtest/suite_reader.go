package hwtest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

// Sample is a credential as the simulated reader takes it, and as it must be
// read.
type Sample struct {
	Show  string
	Kind  access.Kind
	Value hw.Value
}

// Polled is a Tile that speaks only when it is asked, as every reader on a bus.
// Nothing that it says unasked is ever a credential, so that the suite spoils its
// answers instead of sending frames itself.
type Polled interface {
	// Idle says whether all that was shown has been asked for and told.
	Idle() bool
	// Stammer has each byte of its answers sent alone.
	Stammer(on bool)
	// Repeat has each of its answers sent twice.
	Repeat(on bool)
}

// ReaderSuite is what every reader must do, tried on a simulated one. A driver is
// done when it passes. A reader whose Tile is Polled passes all of it, with
// another meaning here and there: bytes that come unasked, whole frames too, read
// nothing.
type ReaderSuite struct {
	// Check checks the driver's options for the port. The hold-off must be
	// the default of two seconds.
	Check func(port string) (hw.ReaderPlan, error)
	// Tile makes the reader at the other end.
	Tile func(line io.ReadWriter) Tile
	// Samples are two different credentials.
	Samples [2]Sample
	// Keys are those that the gateway has, by the names of the devices.
	Keys map[string]hw.DeviceKeys
	// Late are the words of drops that are answers which came too late, as they
	// do on a machine that is busy with other things.
	Late []string
}

// settled is a silence after which nothing that came before may matter: longer
// than a frame may take and than the hold-off.
const settled = 2500 * time.Millisecond

// Run runs the suite. Its tests run side by side.
func (s ReaderSuite) Run(t *testing.T) {
	all := map[string]func(*testing.T){}
	for name, test := range map[string]func(*readerBench){
		"ReadsWhatIsShown":                     testReads,
		"CancelledReadReturnsAtOnce":           testCancelledRead,
		"CloseEndsReadAndMayBeCalledTwice":     testCloseRead,
		"UnplugHealsAndIsCounted":              testUnplug,
		"CredentialThatStaysCountsOnce":        testStays,
		"TwoCredentialsInterleavedAreTwoReads": testInterleaved,
		"GarbageReadsNothing":                  testGarbage,
		"HalfAFrameReadsNothing":               testHalf,
		"DoubledFrameCountsOnce":               testDoubled,
		"OversizeFrameReadsNothing":            testOversize,
		"EndlessBytesReadNothingAndStopNobody": testEndless,
		"FrameInSingleBytesIsRead":             testTrickle,
	} {
		all[name] = func(t *testing.T) { test(s.open(t)) }
	}
	sideBySide(t, all)
}

type readerBench struct {
	*bench
	suite  ReaderSuite
	tile   Tile
	reader hw.Reader
	stop   func() // ends the reading; may be called twice

	mu    sync.Mutex // guards reads
	reads []hw.Read
}

func (s ReaderSuite) open(t *testing.T) *readerBench {
	t.Helper()
	b := &readerBench{bench: newBench(t), suite: s}
	b.tile = s.Tile(b.pty.Master)
	b.power(b.tile.Run)
	keep(t, b.lines.Keys(), s.Keys)
	plan, err := s.Check(b.pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	if b.reader, err = plan.Open(b.lines, b.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.reader.Close() })
	b.stop = b.collect()
	b.until("up", func() bool { return b.reader.Stats().Up })
	return b
}

// collect reads until it is stopped.
func (b *readerBench) collect() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			read, err := b.reader.Read(ctx)
			if err != nil {
				return
			}
			b.mu.Lock()
			b.reads = append(b.reads, read)
			b.mu.Unlock()
		}
	})
	stop = func() { cancel(); reading.Wait() }
	b.Cleanup(stop)
	return stop
}

// good are the reads that are no faults.
func (b *readerBench) good() []hw.Read {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.reads), func(r hw.Read) bool { return r.Fault != access.Granted })
}

func (b *readerBench) show(sample int) {
	b.Helper()
	if err := b.tile.Show(b.suite.Samples[sample].Show); err != nil {
		b.Fatal(err)
	}
}

func (b *readerBench) send(raw []byte) {
	b.Helper()
	if _, err := b.pty.Master.Write(raw); err != nil {
		b.Fatal(err)
	}
}

func (b *readerBench) frame(sample int) []byte {
	return b.tile.Frame(b.suite.Samples[sample].Show)
}

// awaitReads waits for so many good reads and checks that they are the samples.
func (b *readerBench) awaitReads(samples ...int) {
	b.Helper()
	b.until("reads", func() bool { return len(b.good()) >= len(samples) })
	b.same(samples...)
}

// same checks that the good reads are the samples, in order, and nothing else.
func (b *readerBench) same(samples ...int) {
	b.Helper()
	got := b.good()
	if len(got) != len(samples) {
		b.Fatalf("got %d reads, want %d", len(got), len(samples))
	}
	for i, sample := range samples {
		want := b.suite.Samples[sample]
		if got[i].Kind != want.Kind || got[i].Value != want.Value {
			b.Errorf("read %d: got %s of %d bytes, want sample %d, %s of %d bytes; or the values differ",
				i, got[i].Kind, len(got[i].Value), sample, want.Kind, len(want.Value))
		}
	}
}

// settle waits until the line was silent for long enough, and what was sent has
// been looked at.
func (b *readerBench) settle() {
	b.Helper()
	if polled, ok := b.tile.(Polled); ok {
		b.until("told all", func() bool { return polled.Idle() && b.reader.Stats().Up })
		time.Sleep(settled)
		return
	}
	var seen uint64
	b.until("all bytes read", func() bool {
		last := seen
		seen = b.reader.Stats().BytesIn
		time.Sleep(50 * time.Millisecond)
		return last == seen
	})
	time.Sleep(settled)
}

func testReads(b *readerBench) {
	before := time.Now()
	b.show(0)
	b.awaitReads(0)
	if at := b.good()[0].At; at.Before(before) || at.After(time.Now()) {
		b.Errorf("at: got %s, want between %s and now", at, before)
	}
	b.show(1)
	b.awaitReads(0, 1)
	s := b.reader.Stats()
	if !s.Up || s.Err != "" || s.Frames < 2 || s.LastSeen.Before(before) ||
		s.BytesIn < uint64(len(b.frame(0))+len(b.frame(1))) {
		b.Errorf("stats: got %+v", s)
	}
	for word, n := range s.Drops {
		if n != 0 && !slices.Contains(b.suite.Late, word) {
			b.Errorf("drops: %d of %s, want none", n, word)
		}
	}
	b.readsWithoutADrop()
}

func testCancelledRead(b *readerBench) {
	b.stop()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { _, err := b.reader.Read(ctx); done <- err }()
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			b.Errorf("got %v, want %v", err, context.Canceled)
		}
	case <-time.After(patience):
		b.Fatal("a cancelled Read did not return")
	}
	b.collect() // and the reader still reads
	b.show(0)
	b.awaitReads(0)
}

func testCloseRead(b *readerBench) {
	b.stop()
	done := make(chan error, 1)
	go func() { _, err := b.reader.Read(b.Context()); done <- err }()
	time.Sleep(50 * time.Millisecond)
	for range 2 {
		if err := b.reader.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
	}
	select {
	case err := <-done:
		if err == nil {
			b.Error("a Read of a closed reader: got no error")
		}
	case <-time.After(patience):
		b.Fatal("Close did not end Read")
	}
}

func testUnplug(b *readerBench) {
	b.show(0)
	b.awaitReads(0)
	half := b.frame(1)[:len(b.frame(1))/2]
	b.send(half)
	b.unplug()
	b.until("down", func() bool { s := b.reader.Stats(); return !s.Up && s.Err != "" })
	b.replug()
	b.until("up again", func() bool { s := b.reader.Stats(); return s.Up && s.Err == "" && s.Reopens > 0 })
	b.show(1) // the half of before is forgotten
	b.awaitReads(0, 1)
}

func testStays(b *readerBench) { // X6
	for range 8 {
		b.show(0)
		time.Sleep(20 * time.Millisecond)
	}
	b.settle()
	b.same(0)
	b.show(0) // taken away and shown again
	b.awaitReads(0, 0)
}

func testInterleaved(b *readerBench) {
	for range 4 {
		b.show(0)
		b.show(1)
	}
	b.settle()
	b.same(0, 1)
}

func testGarbage(b *readerBench) { // X5
	noise := rand.New(rand.NewPCG(1, 2))
	for range 64 {
		raw := make([]byte, 1+noise.IntN(500))
		for i := range raw {
			raw[i] = byte(noise.UintN(256))
		}
		b.send(raw)
	}
	b.settle()
	b.same()
	b.show(0)
	b.awaitReads(0)
	dropped := uint64(0)
	for _, n := range b.reader.Stats().Drops {
		dropped += n
	}
	if dropped == 0 {
		b.Error("garbage was not counted")
	}
}

func testHalf(b *readerBench) { // X5
	whole := b.frame(0)
	for _, n := range []int{1, len(whole) / 2, len(whole) - 1} {
		b.send(whole[:n])
		b.settle()
		b.same()
	}
	b.show(0)
	b.awaitReads(0)
}

func testDoubled(b *readerBench) { // X5, X6
	if polled, ok := b.tile.(Polled); ok {
		polled.Repeat(true)
		defer polled.Repeat(false)
		b.show(0)
	} else {
		b.send(append(b.frame(0), b.frame(0)...))
	}
	b.awaitReads(0)
	b.settle()
	b.same(0)
}

func testOversize(b *readerBench) { // X5
	b.send(slices.Repeat([]byte{'x'}, 3000))
	b.send(b.frame(0)) // the end of the monster, or a frame: both are right
	b.settle()
	if got := len(b.good()); got > 1 {
		b.Fatalf("got %d reads of one frame", got)
	}
	b.mu.Lock()
	b.reads = nil
	b.mu.Unlock()
	b.show(1)
	b.awaitReads(1)
}

func testEndless(b *readerBench) { // X5
	ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
	defer cancel()
	chunk := slices.Repeat([]byte{'x'}, 64)
	for ctx.Err() == nil {
		b.send(chunk)
		time.Sleep(time.Millisecond)
	}
	b.same()
	stopped := time.Now()
	b.stop()
	if took := time.Since(stopped); took > patience/2 {
		b.Errorf("a Read in a flood took %s to cancel", took)
	}
	b.collect()
	b.settle()
	b.show(0)
	b.awaitReads(0)
}

func testTrickle(b *readerBench) {
	if polled, ok := b.tile.(Polled); ok {
		polled.Stammer(true)
		defer polled.Stammer(false)
		b.show(0)
		b.awaitReads(0)
		return
	}
	// A busy machine may leave a hole between two bytes that is longer than a
	// frame without marks may have; then the next try counts.
	for range 5 {
		for _, c := range b.frame(0) {
			b.send([]byte{c})
		}
		if b.settle(); len(b.good()) > 0 {
			break
		}
	}
	b.same(0)
}
