package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// An installer changes the settings of a door because its device is away.
func TestAnAbsentDeviceDoesNotRefuseAReload(t *testing.T) {
	h := newHouse(t)
	h.edit(`hold = "3s"`, `hold = "4s"`)
	h.edit("lab-relay", "other-relay")
	changed, err := h.reload(t.Context())
	if err != nil {
		t.Fatalf("the reload was refused: %v", err)
	}
	if got, want := strings.Join(changed, ", "), "door front changed, door lab changed"; got != want {
		t.Errorf("changed: got %q, want %q", got, want)
	}
	if got := h.doors.find("front").hold; got != 4*time.Second {
		t.Errorf("hold: got %v, want 4s", got)
	}
	if got := h.doors.find("lab").settings.Strike.Port().Settings.Path; filepath.Base(got) != "other-relay" {
		t.Errorf("relay of the lab: got %s", got)
	}
	if h.troubles.declared(troubleReloadRefused, "") {
		t.Error("a good reload left the trouble reload_refused")
	}
}

func TestAReloadOfTheSameSettingsTouchesNothing(t *testing.T) {
	h := newHouse(t)
	doors, sources := h.doors.all(), h.sources.all()
	changed, err := h.reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(changed) != 0 {
		t.Errorf("changed: got %v, want nothing", changed)
	}
	if !slices.Equal(h.doors.all(), doors) {
		t.Error("a door was opened anew")
	}
	if !slices.Equal(h.sources.all(), sources) {
		t.Error("a source was opened anew")
	}
}

func TestStopIsGoodAlsoWithoutDevices(t *testing.T) {
	h := newHouse(t)
	if err := h.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestTroublesEndWithTheirDoor(t *testing.T) {
	h := newHouse(t)
	lab := h.section("[[door]]\nid = \"lab\"")
	h.until("the tile of the lab is in trouble", func() bool { return h.troubles.declared(troubleReaderDown, "lab") })
	h.edit(lab, "")
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until("the troubles of the lab end", func() bool {
		return !h.troubles.declared(troubleReaderDown, "lab") && !h.troubles.declared(troubleStrikeDown, "lab")
	})
	if !h.troubles.declared(troubleReaderDown, "front") {
		t.Error("the trouble of the other door ended too")
	}
}

// Who takes a source out of the settings wants its rights gone, also without a
// restart.
func TestRightsEndWithTheirSource(t *testing.T) {
	h := newHouse(t)
	before := h.rights.Load().Counts()
	file := h.section("[file]")
	h.edit(file, "")
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.rights.Load().Counts(); got.Credentials != 0 || got.Grants != 0 {
		t.Errorf("after [file] was taken out: got %+v, want nobody", got)
	}
	h.edit("[kisi]", file+"\n\n[kisi]")
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until("[file] is back, and Ann", func() bool { return h.rights.Load().Counts() == before })
	h.edit(h.section("[kisi]"), "") // of which nothing was ever heard
	h.edit("kisi_lock = 2006", "")
	h.edit("kisi_lock = 2007", "")
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range h.rights.Load().Contacts() {
		if c.Source == "kisi" {
			t.Error("the rights still speak of kisi")
		}
	}
	if got := h.rights.Load().Counts(); got != before {
		t.Errorf("after [kisi] was taken out: got %+v, want %+v", got, before)
	}
}

// A door's last events are as good as any, also when the stop follows at once.
func TestStopWritesDownWhatIsPending(t *testing.T) {
	h := newHouse(t)
	const events = 2000
	var last receipt
	for range events {
		last = storeJournal{h.journal}.Append(newEvent(h.clock, access.ActionEvent, "front"))
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-last.Done():
	default:
		t.Fatal("the last event was neither written nor refused")
	}
	if err := last.Err(); err != nil {
		t.Errorf("the last event: %v", err)
	}
	journal, err := store.OpenJournal(filepath.Join(h.dir, "state", "journal.db"), store.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close() //nolint:errcheck // only read
	found, err := journal.Events(t.Context(), store.EventQuery{Limit: 2 * events, Kind: access.ActionEvent.String()})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != events {
		t.Errorf("got %d of %d events on disk", len(found), events)
	}
}

// A follower sees every event that it asked for, however many others are
// written between its looks.
func TestFollowMissesNothing(t *testing.T) {
	h := newHouse(t)
	const events = 600
	h.system("before", "all")
	var after uint64
	h.until("there is a first event", func() bool { after = h.journal.Stats().Last; return after > 0 })
	go func() {
		for i := range events {
			wanted := newEvent(h.clock, access.ActionEvent, "front")
			wanted.Detail = fmt.Sprint(i)
			<-h.journal.Append(wanted).Done() // each is a commit of its own
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := map[string]int{}
	err := h.Follow(ctx, control.EventQuery{After: after, Kind: access.ActionEvent.String()}, func(e access.Event) error {
		if seen[e.Detail]++; len(seen) == events {
			cancel()
		}
		return nil
	})
	if len(seen) != events {
		t.Errorf("got %d of %d events (%v)", len(seen), events, err)
	}
	for detail, n := range seen {
		if n > 1 {
			t.Errorf("event %s came %d times", detail, n)
		}
	}
}

// chatterbox is a tile on a line where something always comes.
type chatterbox struct{ fakeTile }

func (chatterbox) Read(ctx context.Context) (hw.Read, error) {
	if ctx.Err() != nil {
		return hw.Read{}, ctx.Err()
	}
	return hw.Read{Fault: access.Unreadable}, nil
}

// The watchdog must not end a gateway because a tile never stops talking.
func TestATileThatNeverStopsTalkingIsAlive(t *testing.T) {
	s := newStage(t, nil)
	s.tiles[0].reader, s.log = chatterbox{fakeTile{s.seen}}, hclog.NewNullLogger()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.listen(ctx, s.tiles[0]) }()
	for end := time.Now().Add(20 * time.Second); s.tiles[0].beat.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("the loop of the reader looks dead")
			break
		}
	}
	cancel()
	<-ended
}
