package main

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// fakeSystemd hears what a service says of itself, as sd_notify(3) has it.
type fakeSystemd struct {
	t    *testing.T
	path string

	mu   sync.Mutex
	said []string // datagrams not yet looked at
}

func newFakeSystemd(t *testing.T, dir string) *fakeSystemd {
	t.Helper()
	s := &fakeSystemd{t: t, path: filepath.Join(dir, "notify.sock")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var listening sync.WaitGroup
	t.Cleanup(func() { _ = conn.Close(); listening.Wait() })
	listening.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.said = append(s.said, string(buf[:n]))
			s.mu.Unlock()
		}
	})
	return s
}

func (s *fakeSystemd) environment() []string { return []string{"NOTIFY_SOCKET=" + s.path} }

// expect waits for a datagram with a line that begins so and returns its
// fields. What was said before it is forgotten.
func (s *fakeSystemd) expect(line string) map[string]string {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		for i, datagram := range s.said {
			if strings.HasPrefix("\n"+datagram, "\n"+line) || strings.Contains(datagram, "\n"+line) {
				s.said = s.said[i+1:]
				s.mu.Unlock()
				return fields(datagram)
			}
		}
		said := strings.Join(s.said, " | ")
		s.mu.Unlock()
		if time.Now().After(end) {
			s.t.Fatalf("systemd did not hear %q; it heard: %s", line, said)
		}
	}
}

func fields(datagram string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(datagram) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[key] = value
	}
	return all
}

func monotonic(t *testing.T) uint64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return uint64(now.Nano() / 1000)
}

// TestSystemdIsToldTheTruth: READY when a tap would be decided and not before,
// a line for people, the watchdog while all is well, and both ways of a reload.
func TestSystemdIsToldTheTruth(t *testing.T) {
	d := newDay(t)
	d.begin() // for the rights
	d.stop()
	d.kisi.Faults().Cut()

	systemd := newFakeSystemd(t, d.dir)
	d.launch(append(systemd.environment(), "WATCHDOG_USEC=2000000")...)
	ready := systemd.expect("READY=1")
	answer, err := d.daemon.act.Simulate(t.Context(), control.Question{Door: "front", Card: cardAnn})
	if err != nil || answer.Silent != "" || answer.Reason != access.Granted {
		t.Errorf("the first tap at READY: got %v (%v%s), want granted, without a cloud", answer.Reason, err, answer.Silent)
	}
	if got := ready["STATUS"]; !strings.HasPrefix(got, "2 doors, rights ") {
		t.Errorf("STATUS at READY: got %q", got)
	}
	for range 3 {
		systemd.expect("WATCHDOG=1")
	}

	before := monotonic(t)
	if _, err := d.daemon.act.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	reloading := systemd.expect("RELOADING=1")
	at, err := strconv.ParseUint(reloading["MONOTONIC_USEC"], 10, 64)
	if err != nil || at < before || at > monotonic(t) {
		t.Errorf("MONOTONIC_USEC: got %q, want the time of the reload, after %d", reloading["MONOTONIC_USEC"], before)
	}
	systemd.expect("READY=1")

	d.edit(`hold = "3s"`, `hold = "3 s"`)
	if err := d.daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	systemd.expect("RELOADING=1")
	if got := systemd.expect("READY=1")["STATUS"]; !strings.Contains(got, "New settings were refused") {
		t.Errorf("STATUS after a refused reload: got %q", got)
	}

	d.stop()
	systemd.expect("STOPPING=1")
}
