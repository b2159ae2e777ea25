package serial_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// patience bounds what must happen; nothing is concluded from how long it took.
const patience = 20 * time.Second

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func openPort(t testing.TB, path string) *serial.Port {
	t.Helper()
	p, err := serial.Open(serial.Settings{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// privileged skips a test that shows what a program of root may do to us.
func privileged(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the exclusive mode keeps everybody else out")
	}
}

// unprivileged runs do on a thread that has no capability, which then ends.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Errorf("capset: %v", err)
			return
		}
		do()
	})
	wg.Wait()
}

// cookedPTY is a terminal as the kernel makes it: it echoes and edits lines.
func cookedPTY(t *testing.T) (master *os.File, slave string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) {
		number, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		if err == nil {
			err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		}
		if err != nil {
			t.Errorf("pty: %v", err)
		}
		slave = fmt.Sprintf("/dev/pts/%d", number)
	}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestBytesGoBothWays(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	if err := p.Write(t.Context(), []byte("ask\x00\x03\x11\n\r")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := pty.Master.Read(buf)
	if err != nil || string(buf[:n]) != "ask\x00\x03\x11\n\r" {
		t.Fatalf("got %q, %v, want every byte as it was", buf[:n], err)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if _, err := pty.Master.Write(all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	if _, err := io.ReadFull(reader{soon(t), p}, got); err != nil || string(got) != string(all) {
		t.Errorf("got % x, %v, want all 256 bytes as they were", got, err)
	}
}

func TestCancelledReadReturnsAndTheNextIsNotHarmed(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	buf := make([]byte, 16)
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan result, 1)
		go func() {
			n, err := p.Read(ctx, make([]byte, 16))
			done <- result{n, err}
		}()
		if i%2 == 0 {
			runtime.Gosched()
		}
		cancel()
		if r := outcome(t, "Read", done); !errors.Is(r.err, context.Canceled) {
			t.Fatalf("got %v, want Canceled", r.err)
		}
		// A cancellation that strikes late must not end this one.
		if _, err := pty.Master.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		n, err := p.Read(soon(t), buf)
		if n != 1 || err != nil || buf[0] != byte(i) {
			t.Fatalf("next Read: got % x, %v, want %02x", buf[:n], err, i)
		}
	}
}

func TestCancellationThatComesWithTheBytesHarmsNoLaterRead(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	buf := make([]byte, 1)
	for i := range 3000 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan result, 1)
		go func() {
			n, err := p.Read(ctx, make([]byte, 1))
			done <- result{n, err}
		}()
		go cancel()
		if _, err := pty.Master.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		r := outcome(t, "Read", done)
		if r.err != nil { // then the byte is still there
			if !errors.Is(r.err, context.Canceled) {
				t.Fatalf("round %d: got %v, want Canceled", i, r.err)
			}
			if _, err := p.Read(soon(t), buf); err != nil {
				t.Fatalf("round %d, the byte that was left: %v", i, err)
			}
			continue
		}
		brief, end := context.WithTimeout(t.Context(), 100*time.Microsecond)
		_, err := p.Read(brief, buf)
		end()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("round %d, the Read after: got %v, want its own deadline", i, err)
		}
	}
}

func TestReadOfAnEndedContextTakesNoBytes(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	_, _ = pty.Master.Write([]byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	buf := make([]byte, 4)
	if n, err := p.Read(ctx, buf); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d, %v, want 0, Canceled", n, err)
	}
	if n, err := p.Read(soon(t), buf); n != 1 || err != nil {
		t.Errorf("next: got %d, %v, want the byte", n, err)
	}
}

func TestTwoReadsTakeTurns(t *testing.T) {
	pty := hwtest.NewPTY(t)
	p := openPort(t, pty.Path())
	first := waitingRead(t.Context(), t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.Read(ctx, make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second Read: got %v, want DeadlineExceeded", err)
	}
	if _, err := pty.Master.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if r := outcome(t, "first Read", first); r.n != 1 || r.err != nil {
		t.Errorf("first Read: got %d, %v, want its byte: the deadline of the second was not its own", r.n, r.err)
	}
}

func TestPortLeavesNoDescriptorToChildren(t *testing.T) {
	pty := hwtest.NewPTY(t)
	openPort(t, pty.Path())
	slave, err := os.Readlink(pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for fd := range descriptors(t) {
		if target, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); target != slave {
			continue
		}
		ours++
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d would be inherited: flags %x, %v", fd, flags, err)
		}
	}
	if ours != 2 {
		t.Errorf("got %d descriptors on the line, want 2", ours)
	}
}
