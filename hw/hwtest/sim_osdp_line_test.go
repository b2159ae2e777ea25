package hwtest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOSDPReadersShareALineByAddress(t *testing.T) {
	first, second := NewOSDPReader(0), NewOSDPReader(5)
	onLine(t, func(p *panel) {
		p.secured(0, 0, OSDPDefaultKey())
		one := p.session
		p.secured(5, 0, OSDPDefaultKey())
		first.PowerCycle() // and the other's session stands
		p.secret(5, 2, 0x40, 0x60)
		p.session = one
		if code, _ := p.reply(p.ask(p.sealed(0, 2, 0x60))); code != 0x41 {
			t.Errorf("after its power cycle: got %02X, want NAK", code)
		}
		if heard := p.ask(OSDPCommand(3, 0, 0x60)); len(heard) > 0 {
			t.Errorf("an address where nobody is: got %s", spell(heard))
		}
		if got := bytes.TrimLeft(p.ask(OSDPCommand(0x7F, 0, 0x61, 0)), "\xFF"); len(got) == 0 || osdpParse(got).right {
			t.Errorf("two answer at 7F: got %s, want it spoilt", spell(got))
		}
		p.line.Remove(first)
		if f := osdpParse(bytes.TrimLeft(p.ask(OSDPCommand(0x7F, 0, 0x61, 0)), "\xFF")); !f.right || f.address != 0xFF {
			t.Errorf("one answers at 7F: got %s", spell(f.raw))
		}
	}, first, second)
}

func TestOSDPLineFaults(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		ack := append([]byte{0xFF}, unspell(t, "53 80 08 00 04 40 59 AC")...)
		poll := OSDPCommand(0, 0, 0x60)
		p.line.Echo(true)
		if got, want := p.ask(poll), append(append([]byte{0xFF}, poll...), ack...); !bytes.Equal(got, want) {
			t.Errorf("echo: got %s, want %s", spell(got), spell(want))
		}
		p.line.Echo(false)
		var said []OSDPHeard
		var mu sync.Mutex
		p.line.Watch(func(h OSDPHeard) { mu.Lock(); defer mu.Unlock(); said = append(said, h) })
		p.line.Stammer(true)
		if got := p.ask(poll); !bytes.Equal(got, ack) {
			t.Errorf("stammering: got %s, want %s", spell(got), spell(ack))
		}
		p.line.Stammer(false)
		mu.Lock()
		if len(said) != 2 || !said[0].FromPanel || !bytes.Equal(said[0].Bytes, poll) || !bytes.Equal(said[1].Bytes, ack) {
			t.Errorf("watched: got %+v", said)
		}
		mu.Unlock()
		p.line.Batch(16 * time.Millisecond)
		time.Sleep(5*time.Millisecond + time.Until(time.Now().Truncate(16*time.Millisecond).Add(16*time.Millisecond)))
		began := time.Now()
		if _, err := p.conn.Write(poll); err != nil {
			t.Fatal(err)
		}
		_ = p.conn.SetReadDeadline(began.Add(time.Second))
		if n, err := io.ReadFull(p.conn, make([]byte, len(ack))); n != len(ack) || time.Since(began) != 11*time.Millisecond {
			t.Errorf("batched: got %d bytes after %s, %v, want the whole after 11 ms", n, time.Since(began), err)
		}
		p.line.Batch(0)
		p.line.SecondPanel(OSDPCommand(0, 0, 0x64))
		want := append(append([]byte{0xFF}, OSDPCommand(0, 0, 0x64)...), unspell(t, "FF 53 80 0A 00 04 48 00 00")...)
		if got := p.listen(100 * time.Millisecond); !bytes.HasPrefix(got, want) {
			t.Errorf("second panel: got %s, want %s …", spell(got), spell(want))
		}
	}, r)
	onLine(t, func(p *panel) {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		var babbling sync.WaitGroup
		babbling.Go(func() { p.line.Babble(ctx, 9600, 1) })
		if n := len(p.listen(1100 * time.Millisecond)); n < 700 || n > 1000 {
			t.Errorf("noise at 9600: got %d bytes in a second", n)
		}
		babbling.Wait()
	}, NewOSDPReader(0))
}

func TestOSDPReaderMovesByCOMSET(t *testing.T) {
	r := NewOSDPReader(0)
	onLine(t, func(p *panel) {
		p.wants("COMSET", spell(OSDPCommand(0, 0, 0x6E, 9, 0, 0xC2, 1, 0)), "53 80 0D 00 04 54 09 00 C2 01 00 "+
			spell(osdpCheck(osdpWithCRC, unspell(t, "53 80 0D 00 04 54 09 00 C2 01 00"))))
		if address, baud := r.Set(); address != 9 || baud != 115200 || p.line.Reader(9) != r {
			t.Errorf("got address %d at %d baud, want 9 at 115200", address, baud)
		}
		if heard := p.ask(OSDPCommand(0, 0, 0x60)); len(heard) > 0 {
			t.Errorf("at the old address: got %s", spell(heard))
		}
		if code, _ := p.command(9, 0, 0x60); code != 0x40 {
			t.Errorf("at the new address: got %02X, want ACK", code)
		}
	}, r)
}

// speak sets the speed of the host's end, as a driver would.
func speak(t *testing.T, fd int, baud uint32) {
	t.Helper()
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	settings.Cflag = settings.Cflag&^unix.CBAUD | baud
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, settings); err != nil {
		t.Fatal(err)
	}
}

// hostEnd is a line on a PTY with readers, and the host's end of it.
func hostEnd(t *testing.T, line func(io.ReadWriter) *OSDPLine) (ask func(frame []byte, within time.Duration) []byte, speed func(uint32)) {
	t.Helper()
	pty := NewPTY(t)
	ctx, off := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = line(pty.Master).Run(ctx) })
	t.Cleanup(func() { off(); running.Wait() })
	fd, err := unix.Open(pty.Path(), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	ask = func(frame []byte, within time.Duration) []byte {
		if _, err := unix.Write(fd, frame); err != nil {
			t.Fatal(err)
		}
		wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, _ := unix.Poll(wait, int(within.Milliseconds())); n == 0 {
			return nil
		}
		buf := make([]byte, 256)
		n, err := unix.Read(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	return ask, func(baud uint32) { speak(t, fd, baud) }
}

func TestOSDPReaderHearsOnlyItsSpeed(t *testing.T) {
	r := NewOSDPReader(0)
	ask, speed := hostEnd(t, func(master io.ReadWriter) *OSDPLine { return NewOSDPLine(master, r) })
	poll := OSDPCommand(0, 0, 0x60)
	speed(unix.B115200)
	if heard := ask(poll, 100*time.Millisecond); heard != nil || r.Seen().OtherSpeed != 1 {
		t.Errorf("at 115200: got %s, %d at another speed, want nothing and 1", spell(heard), r.Seen().OtherSpeed)
	}
	speed(unix.B9600)
	if heard := ask(poll, patience); heard == nil {
		t.Error("at 9600: got nothing")
	}
	ask(OSDPCommand(0, 0, 0x6E, 0, 0, 0xC2, 1, 0), patience)
	speed(unix.B115200)
	if heard := ask(poll, patience); heard == nil {
		t.Error("at 115200 after COMSET: got nothing")
	}
}

func TestOSDPPacedLineTakesTheTimeOfTheWire(t *testing.T) {
	for _, tt := range []struct {
		baud  int
		speed uint32
		want  time.Duration // of POLL and ACK: 9 bytes, two of silence, 9 bytes
	}{
		{9600, unix.B9600, 20833 * time.Microsecond},
		{115200, unix.B115200, 1736 * time.Microsecond},
	} {
		r := NewOSDPReader(0)
		r.Baud = tt.baud
		ask, speed := hostEnd(t, func(master io.ReadWriter) *OSDPLine {
			l := NewOSDPLine(master, r)
			l.Paced = true
			return l
		})
		speed(tt.speed)
		poll := append([]byte{osdpMark}, OSDPCommand(0, 0, 0x60)...)
		best := time.Hour
		for range 20 {
			began := time.Now()
			if heard := ask(poll, patience); len(heard) != 9 {
				t.Fatalf("%d: got %s", tt.baud, spell(heard))
			}
			if took := time.Since(began); took < tt.want-50*time.Microsecond {
				t.Fatalf("%d: a poll took %s, faster than the wire's %s", tt.baud, took, tt.want)
			} else if best = min(best, took); best < tt.want+500*time.Microsecond {
				break
			}
		}
		if best > tt.want+5*time.Millisecond { // a busy machine is slower, but not always
			t.Errorf("%d: the best of 20 polls took %s, want about %s", tt.baud, best, tt.want)
		}
		t.Logf("%d: %s for %s", tt.baud, best, tt.want)
	}
}
