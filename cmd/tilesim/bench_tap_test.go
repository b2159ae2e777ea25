package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// The taps that each condition is measured by, at all doors together.
const (
	measuredTaps  = 2048
	contendedTaps = 512 // beside two other writers, where only the bound matters
	measuredDoors = 32
)

// BenchmarkSite measures one gateway with 32 doors on a Kisi of 1,000 users, 60
// groups and 40 locks: its first full sync, and how long members wait at the
// doors, from before the frame is written to the tile's line until the relay
// board switches, the durable record between. Beside the taps the same
// directory takes a raw 4 KiB append and fdatasync every 25 ms.
func BenchmarkSite(b *testing.B) {
	o := newOrganisation(b)
	s := newSite(b, measuredDoors, o.section(), o.doorKey)
	s.must(os.WriteFile(filepath.Join(s.dir, "credentials", "kisi-api-key"), []byte(apiKey+"\n"), 0o600))
	b.Cleanup(func() { s.stop() })

	b.Run("FullSync", func(b *testing.B) { fullSync(b, s, o) })
	for _, c := range []struct {
		name string
		taps int
		busy []func(context.Context) error // run beside the taps
	}{
		{"TapQuiet", measuredTaps, nil},
		{"TapSync", measuredTaps, []func(context.Context) error{
			func(ctx context.Context) error { return keepSyncing(ctx, s, o) }, s.keepScraping, s.follow,
		}},
		{"TapOffline", measuredTaps, []func(context.Context) error{
			func(ctx context.Context) error { return staysOffline(ctx, s, o) },
		}},
		{"TapContended", contendedTaps, []func(context.Context) error{s.writeHard, s.writeHard}},
	} {
		b.Run(c.name, func(b *testing.B) {
			progress("%d taps: %s", c.taps, c.name)
			ctx, done := context.WithCancel(b.Context())
			var beside sync.WaitGroup
			var raw []time.Duration
			for _, run := range append(c.busy, func(ctx context.Context) (err error) { raw, err = s.rawSyncs(ctx); return err }) {
				beside.Go(func() {
					if err := run(ctx); err != nil && ctx.Err() == nil {
						b.Error(err)
					}
				})
			}
			late := s.number("tilegate_journal_late_total")
			waits := s.taps(b.Context(), c.taps, func(door, n int) string { return o.card(door, n) })
			late = s.number("tilegate_journal_late_total") - late
			done()
			beside.Wait()
			reportTaps(b, waits, raw, late)
		})
	}
}

func reportTaps(b *testing.B, waits, raw []time.Duration, late float64) {
	b.Helper()
	slices.Sort(waits)
	slices.Sort(raw)
	if len(raw) == 0 {
		b.Fatal("no raw fdatasync was measured")
	}
	figure(b, float64(len(waits)), "count", "taps")
	figure(b, ms(part(waits, 0.5)), "p50", "ms")
	figure(b, ms(part(waits, 0.99)), "p99", "ms")
	figure(b, ms(part(waits, 0.999)), "p99.9", "ms")
	figure(b, ms(part(waits, 1)), "max", "ms")
	figure(b, late, "recorded_late", "taps")
	figure(b, ms(part(raw, 0.5)), "fdatasync_p50", "ms")
	figure(b, ms(part(raw, 0.99)), "fdatasync_p99", "ms")
	figure(b, ms(part(raw, 1)), "fdatasync_max", "ms")
	figure(b, float64(part(waits, 0.5))/float64(part(raw, 0.5)), "p50_to_fdatasync", "ratio")
	figure(b, float64(part(waits, 0.99))/float64(part(raw, 0.99)), "p99_to_fdatasync", "ratio")
}

// rawSyncs appends 4 KiB and syncs, again and again, until ctx ends.
func (s *site) rawSyncs(ctx context.Context) (all []time.Duration, err error) {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	err = s.appendBlocks(ctx, 4<<10, func(took time.Duration) {
		all = append(all, took)
		<-tick.C
	})
	return all, err
}

// writeHard is a neighbour that appends 256 KiB and syncs without a pause.
func (s *site) writeHard(ctx context.Context) error {
	return s.appendBlocks(ctx, 256<<10, func(time.Duration) {})
}

// appendBlocks appends to a file beside the journal, which begins anew at 64 MiB.
func (s *site) appendBlocks(ctx context.Context, size int, each func(took time.Duration)) error {
	f, err := os.CreateTemp(filepath.Join(s.dir, "state"), "raw-")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, size)
	for written := 0; ctx.Err() == nil; {
		if written += size; written > 64<<20 {
			if err := errors.Join(f.Truncate(0), rewind(f)); err != nil {
				return err
			}
			written = size
		}
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
		each(time.Since(start))
	}
	return nil
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// keepSyncing has the gateway fetch everything again and again, with a few
// rights that changed each time, so that each sync also writes and swaps.
func keepSyncing(ctx context.Context, s *site, o *organisation) error {
	for ctx.Err() == nil {
		o.change()
		got, err := s.daemon.act.SyncNow(ctx, "kisi")
		if err != nil {
			return err
		}
		if got[0].Result != "ok" || got[0].Changed == 0 {
			return fmt.Errorf("a sync ended %q with %d rows changed", got[0].Result, got[0].Changed)
		}
	}
	return nil
}

// staysOffline cuts Kisi off while somebody asks for a sync again and again.
func staysOffline(ctx context.Context, s *site, o *organisation) error {
	o.kisi.Faults().Cut()
	defer o.kisi.Faults().Clear()
	for ctx.Err() == nil {
		if _, err := s.daemon.act.SyncNow(ctx, "kisi"); err == nil {
			return errors.New("a sync went through although Kisi is cut off")
		}
	}
	return nil
}

// keepScraping reads the metrics ten times a second.
func (s *site) keepScraping(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := s.scrape(ctx); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// follow reads events as they happen, as staff do.
func (s *site) follow(ctx context.Context) error {
	return s.daemon.view.Follow(ctx, control.EventQuery{}, func(access.Event) error { return nil })
}

func (s *site) scrape(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.page+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("metrics: %s", response.Status)
	}
	return string(text), err
}

// number is one series of the metrics.
func (s *site) number(series string) float64 {
	s.tb.Helper()
	text, err := s.scrape(context.Background())
	s.must(err)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), series+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			s.must(err)
			return n
		}
	}
	s.tb.Fatalf("the metrics have no %s", series)
	return 0
}

// Windows are added and taken away between two syncs.
const changesPerSync = 50

// organisation is a fake Kisi of 1,000 users with a card each, in 60 groups of
// ten locks each. User u may open lock n when both have the same rest by four.
type organisation struct {
	kisi          *cloudtest.Kisi
	url           string
	place         int
	groups, locks []int
	users         []int
	extra         []int // role assignments that come and go

	mu       sync.Mutex // guards requests and first
	requests int
	first    time.Time
}

func newOrganisation(b *testing.B) *organisation {
	b.Helper()
	k := cloudtest.NewKisi(cloudtest.Options{Organisation: "Cowork", Zone: "Europe/Rome"})
	o := &organisation{kisi: k, place: k.AddPlace("HQ", "Europe/Rome")}
	k.AddKey(k.Owner(), apiKey)
	for n := range 40 {
		o.locks = append(o.locks, k.AddLock(o.place, fmt.Sprintf("Door %d", n)))
	}
	for n := range 60 {
		o.groups = append(o.groups, k.AddGroup(o.place, fmt.Sprintf("Group %d", n)))
		for j := range 10 {
			k.PutInGroup(o.groups[n], o.locks[(n+4*j)%40])
		}
	}
	for u := range 1000 {
		user := k.AddUser(fmt.Sprintf("Member %d", u), fmt.Sprintf("m%d@example.com", u))
		o.users = append(o.users, user)
		k.AssignCard(k.AddCard(cloudtest.CardUID, uidOf(u)), cloudtest.ToUser(user), true)
		k.Assign(cloudtest.ToUser(user), o.groups[u%60], cloudtest.Window{})
	}
	url, stop, err := cloudtest.Serve(b.Context(), k, "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	o.url = url
	k.Faults().OnRequest(func(*http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.requests++; o.requests == 1 {
			o.first = time.Now()
		}
	})
	return o
}

// uidOf is a card of seven bytes; no two are each other's reverse.
func uidOf(n int) string { return fmt.Sprintf("04%010X80", n) }

func (o *organisation) section() string {
	return fmt.Sprintf("[kisi]\napi_key_file = \"kisi-api-key\"\nbase_url = %q\nevery = \"24h\"\n", o.url)
}

func (o *organisation) doorKey(n int) string { return fmt.Sprintf("kisi_lock = %d", o.locks[n]) }

// card is the card of one of the 250 who may open a door, each in turn.
func (o *organisation) card(door, n int) string { return uidOf(door%4 + n*4%1000) }

// change takes away the extra rights of before and gives others new ones.
func (o *organisation) change() {
	for _, id := range o.extra {
		o.kisi.RemoveAssignment(id)
	}
	o.extra = o.extra[:0]
	for range changesPerSync {
		n := time.Now().Nanosecond() % 1000
		until := o.kisi.Now().Add(time.Hour)
		o.extra = append(o.extra, o.kisi.Assign(cloudtest.ToUser(o.users[n]), o.groups[(n+1)%60], cloudtest.Window{Until: until}))
	}
}

// fullSync starts the gateway with nothing and waits until it decides by all
// that Kisi has.
func fullSync(b *testing.B, s *site, o *organisation) {
	progress("full sync of %d users, %d groups, %d locks", len(o.users), len(o.groups), len(o.locks))
	s.start()
	s.ready(2 * len(o.users)) // each card is known in two forms
	o.mu.Lock()
	took, requests := time.Since(o.first), o.requests
	o.mu.Unlock()
	const budget = 4 // requests a second, design §5
	figure(b, float64(requests), "count", "requests")
	figure(b, took.Seconds(), "time", "s")
	figure(b, took.Seconds()/(float64(requests)/budget), "to_budget", "ratio")
}
