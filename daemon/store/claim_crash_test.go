package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// claimChild is a gateway that is shown the same few tags and passes over and
// over, from the first counter on. It accepts what the journal does not know,
// and says so only once that is durable, as a door does.
func claimChild(path string) error {
	j, err := OpenJournal(path, JournalOptions{Boot: fmt.Sprint(os.Getpid())})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- j.Run(context.Background()) }()
	known, err := j.Claims(context.Background())
	if err != nil {
		return err
	}
	last := map[access.Digest]uint64{}
	for _, c := range known {
		last[c.Key] = c.Counter
	}
	out := bufio.NewWriter(os.Stdout)
	for counter := uint64(1); ; counter++ {
		for tag := byte(1); tag <= 4; tag++ {
			claim := counted(tag, counter)
			if counter <= last[claim.Key] {
				continue // replayed
			}
			r := j.AppendClaim(tap(fmt.Sprintf("%d-%d", tag, counter)), claim)
			if <-r.Done(); r.Err() != nil {
				return r.Err()
			}
			last[claim.Key] = counter
			_, err := fmt.Fprintf(out, "%d-%d\n", tag, counter)
			if err := errors.Join(err, out.Flush()); err != nil {
				return err
			}
		}
	}
}

// crashClaims runs a child for a moment, kills it and returns what it accepted.
func crashClaims(t *testing.T, path string) (accepted []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), "TILEGATE_CLAIM_CHILD="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n') // it lives and writes
	if err != nil {
		t.Fatalf("the child accepted nothing: %v", err)
	}
	killer := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = child.Process.Kill() })
	defer killer.Stop()
	for ; err == nil; line, err = lines.ReadString('\n') {
		accepted = append(accepted, strings.TrimSpace(line))
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return accepted
}

// Whenever the process is killed: what was accepted once is never accepted
// again, and the journal never has a claim without its event or the other way
// round.
func TestKilledGatewayAcceptsNothingTwice(t *testing.T) {
	cycles := 50
	if testing.Short() {
		cycles = 5
	}
	path := journalPath(t)
	accepted := map[string]bool{}
	for range cycles {
		for _, one := range crashClaims(t, path) {
			if accepted[one] {
				t.Fatalf("%s was accepted twice", one)
			}
			accepted[one] = true
		}
	}
	j := openJournal(t, path)
	if j.Recovered() != "" {
		t.Errorf("a kill damaged the journal: %s", j.Recovered())
	}
	newest := map[access.Digest]uint64{}
	events := all(t, j)
	for _, e := range events {
		var tag byte
		var counter uint64
		if _, err := fmt.Sscanf(e.ID, "%d-%d", &tag, &counter); err != nil {
			t.Fatalf("event %s: %v", e.ID, err)
		}
		key := access.Digest{tag}
		if counter != newest[key]+1 {
			t.Fatalf("event %s after %d: it was accepted twice, or one is lost", e.ID, newest[key])
		}
		newest[key] = counter
		delete(accepted, e.ID)
	}
	if len(accepted) > 0 {
		t.Errorf("%d were accepted and are not in the journal: %v", len(accepted), accepted)
	}
	found, err := j.Claims(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found {
		if c.Counter != newest[c.Key] {
			t.Errorf("claim %x: counter %d, its newest event is %d", c.Key[:1], c.Counter, newest[c.Key])
		}
		delete(newest, c.Key)
	}
	if len(newest) > 0 {
		t.Errorf("events without a claim: %v", newest)
	}
	t.Logf("%d kills, %d claims", cycles, len(events))
}
