package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// wildClock is a clock of the machine that is moved while a gateway runs by it.
type wildClock struct {
	start  time.Time
	passed atomic.Int64 // of time, more than did
	jumped atomic.Int64 // of the wall
	synced atomic.Bool
}

func (c *wildClock) clock() Clock {
	c.start = time.Now()
	mono := func() time.Duration { return time.Since(c.start) + time.Duration(c.passed.Load()) }
	return Clock{
		Mono: mono, Synced: c.synced.Load,
		Wall: func() time.Time { return c.start.Round(0).Add(mono() + time.Duration(c.jumped.Load())) },
	}
}

func (c *wildClock) pass(d time.Duration) { c.passed.Add(int64(d)) }
func (c *wildClock) jump(d time.Duration) { c.jumped.Add(int64(d)) }

// lastSystem is the newest line about the gateway itself that begins so.
func (h *house) lastSystem(begins string) (found access.Event) {
	h.t.Helper()
	events, err := h.journal.Events(h.t.Context(), store.EventQuery{Kind: access.SystemEvent.String()})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.Detail, begins) {
			found = e
		}
	}
	return found
}

func TestAJumpIsWrittenDownShownAndTold(t *testing.T) { // F-17, X9
	c := &wildClock{}
	c.synced.Store(true)
	h := newHouseBy(t, c.clock())
	c.synced.Store(false)
	before := h.clock.moment().at
	c.jump(10 * year)
	h.until("the jump is written down", func() bool { return h.lastSystem("clock_jump +87600h0m0s: from ").ID != "" })
	e := h.lastSystem("clock_jump")
	if !strings.HasSuffix(e.Detail, "; jumped, was free-running") && !strings.HasSuffix(e.Detail, "; jumped, was synced") {
		t.Errorf("the line says %q", e.Detail)
	}
	if e.Clock != access.ClockJumped || e.At.Sub(before) > time.Minute {
		t.Errorf("the line is of %v by a clock that is %v; want of now, jumped", e.At, e.Clock)
	}
	c.pass(31 * time.Second)
	h.until("people are told", func() bool { return h.troubles.declared(troubleClock, "") })
	series := h.series()
	if series["tilegate_clock_trusted{}"] != 0 || series["tilegate_clock_state{state=jumped}"] != 1 || series["tilegate_clock_state{state=synced}"] != 0 {
		t.Errorf("the page says trusted %v, jumped %v, synced %v", series["tilegate_clock_trusted{}"],
			series["tilegate_clock_state{state=jumped}"], series["tilegate_clock_state{state=synced}"])
	}
	status, err := h.Status(t.Context())
	if err != nil || !strings.HasPrefix(status.ClockWhy, "it jumped to ") || status.Now.Sub(before) > time.Minute {
		t.Errorf("the status says %q at %v (%v)", status.ClockWhy, status.Now, err)
	}
	read := cardRead("04a2b3c4d5e680")
	if got, err := h.doors.find("front").ask(t.Context(), ask{actor: "test", read: &read}); err != nil || !got.decision.Granted() {
		t.Errorf("Ann, whose right has no end: got %v (%v), want granted", got.decision.Reason, err)
	}
	c.jump(-10 * year)
	c.synced.Store(true)
	h.until("it is over", func() bool { return !h.troubles.declared(troubleClock, "") && h.lastSystem("clock_jump -").ID != "" })
	if e := h.lastSystem("clock_jump -"); !strings.HasSuffix(e.Detail, "; synced, was jumped") {
		t.Errorf("the line says %q", e.Detail)
	}
}

func TestAClockThatFlapsFillsNoJournal(t *testing.T) {
	lines, mono := newClockLog(), time.Duration(0)
	var written []string
	see := func(changed bool, is access.ClockState) {
		mono += time.Second
		if line := lines.line(clockChange{was: access.ClockSynced, is: is}, changed, mono); line != "" {
			written = append(written, line)
		}
	}
	for range 300 {
		see(true, access.ClockJumped)
		see(true, access.ClockFreeRunning)
	}
	if len(written) > clockLines+1 {
		t.Errorf("%d lines in ten minutes, want %d at most", len(written), clockLines+1)
	}
	for range 1200 {
		see(false, access.ClockFreeRunning)
	}
	last := written[len(written)-1]
	if len(written) > clockLines+3 || !strings.HasPrefix(last, "clock free-running; ") || !strings.Contains(last, "changes before it were counted") {
		t.Errorf("%d lines, the last says %q; want what it came to, and how many there were", len(written), last)
	}
	see(true, access.ClockJumped)
	if last := written[len(written)-1]; last != "clock jumped, was synced" {
		t.Errorf("after a quiet time: %q", last)
	}
}

// The clock of the machine is held against that of Kisi; what Kisi says never moves
// it, and takes trust only from a clock that nobody sets.
func TestTheClockIsHeldAgainstKisis(t *testing.T) { // F-19, X9
	fake := cloudtest.NewKisi(cloudtest.Options{EventSetPolls: -1, Rate: -1})
	fake.AddKey(fake.Owner(), "0123456789abcdef")
	fake.AddLock(fake.AddPlace("HQ", "Europe/Rome"), "Entrance")
	fake.Faults().ClockSkew(40 * time.Second)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	c := &wildClock{}
	c.synced.Store(true)
	h := newHouseBy(t, c.clock(), "http://127.0.0.1:9", server.URL)
	h.until("Kisi was read", func() bool {
		all, err := h.SyncStatus(t.Context())
		return err == nil && all[1].Result == cloud.SyncOK && !all[1].Running
	})
	c.pass(2 * time.Minute) // for both
	fake.Faults().ClockSkew(40*time.Second + 2*time.Minute)
	if _, err := h.TestKisi(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until("the drift is told", func() bool { return h.troubles.declared(troubleDrift, "kisi") })
	if got := h.series()["tilegate_clock_offset_seconds{source=kisi}"]; got > -38 || got < -42 {
		t.Errorf("the page says %v s, want 40 s behind", got)
	}
	if at, state := h.clock.now(); state != access.ClockSynced || at.Sub(c.truth()).Abs() > time.Second {
		t.Errorf("the clock is %v and shows %v; want as ever", state, at)
	}
	says := func(skew time.Duration) { // twice, as it must
		for range 2 {
			c.pass(2 * time.Minute)
			h.clock.clouds.heard("kisi", c.truth().Add(skew), h.clock.Mono(), 0)
		}
	}
	says(3 * time.Hour)
	before := h.clock.moment()
	c.synced.Store(false)
	h.until("it is not trusted", func() bool { return h.clock.moment().clock == access.ClockUnset })
	if moved := h.clock.moment().at.Sub(before.at); moved > time.Minute || moved < 0 {
		t.Errorf("the time moved by %v; Kisi's word must not set it", moved)
	}
	if status, err := h.Status(t.Context()); err != nil || !strings.HasPrefix(status.ClockWhy, "a cloud says otherwise") || len(status.Offsets) != 1 {
		t.Errorf("the status says %q with %v (%v)", status.ClockWhy, status.Offsets, err)
	}
	says(0)
	h.until("it is trusted again", func() bool { return h.clock.moment().clock == access.ClockFreeRunning })
	h.until("the drift is over", func() bool { return !h.troubles.declared(troubleDrift, "kisi") })
}

// truth is what the wall would show if it had not jumped.
func (c *wildClock) truth() time.Time {
	return c.start.Add(time.Since(c.start) + time.Duration(c.passed.Load()))
}

// tomorrow is a server whose certificate begins tomorrow, as any does for a box
// whose clock is behind.
func tomorrow(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(24 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(cloudtest.NewKisi(cloudtest.Options{}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestACertificateIsTheClocksFaultWhereNobodyKnowsTheTime(t *testing.T) { // F-16
	c := &wildClock{}
	c.synced.Store(true)
	h := newHouseBy(t, c.clock(), "http://127.0.0.1:9", tomorrow(t))
	fails := func() {
		t.Helper()
		if _, err := h.SyncNow(t.Context(), control.Caller{}, "kisi"); err == nil {
			t.Fatal("a certificate of tomorrow was believed")
		}
		c.pass(troubleKinds[troubleSyncFailed].patience + time.Second)
	}
	fails()
	h.until("it is Kisi's fault, says a clock that is right", func() bool { return h.troubles.declared(troubleSyncFailed, "kisi") })
	c.synced.Store(false)
	c.jump(-year)
	h.until("the clock is not trusted", func() bool { return !h.clock.moment().clock.Trusted() })
	fails()
	h.until("it is the clock's", func() bool {
		return !h.troubles.declared(troubleSyncFailed, "kisi") && h.troubles.declared(troubleClock, "")
	})
	for _, trouble := range h.troubles.shown() {
		if trouble.Code == troubleClock && !strings.Contains(trouble.Text, "the certificate is not valid before") {
			t.Errorf("the trouble says %q", trouble.Text)
		}
	}
}

// Nothing is dropped by a date that may be wrong: the rights of thirty days stay as
// the clock leaps ahead, also where the network itself set it.
func TestNothingIsSweptByADateThatMayBeWrong(t *testing.T) { // F-17
	c := &wildClock{}
	c.synced.Store(true)
	h := newHouseBy(t, c.clock())
	first := h.rights.Load().Generation()
	for _, name := range []string{"Anna", "Anne", "Annie"} { // the newest two are kept in any case
		last := h.rights.Load().Generation()
		h.write("roster.json", strings.Replace(testRoster, "Ann", name, 1))
		if _, err := h.SyncNow(t.Context(), control.Caller{}, "file"); err != nil || h.rights.Load().Generation() == last {
			t.Fatalf("no new generation (%v)", err)
		}
	}
	c.jump(10 * year)
	h.until("the clock has jumped", func() bool { return h.clock.moment().at.After(time.Now().Add(9 * year)) })
	upkeep{h.gateway, h.log}.round(t.Context())
	if _, err := h.cache.At(t.Context(), first); err != nil {
		t.Errorf("the rights before are gone: %v", err)
	}
}
