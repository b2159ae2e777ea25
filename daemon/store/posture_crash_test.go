package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-sqlite3"

	"github.com/tilegate/tilegate/daemon/access"
)

// series is what a day of a gateway has of every kind, over and over.
func series(step int) Posture {
	day := []Posture{
		spoken(0, Arrived, access.ScopeDoor, "front"),
		spoken(0, Hold, access.ScopeDoor, "rear"),
		spoken(0, KeepLocked, access.ScopeDoor, "front"),
		spoken(0, LockDown, access.ScopePlace, "hq"),
		spoken(0, Release, access.ScopeDoor, "rear"),
		spoken(0, LockDown, access.ScopeDoor, "lab"),
		spoken(0, LockDown, access.ScopeOrganisation, ""),
		spoken(0, EndLockdown, access.ScopePlace, "hq"),
		spoken(0, Hold, access.ScopeDoor, "front"),
		spoken(0, EndLockdown, access.ScopeOrganisation, ""),
	}
	w := day[(step-1)%len(day)]
	w.Seq, w.At = uint64(step), noon.Add(time.Duration(step)*time.Second)
	return w
}

func seriesUpTo(steps int) (all []Posture) {
	for step := 1; step <= steps; step++ {
		all = append(all, series(step))
	}
	return all
}

// The moments of a write at which the child may die.
const (
	dieBefore   = "before the write"
	dieInCommit = "in the transaction"
	dieUntold   = "durable, and nobody was told"
	dieTold     = "told"
)

// postureChild goes on with the series where the ledger ends, and says each word
// once it is durable. Told how, it dies by its own hand in the first write.
func postureChild(path string) error {
	l, err := OpenLedger(path, nil)
	if err != nil {
		return err
	}
	kept, err := l.Postures(context.Background())
	if err != nil {
		return err
	}
	moment := os.Getenv("TILEGATE_POSTURE_DIES")
	die := func(at string) {
		if moment == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the kernel does
		}
	}
	if moment == dieInCommit {
		if err := onCommit(l, func() { die(dieInCommit) }); err != nil {
			return err
		}
	}
	for step := int(kept.Seq()) + 1; ; step++ {
		die(dieBefore)
		seq, err := l.AppendPosture(series(step))
		if err != nil {
			return err
		}
		die(dieUntold)
		if _, err := fmt.Printf("%d\n", seq); err != nil {
			return err
		}
		die(dieTold)
	}
}

// onCommit has something done inside every transaction, before it counts.
func onCommit(l *Ledger, do func()) error {
	conn, err := l.f.w.Conn(context.Background())
	if err != nil {
		return err
	}
	defer func(conn *sql.Conn) { _ = conn.Close() }(conn)
	return conn.Raw(func(driver any) error {
		driver.(*sqlite3.SQLiteConn).RegisterCommitHook(func() int { do(); return 0 })
		return nil
	})
}

// crashPostures runs a child until it dies, by its own hand at a moment or by
// ours at any, and returns the last word that it told of.
func crashPostures(t *testing.T, path, moment string) (told int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), "TILEGATE_POSTURE_CHILD="+path, "TILEGATE_POSTURE_DIES="+moment)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for first := true; err == nil; first = false {
		var line string
		if line, err = lines.ReadString('\n'); err == nil {
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "%d", &told); err != nil {
				t.Fatal(err)
			}
		}
		if first && moment == "" {
			killer := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = child.Process.Kill() })
			defer killer.Stop()
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	died, _ := errors.AsType[*exec.ExitError](child.Wait())
	if died == nil || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child did not die of a kill: %v", died)
	}
	return told
}

// keptPostures checks that a ledger has exactly the first words of the series,
// folds them as the model does, and says how many they are.
func keptPostures(t *testing.T, path string) int {
	t.Helper()
	l, err := OpenLedger(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := l.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var rows int
	if err := l.f.r.QueryRowContext(t.Context(), "SELECT count(*) FROM postures").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	kept, err := l.Postures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := int(kept.Seq()); got != rows {
		t.Errorf("the newest word is %d of %d: some are lost or invented", got, rows)
	}
	if diff := modelOf(seriesUpTo(rows)).differs(kept); diff != "" {
		t.Errorf("after %d words (-model +got):\n%s", rows, diff)
	}
	return rows
}

// Whenever the process is killed, every posture that was
// acknowledged is there, none is invented, and together they say what they said.
func TestPosturesSurviveAKillAtEveryWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	done := 0
	for step := 1; step <= 10; step++ {
		for _, moment := range []string{dieBefore, dieInCommit, []string{dieUntold, dieTold}[step%2]} {
			told, want := crashPostures(t, path, moment), done
			if moment == dieUntold || moment == dieTold {
				want++
			}
			kept := keptPostures(t, path)
			if kept != want {
				t.Errorf("step %d, killed %s: %d words are there, want %d", step, moment, kept, want)
			}
			if moment == dieTold && told != want || moment != dieTold && told != 0 {
				t.Errorf("step %d, killed %s: told of %d", step, moment, told)
			}
			done = kept
		}
	}
	var lockdowns []string
	for _, l := range modelLockdowns(done) {
		lockdowns = append(lockdowns, l.Scope.String()+" "+l.ScopeID)
	}
	if diff := cmp.Diff([]string{"door lab"}, lockdowns); diff != "" {
		t.Errorf("the series is not the one that this test was written for:\n%s", diff)
	}
}

func modelLockdowns(steps int) (all []access.Lockdown) {
	for where := range modelOf(seriesUpTo(steps)).locked {
		all = append(all, where)
	}
	slices.SortFunc(all, func(a, b access.Lockdown) int { return strings.Compare(a.ScopeID, b.ScopeID) })
	return all
}

func TestPosturesSurviveKillsAtAnyMoment(t *testing.T) {
	cycles := 30
	if testing.Short() {
		cycles = 3
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	for range cycles {
		told := crashPostures(t, path, "")
		if kept := keptPostures(t, path); kept < told || kept > told+1 {
			t.Fatalf("%d words are there, told of were %d", kept, told)
		}
	}
	t.Logf("%d kills, %d words", cycles, keptPostures(t, path))
}
