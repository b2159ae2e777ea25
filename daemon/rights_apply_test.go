package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// leaves is the change by which somebody loses the right to the doors.
func leaves(source, name string) access.Delta {
	return access.Delta{Ended: access.Roster{Grants: []access.Grant{{ID: source + "-" + name, Assignee: source + "-" + name}}}}
}

func TestASmallChangeIsInForceAndSurvivesARestart(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann", "bob"))
	before := b.Load().Generation()
	if err := b.Apply(t.Context(), "kisi", leaves("kisi", "bob"), today); err != nil {
		t.Fatal(err)
	}
	in := b.Load()
	if b.tap("ann") != access.Granted || b.tap("bob") != access.NoGrant || in.Generation() != before+1 {
		t.Errorf("ann %v, bob %v, generation %d; want granted, no_grant and %d", b.tap("ann"), b.tap("bob"), in.Generation(), before+1)
	}
	// The crawl that follows finds it said already.
	without := people("kisi", "ann", "bob")
	without.Grants = without.Grants[:1]
	if changed := b.replace("kisi", without); changed != 0 {
		t.Errorf("the same, whole: %d rows changed", changed)
	}
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" || b.Load().Hash() != in.Hash() || b.Load().Generation() != in.Generation() {
		t.Errorf("after a restart: %s; generation %d, want what was in force", note, b.Load().Generation())
	}
}

// An install has the lock for as long as it builds; a change does not wait for it
// to come to the doors, and is not lost when the other is done.
func TestASmallChangeDoesNotWaitForAnInstall(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	b.replace("kisi", people("kisi", "ann", "bob"))
	seen := make(chan access.Reason, 8)
	b.changed = func(*access.Snapshot) { seen <- b.tap("bob") }
	b.mu.Lock() // as an install holds it
	done := make(chan error, 1)
	go func() { done <- b.Apply(t.Context(), "kisi", leaves("kisi", "bob"), today) }()
	if got := <-seen; got != access.NoGrant {
		t.Errorf("at the doors while the disk is busy: %v", got)
	}
	fresh, err := b.cache.Load(t.Context(), b.Load().Contacts())
	if err != nil {
		t.Fatal(err)
	}
	b.swap(fresh.Snapshot) // the install is done, and knows nothing of it
	if got := b.tap("bob"); got != access.NoGrant {
		t.Errorf("after the install: %v; the change was lost", got)
	}
	b.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(b.ahead) != 0 || b.tap("bob") != access.NoGrant {
		t.Errorf("at the end: %d changes on their way, bob %v", len(b.ahead), b.tap("bob"))
	}
}

// The disk is full. Who was revoked stays out, and it is written once it can be.
func TestAChangeThatTheDiskRefusesStaysInForce(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann", "bob"))
	exec := func(statement string) {
		t.Helper()
		if err := b.exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER full BEFORE INSERT ON generations BEGIN SELECT raise(FAIL, 'no space is left'); END")
	if err := b.Apply(t.Context(), "kisi", leaves("kisi", "bob"), today); err == nil {
		t.Fatal("a full disk took it")
	}
	b.Confirm("kisi", today.Add(time.Second)) // cannot write it either
	if got := b.tap("bob"); got != access.NoGrant {
		t.Errorf("bob is back: %v", got)
	}
	exec("DROP TRIGGER full")
	b.Confirm("kisi", today.Add(2*time.Second))
	in := b.Load()
	b.reopen()
	if note := b.start(frontDoor, kisiSource); note != "" || b.tap("bob") != access.NoGrant || b.Load().Hash() != in.Hash() {
		t.Errorf("after a restart: %s; bob %v", note, b.tap("bob"))
	}
}

func TestAChangeOfWhatTwoSourcesSayIsBuiltAnew(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource, fileSource)
	file := people("file", "bob")
	file.Holders = append(file.Holders, access.Holder{ID: "kisi-ann", Suspended: true})
	b.replace("kisi", people("kisi", "ann"))
	b.replace("file", file)
	if got := b.tap("ann"); got != access.Suspended {
		t.Fatalf("what one forbids binds: got %v", got)
	}
	renamed := access.Delta{Begun: access.Roster{Holders: []access.Holder{{ID: "kisi-ann", Name: "Ann"}}}}
	if err := b.Apply(t.Context(), "kisi", renamed, today); err != nil {
		t.Fatal(err)
	}
	if got := b.tap("ann"); got != access.Suspended {
		t.Errorf("after a change of her name: got %v", got)
	}
	in := b.Load()
	b.reopen()
	if note := b.start(frontDoor, kisiSource, fileSource); note != "" || b.Load().Hash() != in.Hash() {
		t.Errorf("the next start builds something else: %s", note)
	}
}

// Rows that fail half way take nobody's rights, and leave nothing behind.
func TestRowsThatEndEarlyChangeNothing(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	b.replace("kisi", people("kisi", "ann"))
	broken := errors.New("the line was cut")
	_, err := b.Replace(t.Context(), "kisi", func(ctx context.Context, into cloud.Intake) error {
		return errors.Join(into.Add(people("kisi", "bob"), 1, false), broken)
	}, access.Contact{Source: "kisi", At: today})
	if !errors.Is(err, broken) || b.tap("ann") != access.Granted || b.tap("bob") != access.Unknown {
		t.Errorf("Replace: %v; ann %v, bob %v", err, b.tap("ann"), b.tap("bob"))
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "cache.db.staged-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// BenchmarkApply100k is a right that ends, of one of 100,000 people: until the
// doors know it, and until it is on the disk.
func BenchmarkApply100k(b *testing.B) {
	box := newBox(b)
	box.start(frontDoor, kisiSource)
	var names []string
	for n := range 100_000 {
		names = append(names, fmt.Sprintf("person-%06d", n))
	}
	box.replace("kisi", people("kisi", names...))
	var atTheDoors time.Time
	var door, disk []time.Duration
	n := 0
	for b.Loop() {
		atTheDoors = time.Time{}
		box.changed = func(*access.Snapshot) {
			if atTheDoors.IsZero() {
				atTheDoors = time.Now()
			}
		}
		begun := time.Now()
		if err := box.Apply(b.Context(), "kisi", leaves("kisi", names[n]), today); err != nil {
			b.Fatal(err)
		}
		disk = append(disk, time.Since(begun))
		door = append(door, atTheDoors.Sub(begun))
		if box.tap(names[n]) != access.NoGrant {
			b.Fatal("the right did not end")
		}
		n++
	}
	slices.Sort(door)
	slices.Sort(disk)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(door[len(door)/2].Microseconds())/1000, "to_door_p50-ms")
	b.ReportMetric(float64(door[len(door)-1].Microseconds())/1000, "to_door_max-ms")
	b.ReportMetric(float64(disk[len(disk)/2].Microseconds())/1000, "to_disk_p50-ms")
}
