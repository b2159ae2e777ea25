package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/daemon/access"
)

// BenchmarkAppendDurable is one tap after another: from Append to the receipt.
// Between the taps the same disk takes a raw write and fdatasync of a
// preallocated file, which is the least that durability costs.
func BenchmarkAppendDurable(b *testing.B) {
	dir := b.TempDir()
	j := openJournal(b, filepath.Join(dir, "journal.db"))
	runJournal(b, j)
	raw, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	block := make([]byte, 512)
	const slots = 8192
	if _, err := raw.WriteAt(make([]byte, slots*len(block)), 0); err != nil {
		b.Fatal(err)
	}
	if err := raw.Sync(); err != nil {
		b.Fatal(err)
	}
	e := tap("")
	e.Reader, e.Holder, e.Grant = "front-tile", "kisi:user:1804", "kisi:assignment:77"
	e.Credential = access.Credential{Kind: access.Card, Digest: access.Digest{1}, Assurance: access.LowAssured}
	e.RosterHash = fmt.Sprintf("%064d", 1)
	var durable, synced []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if _, err := raw.WriteAt(block, int64(i%slots*len(block))); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(raw.Fd())); err != nil {
			b.Fatal(err)
		}
		synced = append(synced, time.Since(start))
		e.ID = fmt.Sprintf("%032x", i)
		start = time.Now()
		r := j.Append(e)
		if <-r.Done(); r.Err() != nil {
			b.Fatal(r.Err())
		}
		durable = append(durable, time.Since(start))
	}
	slices.Sort(durable)
	slices.Sort(synced)
	at := func(all []time.Duration, part float64) float64 {
		return float64(all[int(part*float64(len(all)-1))]) / float64(time.Microsecond)
	}
	b.ReportMetric(0, "ns/op") // the raw write is in it
	b.ReportMetric(at(durable, 0.5), "p50-us")
	b.ReportMetric(at(durable, 0.99), "p99-us")
	b.ReportMetric(at(synced, 0.5), "fdatasync_p50-us")
	b.ReportMetric(at(durable, 0.5)/at(synced, 0.5), "p50_to_fdatasync-ratio")
}

// BenchmarkAppendBurst is what eight doors at once cost an event.
func BenchmarkAppendBurst(b *testing.B) {
	j := openJournal(b, journalPath(b))
	runJournal(b, j)
	b.SetParallelism(4) // of GOMAXPROCS
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r := j.Append(tap("burst"))
			if <-r.Done(); r.Err() != nil {
				b.Error(r.Err())
			}
		}
	})
	s := j.Stats()
	b.ReportMetric(float64(s.Count)/float64(max(s.Commits, 1)), "events_per_commit-events")
}

// BenchmarkOpenJournal300k is on the way from exec to the first decision.
func BenchmarkOpenJournal300k(b *testing.B) {
	path := journalPath(b)
	j, err := OpenJournal(path, JournalOptions{})
	if err != nil {
		b.Fatal(err)
	}
	events := make([]access.Event, 10_000)
	for n := range 30 {
		for i := range events {
			events[i] = tap(fmt.Sprintf("%032x", n*len(events)+i))
			events[i].Holder, events[i].Grant, events[i].RosterHash = "kisi:user:1804", "kisi:assignment:77", fmt.Sprintf("%064d", 1)
		}
		if err := j.f.insert(uint64(n*len(events)+1), entries(events...)); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		j, err := OpenJournal(path, JournalOptions{})
		if err != nil || j.Stats().Count != 300_000 {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	inMilliseconds(b)
}

func BenchmarkLoad100k(b *testing.B) {
	c := openCache(b, cachePath(b))
	install(b, c, "kisi", big(100_000), noon)
	for b.Loop() {
		if n := loaded(b, c).Snapshot.Counts(); n.Grants != 100_000 || n.Credentials != 100_000 {
			b.Fatal(n)
		}
	}
	inMilliseconds(b)
}

func inMilliseconds(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/1e6, "ms")
}

func BenchmarkInstall100k(b *testing.B) {
	roster := big(100_000)
	for b.Loop() {
		c := openCache(b, cachePath(b))
		install(b, c, "kisi", roster, noon)
	}
	inMilliseconds(b)
}

// BenchmarkInstallSame100k is a full sync that brings nothing new.
func BenchmarkInstallSame100k(b *testing.B) {
	roster := big(100_000)
	c := openCache(b, cachePath(b))
	install(b, c, "kisi", roster, noon)
	for b.Loop() {
		if _, changed := install(b, c, "kisi", roster, noon); changed != 0 {
			b.Fatal(changed)
		}
	}
	inMilliseconds(b)
}
