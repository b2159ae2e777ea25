package hw

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Limits of a frame on a line reader.
const (
	maxFrame       = 1024
	maxFrameTime   = 2 * time.Second
	maxMark        = 4 // bytes of a start or end
	maxAdjust      = 1 << 16
	shortestSpan   = time.Millisecond // of a gap, and of a frame
	longestSpan    = 30 * time.Second
	gapSilence     = 50 * time.Millisecond
	tailSilence    = 50 * time.Millisecond // after an opening: no reader pauses so long in a frame
	countedSilence = 250 * time.Millisecond
)

// frameOptions say where a frame begins and ends.
type frameOptions struct {
	Type  string   `toml:"type"`  // delimited, length, fixed, gap
	Start octets   `toml:"start"` // what every frame begins with; not for gap
	End   []octets `toml:"end"`   // delimited: any of these ends it
	Bytes int      `toml:"bytes"` // fixed: how long it is, start included

	Offset int  `toml:"offset"` // length: where in the frame it stands
	Size   int  `toml:"size"`   // length: of 1 or 2 bytes
	Little bool `toml:"little_endian"`
	Adjust int  `toml:"adjust"` // length: how much longer the whole frame is than it says

	Gap  span `toml:"gap"`  // gap: the silence that ends a frame; fixed, length: that spoils one
	Max  int  `toml:"max"`  // bytes
	Time span `toml:"time"` // how long a frame may take
}

func (o *frameOptions) check() error {
	if o.Max == 0 {
		o.Max = maxFrame
	}
	if o.Max < 1 || o.Max > maxFrame {
		return fmt.Errorf("frame: max %d: use 1 to %d bytes", o.Max, maxFrame)
	}
	for _, s := range []span{o.Gap, o.Time} {
		if s != 0 && (s < span(shortestSpan) || s > span(longestSpan)) {
			return fmt.Errorf("frame: gap and time are %s to %s", shortestSpan, longestSpan)
		}
	}
	if len(o.Start) > maxMark {
		return fmt.Errorf("frame: start has %d bytes, at most %d are possible", len(o.Start), maxMark)
	}
	switch o.Type {
	case "delimited":
		if len(o.End) == 0 {
			return errors.New("frame: a delimited frame needs end, such as [\"CR\"]")
		}
		for _, end := range o.End {
			if len(end) == 0 || len(end) > maxMark {
				return fmt.Errorf("frame: an end has %d bytes, use 1 to %d", len(end), maxMark)
			}
		}
	case "length":
		if o.Size != 1 && o.Size != 2 {
			return fmt.Errorf("frame: size %d: the length stands in 1 or 2 bytes", o.Size)
		}
		if o.Offset < len(o.Start) || o.Offset > o.Max-o.Size {
			return fmt.Errorf("frame: offset %d: the length stands after the start and inside the frame", o.Offset)
		}
		if o.Adjust < -maxAdjust || o.Adjust > maxAdjust {
			return fmt.Errorf("frame: adjust %d: use %d to %d bytes", o.Adjust, -maxAdjust, maxAdjust)
		}
	case "fixed":
		if o.Bytes <= len(o.Start) || o.Bytes > o.Max {
			return fmt.Errorf("frame: bytes %d: a fixed frame is longer than its start and at most %d", o.Bytes, o.Max)
		}
	case "gap":
		if len(o.Start) > 0 {
			return errors.New("frame: a gap frame has no start; use select.prefix")
		}
	default:
		return fmt.Errorf("frame: type %q: use delimited, length, fixed or gap", o.Type)
	}
	return nil
}

// quiet is the silence after which what has come can be no part of what comes.
func (o *frameOptions) quiet() time.Duration {
	switch o.Type {
	case "gap":
		return o.Gap.or(gapSilence)
	case "delimited":
		return o.Time.or(maxFrameTime)
	default:
		return o.Gap.or(countedSilence)
	}
}

// framer cuts a stream of bytes into frames: bytes and the times when they came
// in, frames out. How the stream was cut into pieces on its way makes no
// difference. It never holds more than one frame.
type framer struct {
	frameOptions
	drops *dropCounts
	// emit takes a frame and says whether its check was right; it must not
	// keep the slice.
	emit func(at time.Time, frame []byte) bool

	buf     []byte
	first   time.Time // when the first byte of buf came
	last    time.Time // when the last byte of all came
	inside  bool      // delimited: the start was seen
	opened  time.Time // when the port was; zero: it has been silent or has spoken since
	lost    bool      // what comes is the rest of a frame already thrown away
	tail    bool      // lost is what was on its way when the port was opened
	noisy   bool      // this run of noise was counted
	swallow []byte    // what may still follow to complete a longer end: LF after CR
}

// feed takes bytes that arrived at one time.
func (f *framer) feed(at time.Time, in []byte) {
	f.idle(at)
	if !f.opened.IsZero() && len(in) > 0 {
		f.drops.add(dropCut)
		f.opened, f.lost, f.tail, f.noisy = time.Time{}, true, true, true
	}
	for _, c := range in {
		if len(f.buf) == 0 {
			f.first = at
		}
		if f.begun() && at.Sub(f.first) > f.Time.or(maxFrameTime) {
			f.giveUp(dropTimeout)
		}
		switch f.Type {
		case "delimited":
			f.delimited(at, c)
		case "gap":
			f.collect(c)
		default:
			f.counted(at, c)
		}
	}
	f.last = at
}

// idle tells the framer what time it is; it ends a gap frame and forgets a half
// one after enough silence.
func (f *framer) idle(at time.Time) {
	if at.Sub(f.opened) >= tailSilence {
		f.settled()
	}
	silence := f.quiet()
	if f.tail {
		silence = tailSilence
	}
	if f.last.IsZero() || at.Sub(f.last) < silence {
		return
	}
	if f.begun() {
		if f.Type == "gap" {
			f.emit(f.last, f.buf)
		} else {
			f.drops.add(dropTimeout)
		}
	}
	f.reset()
}

// begun says that a frame is in the making, and not only noise before one.
func (f *framer) begun() bool {
	switch {
	case f.lost:
		return false
	case f.Type == "delimited" && len(f.Start) > 0:
		return f.inside
	default:
		return len(f.buf) > 0 && len(f.buf) >= len(f.Start)
	}
}

// deadline is when idle has something to do even if nothing comes; zero: never.
func (f *framer) deadline() time.Time {
	if !f.opened.IsZero() {
		return f.opened.Add(tailSilence)
	}
	if f.Type != "gap" || len(f.buf) == 0 || f.lost {
		return time.Time{}
	}
	return f.last.Add(f.quiet())
}

func (f *framer) reset() {
	f.buf, f.swallow = f.buf[:0], nil
	f.inside, f.lost, f.tail, f.noisy = false, false, false, false
}

// open tells that the port was opened. The reader may be in the middle of a
// frame, and where no start marks the next one, the tail of a long number would
// be a short one: nothing counts until its end or a silence.
func (f *framer) open(at time.Time) {
	f.reset()
	if len(f.Start) == 0 {
		f.opened = at
	}
}

// settled tells that what comes now begins anew.
func (f *framer) settled() { f.opened = time.Time{} }

// opening says that what comes now may be the tail of a frame.
func (f *framer) opening() bool { return !f.opened.IsZero() }

// giveUp throws away the frame in the making; the rest of it is still to come
// and must not be taken for a frame of its own.
func (f *framer) giveUp(why drop) {
	f.drops.add(why)
	keep := 0
	if f.Type == "delimited" {
		keep = min(len(f.buf), maxMark-1) // it may end in half an end
	}
	f.buf = append(f.buf[:0], f.buf[len(f.buf)-keep:]...)
	f.inside = false
	f.lost = true
	f.noisy = true
}

func (f *framer) delimited(at time.Time, c byte) {
	if len(f.swallow) > 0 {
		expected := f.swallow[0]
		f.swallow = f.swallow[1:]
		if c == expected {
			return
		}
		f.swallow = nil
	}
	f.buf = append(f.buf, c)
	if len(f.Start) > 0 && f.started(at) {
		return
	}
	if len(f.Start) > 0 && !f.inside {
		f.hunt()
		return
	}
	end := f.ending()
	switch {
	case end == 0 && f.lost:
		f.buf = f.buf[max(0, len(f.buf)-maxMark):]
	case end == 0 && len(f.buf) >= f.Max+maxMark:
		f.giveUp(dropOversize)
	case end > 0:
		f.finish(at, f.buf[:len(f.buf)-end])
	}
}

// started says that the buffer ends in a start, and begins a frame there.
func (f *framer) started(at time.Time) bool {
	if !bytes.HasSuffix(f.buf, f.Start) {
		return false
	}
	if f.inside && len(f.buf) > len(f.Start) {
		f.drops.add(dropCut)
	} else if !f.inside && len(f.buf) > len(f.Start) && !f.noisy {
		f.drops.add(dropNoise)
	}
	f.buf = f.buf[:0]
	f.first, f.inside, f.lost, f.noisy = at, true, false, false
	return true
}

// hunt keeps only what may be the beginning of a start.
func (f *framer) hunt() {
	if len(f.buf) < len(f.Start) {
		return
	}
	if !f.noisy {
		f.drops.add(dropNoise)
		f.noisy = true
	}
	f.buf = append(f.buf[:0], f.buf[len(f.buf)-len(f.Start)+1:]...)
}

// ending is the length of the longest end that the buffer ends in.
func (f *framer) ending() int {
	longest := 0
	for _, end := range f.End {
		if len(end) > longest && bytes.HasSuffix(f.buf, end) {
			longest = len(end)
		}
	}
	return longest
}

func (f *framer) finish(at time.Time, frame []byte) {
	mark := f.buf[len(frame):]
	for _, end := range f.End {
		if rest, longer := bytes.CutPrefix(end, mark); longer && len(rest) > 0 {
			f.swallow = rest
		}
	}
	switch {
	case f.lost:
	case len(frame) == 0:
		f.drops.add(dropEmpty)
	case len(frame) > f.Max:
		f.drops.add(dropOversize)
	default:
		f.emit(at, frame)
	}
	f.buf = f.buf[:0]
	f.inside, f.lost, f.tail, f.noisy = false, false, false, false
}

// collect is for gap frames, which only silence ends.
func (f *framer) collect(c byte) {
	if f.lost {
		return
	}
	f.buf = append(f.buf, c)
	if len(f.buf) > f.Max {
		f.giveUp(dropOversize)
	}
}

// counted is for frames that say, or have, their length.
func (f *framer) counted(at time.Time, c byte) {
	if f.lost && len(f.Start) == 0 {
		return // nothing marks the next frame but silence
	}
	f.buf = append(f.buf, c)
	for len(f.buf) > 0 {
		n := min(len(f.buf), len(f.Start))
		if !bytes.Equal(f.buf[:n], f.Start[:n]) {
			f.skip(dropNoise)
			continue
		}
		f.lost, f.noisy = false, f.noisy && n < len(f.Start)
		need, known := f.need()
		if !known {
			return
		}
		if need <= f.Offset+f.Size && f.Type == "length" || need > f.Max {
			f.skip(dropLength)
			continue
		}
		if len(f.buf) < need {
			return
		}
		if !f.emit(at, f.buf[:need]) {
			f.shift()
			continue
		}
		f.buf = append(f.buf[:0], f.buf[need:]...)
		f.first = at
	}
}

// need is how long the frame at the start of the buffer is.
func (f *framer) need() (size int, known bool) {
	if f.Type == "fixed" {
		return f.Bytes, true
	}
	if len(f.buf) < f.Offset+f.Size {
		return 0, false
	}
	field := f.buf[f.Offset : f.Offset+f.Size]
	switch {
	case f.Size == 1:
		size = int(field[0])
	case f.Little:
		size = int(field[0]) | int(field[1])<<8
	default:
		size = int(field[0])<<8 | int(field[1])
	}
	return size + f.Adjust, true
}

// skip counts what is no frame, once for each run of noise, and goes on.
func (f *framer) skip(why drop) {
	if !f.noisy || why != dropNoise {
		f.drops.add(why)
	}
	f.shift()
}

// shift looks for a frame one byte further on or, where frames have no start,
// waits for silence.
func (f *framer) shift() {
	f.noisy = true
	if len(f.Start) == 0 {
		f.buf = f.buf[:0]
		f.lost = true
		return
	}
	f.buf = append(f.buf[:0], f.buf[1:]...)
}
