package daemon

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// fileSync is the rights of a box from a roster file.
func fileSync(t *testing.T, b *box, path string) *cloud.Sync {
	t.Helper()
	plan, err := cloud.CheckSource("file", func(into any) error {
		reflect.ValueOf(into).Elem().FieldByName("Path").SetString(path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := plan.Open(cloud.Deps{Digest: doorKey})
	if err != nil {
		t.Fatal(err)
	}
	s, err := cloud.NewSync(cloud.SyncOptions{Source: source, Every: time.Hour, Keeper: b.rights})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is wrong between rows is found on the disk, and told by line, as if the
// file had been in memory.
func TestARosterFileThatContradictsItselfIsRefusedByLine(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, fileSource)
	path := filepath.Join(t.TempDir(), "roster.json")
	s := fileSync(t, b, path)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = `{"doors": [{"id": "front"}], "people": [{"id": "ann", "pin": "0417", "cards": ["04A2B3C4D5E680"]}, {"id": "ben", "pin": "0417"}], "grants": [{"person": "ann", "door": "front"}]}`
	write(good)
	if err := s.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := b.Load()
	for _, tt := range []struct{ name, in, want string }{
		{"an id twice", "{\"people\": [\n{\"id\": \"ann\"},\n{\"id\": \"bo\"}, {\"id\": \"ann\"}]}", `line 3: people: the id "ann" is there twice`},
		{"an id three times", "{\"people\": [\n{\"id\": \"ann\"},\n{\"id\": \"ann\"},\n{\"id\": \"ann\"}]}", `line 3: people: the id "ann" is there twice; line 4: people: the id "ann" is there twice`},
		{"a grant twice, of two people", "{\"people\": [{\"id\": \"ann\"}, {\"id\": \"bo\"}], \"grants\": [\n{\"id\": \"g\", \"person\": \"ann\", \"everywhere\": true},\n{\"id\": \"g\", \"person\": \"bo\", \"everywhere\": true}]}", `line 3: grants: the id "g" is there twice`},
		{"a card of two people, turned around", "{\"people\": [\n{\"id\": \"ann\", \"cards\": [\"04A2B3C4D5E680\"]},\n{\"id\": \"bo\", \"cards\": [\"80E6D5C4B3A204\"]}]}", `stand; line 3: people: its card 1 is also that of "ann"`},
		{"a card twice", "{\"people\": [\n{\"id\": \"a/b\", \"cards\": [\"04A2B3C4D5E680\", \"80:E6:D5:C4:B3:A2:04\"]}]}", "line 2: people: it has the same card twice"},
		{"a card whose other way round is a third one", "{\"people\": [{\"id\": \"ann\", \"cards\": [\"04A2B3C4\"]}, {\"id\": \"bo\", \"wiegand\": [\"h10301:1:2\"]},\n{\"id\": \"cy\", \"wiegand\": [\"em410x-26:1:2\"]}]}", `line 2: people: its wiegand 1 is also that of "bo"`},
		{"a long PIN of two people", "{\"people\": [{\"id\": \"ann\", \"pin\": \"481516\"},\n{\"id\": \"bo\", \"pin\": \"481516\"}]}", `line 2: people: its pin 1 is also that of "ann"`},
		{"a dangling place", "{\"people\": [{\"id\": \"ann\"}], \"doors\": [\n{\"id\": \"front\", \"place\": \"hq\"}]}", `line 2: doors: there is no "hq" in "places"`},
		{"a dangling door", "{\"people\": [{\"id\": \"ann\"}], \"groups\": [\n{\"id\": \"all\", \"doors\": [\"front\"]}]}", `line 2: groups: there is no "front" in "doors"`},
		{"a dangling member", "{\"people\": [{\"id\": \"ann\"}], \"teams\": [\n{\"id\": \"t\", \"members\": [\"bo\"]}]}", `line 2: teams: there is no "bo" in "people"`},
		{"a dangling person", "{\"people\": [{\"id\": \"ann\"}], \"grants\": [\n{\"person\": \"bo\", \"everywhere\": true}]}", `line 2: grants: there is no "bo" in "people"`},
		{"a dangling team", "{\"people\": [{\"id\": \"ann\"}], \"grants\": [\n{\"team\": \"ann\", \"everywhere\": true}]}", `line 2: grants: there is no "ann" in "teams"`},
		{"a dangling group of a person", "{\"people\": [\n{\"id\": \"ann\", \"groups\": [\"all\"]}]}", `line 2: grants: there is no "all" in "groups"`},
		{"a dangling door and place", "{\"people\": [{\"id\": \"ann\"}], \"grants\": [\n{\"id\": \"1\", \"person\": \"ann\", \"door\": \"x\"},\n{\"id\": \"2\", \"person\": \"ann\", \"place\": \"y\"}]}", `line 2: grants: there is no "x" in "doors"; line 3: grants: there is no "y" in "places"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(tt.in)
			if err := s.Now(t.Context()); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s", err, tt.want)
			}
			if b.Load().Hash() != in.Hash() {
				t.Error("a file that was refused changed the rights")
			}
		})
	}
}

func TestAFileWithThousandsOfMistakesIsRefusedAtOnce(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, fileSource)
	path := filepath.Join(t.TempDir(), "roster.json")
	var text bytes.Buffer
	text.WriteString(`{"people": [{"id": "p"}`)
	for i := range 5000 {
		fmt.Fprintf(&text, ",\n{\"id\": \"p%d\", \"groups\": [\"none\"]}", i)
	}
	text.WriteString("]}")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	err := fileSync(t, b, path).Now(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), "and at least 997 more") {
		t.Errorf("got %v, want the first mistakes and that there are many", err)
	}
}

// Hours of the file are kept at the door.
func TestHoursOfTheFileAreKeptAtTheDoor(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, fileSource)
	path := filepath.Join(t.TempDir(), "roster.json")
	const roster = `{
		"places": [{"id": "hq", "time_zone": "Europe/Rome"}],
		"doors": [{"id": "front", "place": "hq"}],
		"groups": [{"id": "night", "doors": ["front"], "hours": [
			{"days": "mon-fri", "from": "22:00", "until": "06:00"},
			{"dates": ["2026-12-24/2026-12-26"], "except": true},
			{"from": "2026-12-25T12:00:00Z", "until": "2026-12-25T13:00:00Z"}
		]}],
		"people": [{"id": "ann", "qr": ["ann"], "groups": ["night"]}]
	}`
	if err := os.WriteFile(path, []byte(roster), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fileSync(t, b, path).Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		at   string
		want access.Reason
	}{
		{"2026-11-02 21:59", access.OutsideHours}, // a Monday
		{"2026-11-02 22:00", access.Granted},
		{"2026-11-03 05:59", access.Granted},
		{"2026-11-03 06:00", access.OutsideHours},
		{"2026-11-07 05:59", access.Granted}, // Saturday: the night that began on Friday
		{"2026-11-07 22:00", access.OutsideHours},
		{"2026-11-09 05:00", access.OutsideHours}, // Monday: no night began on Sunday
		{"2026-12-24 23:00", access.OutsideHours},
		{"2026-12-27 00:00", access.OutsideHours},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", tt.at, rome)
		if err != nil {
			t.Fatal(err)
		}
		tap := access.Tap{Door: "front", Credential: doorKey.Credential(access.QR, []byte("ann")), At: at}
		if d := b.Load().Decide(tap, access.Facts{}); d.Reason != tt.want {
			t.Errorf("%s: got %v, want %v", tt.at, d.Reason, tt.want)
		}
	}
}
