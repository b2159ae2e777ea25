package hwtest_test

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
)

const patience = 20 * time.Second

// host opens the host's end as a program without any care would.
func host(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return f
}

// heard collects what the device hears until its Read fails.
func heard(pty *hwtest.PTY) (<-chan string, <-chan error) {
	bytes, end := make(chan string, 64), make(chan error, 1)
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := pty.Master.Read(buf)
			if err != nil {
				end <- err
				return
			}
			bytes <- string(buf[:n])
		}
	}()
	return bytes, end
}

func want(t *testing.T, bytes <-chan string, want string) {
	t.Helper()
	select {
	case got := <-bytes:
		if got != want {
			t.Errorf("the device heard %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("the device never heard %q", want)
	}
}

func TestUnplugHangsUpThoughTheDeviceWaitsInRead(t *testing.T) {
	pty := hwtest.NewPTY(t)
	heard(pty)
	f := host(t, pty.Path())
	done := make(chan error, 1)
	go func() {
		_, err := f.Read(make([]byte, 1))
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a hang-up", err)
		}
	case <-time.After(patience):
		t.Fatal("the host was not hung up")
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, unix.EIO) {
		t.Errorf("write after the unplug: got %v, want EIO", err)
	}
	if _, err := os.Lstat(pty.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the name: got %v, want it gone", err)
	}
	if err := pty.Unplug(); err != nil {
		t.Errorf("second Unplug: %v", err)
	}
}

func TestDeviceLivesThroughReplugAndReopen(t *testing.T) {
	pty := hwtest.NewPTY(t)
	bytes, end := heard(pty)
	say := func(words string) {
		t.Helper()
		f := host(t, pty.Path())
		if _, err := f.WriteString(words); err != nil {
			t.Fatal(err)
		}
		want(t, bytes, words)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	say("first")
	say("opened again")
	for range 3 {
		if err := pty.Replug(); err != nil {
			t.Fatal(err)
		}
		say("plugged in again")
	}
	if err := errors.Join(pty.Close(), pty.Close()); err != nil {
		t.Error(err)
	}
	select {
	case err := <-end:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v, want os.ErrClosed", err)
		}
	case <-time.After(patience):
		t.Fatal("Read outlived Close")
	}
	if err := pty.Replug(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Replug after Close: got %v, want os.ErrClosed", err)
	}
	if _, err := pty.Master.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: got %v, want os.ErrClosed", err)
	}
}

func TestWhatNobodyHearsIsLost(t *testing.T) {
	pty := hwtest.NewPTY(t)
	if n, err := pty.Master.Write([]byte("to nobody")); n != 9 || err != nil {
		t.Errorf("nobody has it open: got %d, %v, want 9", n, err)
	}
	f := host(t, pty.Path())
	if _, err := pty.Master.Write([]byte("heard")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := f.Read(buf)
	if got := string(buf[:n]); got != "heard" || err != nil {
		t.Errorf("got %q, %v, want only what was said while it was open", got, err)
	}
	// A host that never reads does not hold the device for ever.
	if n, err := pty.Master.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
		t.Errorf("nobody reads: got %d, %v, want all of it lost", n, err)
	}
	if err := pty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if n, err := pty.Master.Write([]byte("unplugged")); n != 9 || err != nil {
		t.Errorf("unplugged: got %d, %v, want 9", n, err)
	}
}

func TestKilledOwnerLeavesTheLineOpenToTheNext(t *testing.T) {
	pty := hwtest.NewPTY(t)
	bytes, _ := heard(pty)
	f := host(t, pty.Path())
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) { err = unix.IoctlSetInt(int(fd), unix.TIOCEXCL, 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	_ = f.Close() // as the kernel does for a process that was killed
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // without capabilities, and so never unlocked
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Errorf("capset: %v", err)
			return
		}
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			f, err := os.OpenFile(pty.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
			if err == nil {
				_, err = f.WriteString("the next")
				_ = f.Close()
				if err == nil {
					return
				}
			}
			if time.Now().After(end) {
				t.Errorf("got %v, want it open", err)
				return
			}
		}
	})
	wg.Wait()
	want(t, bytes, "the next")
}

func TestReadingAnOpenLineOfNobodyDoesNotSpin(t *testing.T) {
	pty := hwtest.NewPTY(t)
	heard(pty)
	_ = host(t, pty.Path()).Close()
	time.Sleep(50 * time.Millisecond)
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	// A loop over open, close and the wake-up of its own would switch tens
	// of thousands of times.
	if got := after.Nvcsw - before.Nvcsw; got > 2000 {
		t.Errorf("got %d context switches in 300 ms of silence", got)
	}
}
