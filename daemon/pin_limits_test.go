package daemon

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/store"
)

// memoryKeeper keeps limits as a disk does that may fail.
type memoryKeeper struct {
	mu    sync.Mutex // guards all
	all   map[string]string
	fails error
}

func newMemoryKeeper() *memoryKeeper { return &memoryKeeper{all: map[string]string{}} }

func (m *memoryKeeper) PINLimits(context.Context) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.all), nil
}

func (m *memoryKeeper) KeepPINLimits(limits map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return m.fails
	}
	maps.Copy(m.all, limits)
	maps.DeleteFunc(m.all, func(_, state string) bool { return state == "" })
	return nil
}

func openLimits(t interface{ Fatal(...any) }, keeper pinKeeper, now time.Duration) *pinLimits {
	l, err := newPINLimits(context.Background(), keeper, now, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// waits are how long a guesser who loses no time has to wait before each guess,
// until the keypad is switched off.
func TestKeypadHasFiveTriesThenWaitsThatDouble(t *testing.T) {
	var k keypadLimit
	var waits []time.Duration
	for now := time.Duration(0); !k.disabled && len(waits) < 100; {
		wait := max(k.shut-now, 0)
		now += wait
		if !k.open(now) || wait > 0 && k.open(now-1) {
			t.Fatalf("at %s: shut until %s", now, k.shut)
		}
		waits = append(waits, wait)
		k.fail(now)
	}
	m := time.Minute
	want := []time.Duration{0, 0, 0, 0, 0, 1 * m, 0, 0, 0, 0, 2 * m, 0, 0, 0, 0, 4 * m, 0, 0, 0, 0, 8 * m}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits before each guess (-want +got):\n%s", diff)
	}
}

func TestTypingErrorsOfManyPeopleShutNothing(t *testing.T) {
	var k keypadLimit
	for now := time.Duration(0); now < 12*time.Hour; now += 4 * time.Minute {
		if !k.open(now) {
			t.Fatalf("shut at %s by one wrong PIN in four minutes", now)
		}
		k.fail(now)
	}
}

// The most wrong PINs that a keypad compares, whatever a guesser does: a try
// comes back every three minutes, there are five to begin with, and the waits that
// are shorter than the 15 minutes in which five come back (1, 2, 4 and 8) give 15
// more. They begin anew only after an hour without a wrong PIN, in which 15 tries
// came back for which there was no room.
const (
	mostAnHour = int(time.Hour/pinTryBack) + 20
	mostADay   = int(24*time.Hour/pinTryBack) + 20
)

// chance is that of at least one hit in n guesses at a ratio of codes to PINs in
// use, guessed with no memory (a guesser with one does not better before the
// half of all codes).
func chance(n int, ratio float64) float64 { return 1 - math.Pow(1-1/ratio, float64(n)) }

// However somebody guesses, waits, shows a card in between or pulls the plug:
// never more than 40 guesses in an hour nor 500 in a day, and without a card
// never more than 21 in an hour. At one PIN in 100,000 codes that is a chance of
// less than half a per cent in a day; at 1 in 1,000, which is the least that
// EN 60839-11-1 has, it would be 39 per cent.
func TestNoWayOfGuessingBeatsTheBound(t *testing.T) {
	if got := chance(mostADay, 100_000); got > 0.005 {
		t.Fatalf("the bound itself gives a chance of %f in a day", got)
	}
	most := 0
	rapid.Check(t, func(t *rapid.T) {
		g := &guesser{keeper: newMemoryKeeper(), card: rapid.Bool().Draw(t, "has a card")}
		g.limits = openLimits(t, g.keeper, 0)
		pauses := []time.Duration{0, time.Second, pinTryBack, pinTryBack + time.Second, pinLastWait, time.Hour, time.Hour + time.Second}
		usual := rapid.SampledFrom(pauses).Draw(t, "usual pause")
		for range rapid.IntRange(1, 300).Draw(t, "moves") {
			switch rapid.IntRange(0, 11).Draw(t, "move") {
			case 0:
				g.wait(rapid.SampledFrom(pauses).Draw(t, "pause"))
			case 1:
				g.restart(t)
			case 2, 3:
				g.wait(usual)
			default:
				g.guess(rapid.IntRange(1, 6).Draw(t, "guesses"))
			}
		}
		most = max(most, g.within(24*time.Hour))
		if got := g.within(24 * time.Hour); got > mostADay {
			t.Fatalf("%d guesses within a day, want at most %d", got, mostADay)
		}
		hour := mostAnHour
		if !g.card {
			hour = pinMostAnHour + 1
		}
		if got := g.within(time.Hour); got > hour {
			t.Fatalf("%d guesses within an hour, want at most %d", got, hour)
		}
		if !g.card && g.limits.off("front/in") && g.limits.keypadOpen("front/in", 1000*time.Hour) {
			t.Fatal("a keypad that was switched off came back by itself")
		}
	})
	if most < mostADay/2 {
		t.Errorf("nobody tried more than %d times in a day; the bound of %d was not tried", most, mostADay)
	}
}

// guesser tries PINs at one keypad.
type guesser struct {
	keeper  *memoryKeeper
	limits  *pinLimits
	card    bool          // shows a card whenever the keypad is off
	elapsed time.Duration // for the guesser
	mono    time.Duration // for the gateway: begins anew with each start
	at      []time.Duration
}

func (g *guesser) wait(d time.Duration) { g.elapsed, g.mono = g.elapsed+d, g.mono+d }

// restart pulls the plug: what was kept is all there is.
func (g *guesser) restart(t *rapid.T) {
	if err := g.limits.flush(); err != nil {
		t.Fatal(err)
	}
	g.mono = 0
	g.limits = openLimits(t, g.keeper, 0)
}

// guess tries so many times, and waits only where it must.
func (g *guesser) guess(n int) {
	for range n {
		if g.card {
			g.limits.enable("front/in", g.mono)
		}
		if k := g.limits.keypads["front/in"]; k != nil && k.shut > g.mono {
			g.wait(k.shut - g.mono)
		}
		if g.limits.keypadOpen("front/in", g.mono) {
			g.at = append(g.at, g.elapsed)
			g.limits.keypadFailed("front/in", g.mono)
		}
	}
}

// within is the most guesses in any such time.
func (g *guesser) within(d time.Duration) (most int) {
	first := 0
	for i, at := range g.at {
		for at-g.at[first] >= d {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestCardHasFiveTriesThenWaitsAQuarterOfAnHour(t *testing.T) {
	l := openLimits(t, newMemoryKeeper(), 0)
	card, other := access.Credential{Kind: access.Card}, access.Credential{Kind: access.Card, Digest: access.Digest{1}}
	try := func(right bool, at time.Duration, want access.PINState) {
		t.Helper()
		if got, _ := l.tryCard(card, right, at); got != want {
			t.Errorf("at %s: got %d, want %d", at, got, want)
		}
	}
	for range 4 {
		try(false, 0, access.PINFailed)
	}
	try(true, 0, access.PINRight) // and all five are back
	for range 5 {
		try(false, time.Second, access.PINFailed)
	}
	try(true, time.Second, access.PINBlocked)
	try(true, 15*time.Minute, access.PINBlocked)
	if got, _ := l.tryCard(other, true, time.Minute); got != access.PINRight {
		t.Errorf("another card meanwhile: got %d, want %d", got, access.PINRight)
	}
	for range 5 {
		try(false, 15*time.Minute+time.Second, access.PINFailed)
	}
	try(false, 16*time.Minute, access.PINBlocked)
	try(true, 31*time.Minute, access.PINRight)
}

// A process that dies without a word loses
// nothing that kept said was kept.
func TestLimitsOutliveAKill(t *testing.T) {
	dir := t.TempDir()
	ledger, err := store.OpenLedger(filepath.Join(dir, "ledger.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	l := openLimits(t, ledger, 0)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = l.run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })

	card := access.Credential{Kind: access.Card, Digest: access.Digest{7}}
	const start = 100 * time.Hour
	for range 5 {
		l.tryCard(card, false, start)
		l.keypadFailed("front/in", start)
	}
	_, kept := l.keypadFailed("rear/in", start)
	select {
	case <-kept:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was kept")
	}
	l = openLimits(t, copyLedger(t, dir), 0) // as the disk is now, and the clock begins anew
	if l.keypadOpen("front/in", 59*time.Second) || !l.keypadOpen("front/in", time.Minute) {
		t.Error("front: want shut for the minute that was left")
	}
	if !l.keypadOpen("rear/in", 0) {
		t.Error("rear: one wrong PIN shut it")
	}
	if l.cardOpen(card, 14*time.Minute) || !l.cardOpen(card, 15*time.Minute) {
		t.Error("the card: want shut for the quarter of an hour that was left")
	}
	for range pinTries {
		if disabled, _ := l.keypadFailed("front/in", time.Minute); disabled {
			t.Error("ten wrong PINs switched the keypad off")
		}
	}
	if l.keypadOpen("front/in", 3*time.Minute-1) || !l.keypadOpen("front/in", 3*time.Minute) {
		t.Error("front: the second wait is not twice the first; the start forgot it")
	}
}

// copyLedger opens what is on the disk, as after a kill.
func copyLedger(t *testing.T, dir string) *store.Ledger {
	t.Helper()
	to := t.TempDir()
	files, err := filepath.Glob(filepath.Join(dir, "ledger.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		in, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(filepath.Join(to, filepath.Base(name)), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, in); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(in.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
	}
	ledger, err := store.OpenLedger(filepath.Join(to, "ledger.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	return ledger
}

func TestLimitsThatCannotBeKeptAreKeptLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := newMemoryKeeper()
		keeper.fails = errors.New("no space left on device")
		l := openLimits(t, keeper, 0)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = l.run(ctx) })
		_, kept := l.keypadFailed("front/in", 0)
		<-kept // nobody waits for a disk that fails
		keeper.mu.Lock()
		keeper.fails = nil
		keeper.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, _ := keeper.PINLimits(t.Context()); len(got) != 1 {
			t.Errorf("kept: got %v, want the one keypad", got)
		}
		l.keypadFailed("rear/in", 0) // and what is new at the end is kept as well
		stop()
		running.Wait()
		if got, _ := keeper.PINLimits(t.Context()); len(got) != 2 {
			t.Errorf("kept at the end: got %v, want both keypads", got)
		}
	})
}
