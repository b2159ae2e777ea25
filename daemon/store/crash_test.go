package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// TestMain is also the child of the crash tests: a process that appends until it
// is killed, and says on its standard output what was acknowledged.
func TestMain(m *testing.M) {
	for variable, child := range map[string]func(path string) error{
		"TILEGATE_CRASH_CHILD": crashChild, "TILEGATE_CLAIM_CHILD": claimChild, "TILEGATE_POSTURE_CHILD": postureChild,
	} {
		path := os.Getenv(variable)
		if path == "" {
			continue
		}
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func crashChild(path string) error {
	j, err := OpenJournal(path, JournalOptions{Boot: fmt.Sprint(os.Getpid())})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- j.Run(context.Background()) }()
	var print sync.Mutex
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n)
				r := j.Append(tap(id))
				if <-r.Done(); r.Err() != nil {
					ended <- r.Err()
					return
				}
				print.Lock()
				_, err := fmt.Printf("%d %s\n", r.Seq(), id)
				print.Unlock()
				if err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	return <-ended
}

// crash runs a child for a moment, kills it and returns what it acknowledged.
func crash(t *testing.T, path string) map[uint64]string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), "TILEGATE_CRASH_CHILD="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	acknowledged := map[uint64]string{}
	read := func() error {
		line, err := lines.ReadString('\n')
		var seq uint64
		var id string
		if err == nil {
			_, err = fmt.Sscanf(line, "%d %s", &seq, &id)
		}
		if err == nil {
			acknowledged[seq] = id
		}
		return err
	}
	if err := read(); err != nil { // it lives and writes
		t.Fatalf("the child acknowledged nothing: %v", err)
	}
	killer := time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = child.Process.Kill() })
	defer killer.Stop()
	for err == nil {
		err = read()
	}
	if err != io.EOF { //nolint:errorlint // exactly the end of the pipe; a cut last line was never acknowledged
		t.Log("the last line was cut short")
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return acknowledged
}

// A killed process loses nothing that it acknowledged. This says nothing about
// power cuts: the kernel still writes what the process handed to it.
func TestKilledWriterLosesNoAcknowledgedEvent(t *testing.T) {
	cycles := 50
	if testing.Short() {
		cycles = 5
	}
	path := journalPath(t)
	acknowledged := map[uint64]string{}
	for range cycles {
		for seq, id := range crash(t, path) {
			if other, twice := acknowledged[seq]; twice {
				t.Fatalf("number %d was given to %s and to %s", seq, other, id)
			}
			acknowledged[seq] = id
		}
	}
	j := openJournal(t, path)
	if j.Recovered() != "" {
		t.Errorf("a kill damaged the journal: %s", j.Recovered())
	}
	if err := j.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var last uint64
	seen := map[string]bool{}
	for _, e := range all(t, j) {
		if e.Seq <= last || seen[e.ID] {
			t.Fatalf("event %d (%s) after %d, or twice", e.Seq, e.ID, last)
		}
		last, seen[e.ID] = e.Seq, true
		if id, ok := acknowledged[e.Seq]; ok && id != e.ID {
			t.Errorf("event %d is %s, acknowledged was %s", e.Seq, e.ID, id)
		}
		delete(acknowledged, e.Seq)
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged events are lost: %v", len(acknowledged), acknowledged)
	}
	t.Logf("%d kills, %d events kept", cycles, len(seen))
}
