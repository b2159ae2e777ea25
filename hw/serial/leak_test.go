package serial_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	tarm "github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
	"github.com/tilegate/tilegate/hw/serial"
)

// descriptors are those of this process now.
func descriptors(t testing.TB) map[int]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]bool{}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil {
			all[fd] = true
		}
	}
	return all
}

// eventually polls until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestTwoThousandUnplugsLeakNothing(t *testing.T) {
	pty := hwtest.NewPTY(t)
	cycle := func() {
		p, err := serial.Open(serial.Settings{Path: pty.Path()})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := p.Read(t.Context(), make([]byte, 16))
			done <- err
		}()
		if err := pty.Unplug(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil {
			t.Fatal("Read of an unplugged line: got bytes, want ErrGone")
		}
		_ = p.Close()
		if err := pty.Replug(); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	fds, goroutines := len(descriptors(t)), runtime.NumGoroutine()
	for range 2000 {
		cycle()
	}
	eventually(t, fmt.Sprintf("%d descriptors as before", fds), func() bool { return len(descriptors(t)) <= fds })
	eventually(t, fmt.Sprintf("%d goroutines as before", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines })
}

// blockedInRead counts the threads of this process that sit in the system call
// read: those that a waiting port pins.
func blockedInRead(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/syscall")
	if err != nil || len(files) == 0 {
		t.Skip("needs /proc/self/task/*/syscall, which this kernel does not have")
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread ended meanwhile
		}
		if strings.HasPrefix(string(text), strconv.Itoa(unix.SYS_READ)+" ") {
			count++
		}
	}
	return count
}

func TestPitfall13SixteenWaitingPortsPinNoThread(t *testing.T) {
	const ports = 16
	// Control: the same with tarm/serial alone pins one each.
	before := blockedInRead(t)
	for range ports {
		pty := hwtest.NewPTY(t)
		p, err := tarm.OpenPort(&tarm.Config{Name: pty.Path(), Baud: 115200})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = pty.Unplug(); _ = p.Close() }()
		go func() { _, _ = p.Read(make([]byte, 1)) }()
	}
	eventually(t, "control: sixteen threads in read", func() bool { return blockedInRead(t) >= before+ports })
	pinned := blockedInRead(t)

	waiting := goroutinesIn("poll.runtime_pollWait")
	for range ports {
		p := openPort(t, hwtest.NewPTY(t).Path())
		go func() { _, _ = p.Read(t.Context(), make([]byte, 1)) }()
	}
	eventually(t, "sixteen reads in the poller", func() bool { return goroutinesIn("poll.runtime_pollWait") >= waiting+ports })
	if got := blockedInRead(t); got > pinned {
		t.Errorf("got %d threads in read, want %d as before", got, pinned)
	}
}

// goroutinesIn counts the goroutines that are in a function.
func goroutinesIn(function string) int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), function+"(")
}
