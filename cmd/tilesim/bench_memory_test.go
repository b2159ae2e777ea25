package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// BenchmarkMemory measures what a gateway needs that has its rights from a file,
// with the memory limit of the shipped unit: after the first reading; then while
// the file is replaced with a hundred people changed, with one in ten and with
// everybody, and what members at four doors wait meanwhile. Resident is VmRSS of
// the process, with the program itself, once it has come to rest; the peak is
// VmHWM, of the first reading from the start on, and of a replacement from its
// beginning on, as a ratio to resident before it.
func BenchmarkMemory(b *testing.B) {
	for _, scale := range []struct {
		name string
		size rosterSize
	}{
		{"100k", rosterSize{people: 100_000, doors: 40, groups: 60, doorsEach: 10, groupsEach: 1}},
		{"500k", rosterSize{people: 500_000, doors: 40, groups: 60, doorsEach: 10, groupsEach: 1}},
		{"500k_2m", rosterSize{people: 500_000, doors: 2000, groups: 2000, doorsEach: 20, groupsEach: 4}},
	} {
		b.Run(scale.name, func(b *testing.B) {
			roster := filepath.Join(b.TempDir(), "roster.json")
			s, resident := fileSite(b, roster, scale.size)
			defer s.stop()
			measureReplacing(b, s, roster, scale.size, resident)
		})
	}
}

// rosterSize is how much is in a roster file.
type rosterSize struct {
	people, doors, groups int
	doorsEach             int // of a group
	groupsEach            int // of a person: as many grants
}

// fileSite starts a gateway on a roster file and measures it at rest.
func fileSite(b *testing.B, roster string, size rosterSize) (*site, uint64) {
	b.Helper()
	s := newSite(b, 4, fmt.Sprintf("[file]\npath = %q\nevery = \"24h\"\n", roster), func(int) string { return "" })
	progress("%d people from a file", size.people)
	writeRoster(b, roster, size, 0)
	begun := time.Now()
	s.start()
	s.reads(size.people)
	figure(b, time.Since(begun).Seconds(), "first_reading", "s")
	figure(b, mib(s.memory("VmHWM")), "peak_first_reading", "MiB")
	resident := s.settled()
	figure(b, mib(resident), "resident", "MiB")
	return s, resident
}

// reads waits until all people are there: at most five minutes.
func (s *site) reads(people int) {
	s.tb.Helper()
	for range 1500 {
		status, err := s.daemon.view.Status(s.tb.Context())
		if err == nil && status.Counts.Credentials >= people && allUp(status) {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.tb.Fatal("the roster was not read within five minutes")
}

func measureReplacing(b *testing.B, s *site, roster string, size rosterSize, resident uint64) {
	b.Helper()
	var waits []time.Duration
	for _, c := range []struct {
		what   string
		change int // people whose name, card and group change
	}{{"hundred", 100}, {"tenth", size.people / 10}, {"all", size.people}} {
		progress("%d of %d people change", c.change, size.people)
		writeRoster(b, roster, size, c.change)
		s.must(os.WriteFile(s.proc("clear_refs"), []byte("5"), 0)) // VmHWM begins anew
		ctx, done := context.WithCancel(b.Context())
		members := make(chan []time.Duration, 1)
		go func() { members <- s.taps(ctx, 1<<20, func(door, _ int) string { return staffCard(door) }) }()
		begun := time.Now()
		got, err := s.daemon.act.SyncNow(b.Context(), "file")
		took := time.Since(begun)
		done()
		waits = append(waits, <-members...)
		s.must(err)
		if got[0].Changed < c.change {
			b.Fatalf("%d rows changed, want %d at least", got[0].Changed, c.change)
		}
		peak := s.memory("VmHWM")
		figure(b, took.Seconds(), "replace_"+c.what, "s")
		figure(b, mib(peak), "peak_"+c.what, "MiB")
		figure(b, float64(peak)/float64(resident), "peak_"+c.what+"_to_resident", "ratio")
		resident = s.settled()
		figure(b, mib(resident), "resident_after_"+c.what, "MiB")
	}
	slices.Sort(waits)
	figure(b, float64(len(waits)), "replace_tap_count", "taps")
	figure(b, ms(part(waits, 0.5)), "replace_tap_p50", "ms")
	figure(b, ms(part(waits, 1)), "replace_tap_max", "ms")
}

// staffCard is a card of somebody whom no replacement touches.
func staffCard(door int) string { return fmt.Sprintf("04FFFFFFFF%02X80", door) }

// writeRoster writes a file whose first people are of another version: their
// card, name and groups differ.
func writeRoster(b *testing.B, path string, size rosterSize, changed int) {
	b.Helper()
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	line(`{"places": [{"id": "hq", "name": "HQ", "time_zone": "Europe/Rome"}],` + "\n" + `"doors": [`)
	for n := range size.doors {
		line(`%s{"id": "door-%d", "place": "hq"}`, comma(n), n)
	}
	line("],\n\"groups\": [")
	for n := range size.groups {
		line(`%s{"id": "group-%d", "doors": [`, comma(n), n)
		for j := range size.doorsEach {
			line(`%s"door-%d"`, comma(j), (n+4*j)%size.doors)
		}
		line("]}")
	}
	line("],\n\"people\": [\n")
	for n := range size.people {
		v := 0
		if n < changed {
			v = 1
		}
		line(`%s{"id": "person-%d", "name": "Member %d of %d", "qr": ["CODE-%d-%d"], "groups": [`, comma(n), n, n, v, v, n)
		for g := range size.groupsEach {
			line(`%s"group-%d"`, comma(g), (n+v+g*7)%size.groups)
		}
		line("]}\n")
	}
	for door := range 4 {
		line(`,{"id": "staff-%d", "name": "Staff", "cards": ["%s"], "groups": ["group-%d"]}`+"\n", door, staffCard(door), door)
	}
	line("]}\n")
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		b.Fatal(err)
	}
}

func comma(n int) string {
	if n == 0 {
		return ""
	}
	return ","
}

func (s *site) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", s.daemon.cmd.Process.Pid, name)
}

// memory is one line of the daemon's /proc/PID/status, in bytes.
func (s *site) memory(name string) uint64 {
	s.tb.Helper()
	text, err := os.ReadFile(s.proc("status"))
	s.must(err)
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) == 3 && string(words[0]) == name+":" {
			n, err := strconv.ParseUint(string(words[1]), 10, 64)
			s.must(err)
			return n << 10
		}
	}
	s.tb.Fatalf("the kernel does not tell %s", name)
	return 0
}

// settled waits until the daemon has given back what it does not need, at
// most 30 s, and returns what is resident.
func (s *site) settled() uint64 {
	s.tb.Helper()
	last, quiet := s.memory("VmRSS"), 0
	for range 30 {
		time.Sleep(time.Second)
		now := s.memory("VmRSS")
		if quiet++; max(now, last)-min(now, last) > last/100 {
			quiet = 0
		}
		if last = now; quiet == 7 {
			break
		}
	}
	return last
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }
