package hwtest

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// OSDPLine is an RS-485 line with simulated readers on it. The panel is at the
// other end. Several readers at one address answer over each other.
type OSDPLine struct {
	// Paced has bytes take the time that they take at a reader's speed, both
	// ways, with two characters of silence before an answer. An answer then
	// appears whole when its last byte would. It needs the real clock.
	Paced bool

	wire     wire
	inputs   chan osdpInput
	echo     atomic.Bool
	stammer  atomic.Bool
	mu       sync.Mutex // guards readers and watchers
	readers  []*OSDPReader
	watchers []func(OSDPHeard)

	speak sync.Mutex // guards writing, and all below
	batch time.Duration
	held  []byte // by an adapter that waits for more

	// Of the goroutine that answers.
	ear   osdpEar
	free  time.Time // when the last byte that was said is over
	timer pacer
}

// OSDPHeard is what somebody said on the line.
type OSDPHeard struct {
	At        time.Time
	FromPanel bool
	Bytes     []byte
}

// NewOSDPLine puts readers on a line. The master is PTY.Master, or any other end
// of a line to a panel; of a PTY it is known how fast the panel speaks.
func NewOSDPLine(master io.ReadWriter, readers ...*OSDPReader) *OSDPLine {
	return &OSDPLine{wire: wire{line: master}, readers: readers, inputs: make(chan osdpInput, 1024)}
}

// Reader is the reader at an address now, or nil.
func (l *OSDPLine) Reader(address byte) *OSDPReader {
	for _, r := range l.all() {
		if at, _ := r.Set(); at == address {
			return r
		}
	}
	return nil
}

// Add puts one more reader on the line.
func (l *OSDPLine) Add(r *OSDPReader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = append(l.readers, r)
}

// Remove takes a reader off the line.
func (l *OSDPLine) Remove(r *OSDPReader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = slices.DeleteFunc(slices.Clone(l.readers), func(o *OSDPReader) bool { return o == r })
}

func (l *OSDPLine) all() []*OSDPReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.readers)
}

// Watch has f told what is said on the line: by the panel each whole frame, by
// readers what they write. f must not write.
func (l *OSDPLine) Watch(f func(OSDPHeard)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers = append(l.watchers, f)
}

func (l *OSDPLine) tell(fromPanel bool, said []byte) {
	l.mu.Lock()
	watchers := slices.Clone(l.watchers)
	l.mu.Unlock()
	for _, f := range watchers {
		f(OSDPHeard{time.Now(), fromPanel, slices.Clone(said)})
	}
}

// Echo has the adapter return what the panel sends, as many do.
func (l *OSDPLine) Echo(on bool) { l.echo.Store(on) }

// Stammer has what readers say arrive byte by byte.
func (l *OSDPLine) Stammer(on bool) { l.stammer.Store(on) }

// Batch has the adapter hand over what it received only every so often, as FTDI's
// do every 16 ms as they come; 0: at once.
func (l *OSDPLine) Batch(every time.Duration) {
	l.speak.Lock()
	defer l.speak.Unlock()
	l.batch = every
}

// Babble puts noise on the line without a pause, as fast as it goes at that
// speed, until ctx ends.
func (l *OSDPLine) Babble(ctx context.Context, baud int, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, uint64(baud)))
	const every = 5 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	noise := make([]byte, max(1, baud/10*int(every/time.Millisecond)/1000))
	for {
		for i := range noise {
			noise[i] = byte(dice.Uint32())
		}
		l.write(noise)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// SecondPanel is another panel on the line that says a frame. Our panel hears
// it, and so do the readers, which answer.
func (l *OSDPLine) SecondPanel(frame []byte) {
	l.inputs <- osdpInput{time.Now(), slices.Concat([]byte{osdpMark}, frame), true}
}

// OSDPCommand is a frame in clear, with CRC, as a panel would send it.
func OSDPCommand(address, number, code byte, data ...byte) []byte {
	return osdpEncode(address, number&3|osdpWithCRC, nil, code, data, nil)
}

// osdpInput is what came over the line at once.
type osdpInput struct {
	at      time.Time
	bytes   []byte
	foreign bool // from a second panel
}

// Run serves the line until ctx ends, which also closes the line if it can be
// closed, or until the line ends.
func (l *OSDPLine) Run(ctx context.Context) error {
	if l.Paced {
		stop, err := l.timer.start()
		if err != nil {
			return err
		}
		defer stop()
	}
	ended := make(chan struct{})
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			select {
			case in := <-l.inputs:
				l.heard(in)
			case <-ended:
				return
			}
		}
	})
	err := l.wire.serve(ctx, func(in []byte) {
		l.inputs <- osdpInput{time.Now(), slices.Clone(in), false}
	})
	close(ended)
	answering.Wait()
	return err
}

func (l *OSDPLine) heard(in osdpInput) {
	if in.foreign || l.echo.Load() {
		l.write(in.bytes)
	}
	// The panel's bytes all came at once; on a wire they would come one by one.
	baud := l.panelSpeed()
	began := in.at
	if began.Before(l.free) {
		began = l.free
	}
	left := len(in.bytes)
	for _, f := range l.ear.hear(in.bytes, in.at) {
		if !in.foreign {
			l.tell(true, f.raw)
		}
		left = 0
		ended := began.Add(l.takes(baud, f.address, 1+len(f.raw)))
		l.free, began = ended, ended
		l.wait(ended)
		l.answer(f, baud)
	}
	if left > 0 {
		l.free = began.Add(l.takes(baud, osdpAnyone, left))
	}
}

// takes is how long so many bytes take at the panel's speed or, if that is not
// known, at that of the reader with the address.
func (l *OSDPLine) takes(baud int, address byte, n int) time.Duration {
	if !l.Paced {
		return 0
	}
	for _, r := range l.all() {
		if baud != 0 {
			break
		}
		if at, speed := r.Set(); at == address || address == osdpAnyone {
			baud = speed
		}
	}
	if baud == 0 {
		return 0
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

func (l *OSDPLine) wait(until time.Time) {
	if l.Paced {
		l.timer.until(until)
	}
}

// answer lets the readers answer a frame.
func (l *OSDPLine) answer(f osdpFrame, baud int) {
	var all [][]osdpSaid
	think := time.Duration(0)
	for _, r := range l.all() {
		if r.hears(f.address, baud) {
			if said := r.hear(f, time.Now()); len(said) > 0 {
				all = append(all, said)
				think = max(think, r.Think)
			}
		}
	}
	if len(all) > 1 {
		l.collide(all)
	}
	for _, from := range all {
		for _, said := range from {
			l.say(f.address, baud, said, think)
			think = 0
		}
	}
}

// collide spoils what several readers say at once: a 0 of one wins over a 1 of
// another.
func (l *OSDPLine) collide(all [][]osdpSaid) {
	first := slices.Clone(all[0][0].bytes)
	for i, from := range all {
		for j := range from {
			if i+j > 0 {
				for at := range min(len(first), len(from[j].bytes)) {
					first[at] &= from[j].bytes[at]
				}
				from[j].bytes = nil
			}
		}
	}
	all[0][0].bytes = first
}

// say puts a reply on the line at its time.
func (l *OSDPLine) say(address byte, baud int, said osdpSaid, think time.Duration) {
	done := func() {
		if said.done != nil {
			said.done()
		}
	}
	switch {
	case len(said.bytes) == 0:
		done()
	case said.late > 0:
		time.AfterFunc(said.late, func() { l.write(said.bytes); done() })
	default:
		if l.Paced {
			l.free = time.Now().Add(think + l.takes(baud, address, 2+len(said.bytes)))
			l.wait(l.free)
		} else if think > 0 {
			time.Sleep(think)
		}
		done() // before the panel hears of it and acts on it
		l.write(said.bytes)
	}
}

// write puts bytes on the way to the panel.
func (l *OSDPLine) write(said []byte) {
	if len(said) == 0 {
		return
	}
	l.tell(false, said)
	l.speak.Lock()
	defer l.speak.Unlock()
	switch {
	case l.batch > 0:
		if len(l.held) == 0 {
			now := time.Now()
			time.AfterFunc(now.Truncate(l.batch).Add(l.batch).Sub(now), l.handOver)
		}
		l.held = append(l.held, said...)
	case l.stammer.Load():
		for _, octet := range said {
			_, _ = l.wire.line.Write([]byte{octet})
		}
	default:
		_, _ = l.wire.line.Write(said)
	}
}

func (l *OSDPLine) handOver() {
	l.speak.Lock()
	defer l.speak.Unlock()
	_, _ = l.wire.line.Write(l.held)
	l.held = nil
}
