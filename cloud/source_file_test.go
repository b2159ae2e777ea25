package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func testKey(tb testing.TB) access.DigestKey {
	tb.Helper()
	key, err := access.NewDigestKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// decodeFile stands for the settings reader.
func decodeFile(path string) Decode {
	return func(into any) error {
		reflect.ValueOf(into).Elem().FieldByName("Path").SetString(path)
		return nil
	}
}

func fileSourceAt(tb testing.TB, path string) Source {
	tb.Helper()
	plan, err := CheckSource("file", decodeFile(path))
	if err != nil {
		tb.Fatal(err)
	}
	source, err := plan.Open(Deps{Digest: testKey(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return source
}

func fileWith(tb testing.TB, content string) (source Source, path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "roster.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return fileSourceAt(tb, path), path
}

func TestTheExampleRosterIsReadWhole(t *testing.T) {
	example, err := os.ReadFile("../configs/examples/roster.json")
	if err != nil {
		t.Fatal(err)
	}
	source, _ := fileWith(t, string(example))
	got, err := taken(t, source)
	if err != nil {
		t.Fatal(err)
	}
	key := testKey(t)
	card := func(id, holder string, forms ...string) []access.Assignment {
		var rows []access.Assignment
		for _, form := range forms {
			rows = append(rows, access.Assignment{ID: id, Kind: access.Card, Digest: key.Digest(access.Card, []byte(form)), Assurance: access.LowAssured, Holder: holder, Active: true})
		}
		return rows
	}
	one := func(id, holder string, kind access.Kind, form string) access.Assignment {
		return access.Assignment{ID: id, Kind: kind, Digest: key.Digest(kind, []byte(form)), Assurance: access.LowAssured, Holder: holder, Active: true}
	}
	want := access.Roster{
		Places: []access.Place{{ID: "hq", Name: "Headquarters", Zone: "Europe/Rome"}},
		Doors:  []access.Door{{ID: "front", Name: "Front door", Place: "hq"}, {ID: "studio", Name: "Studio", Place: "hq"}},
		Groups: []access.Group{
			{ID: "members", Name: "Members", Doors: []string{"front"}},
			{ID: "studio-users", Name: "Studio users", Doors: []string{"front", "studio"}, Restricted: true},
		},
		Schedules: []access.Schedule{
			{ID: "group/studio-users/hours/1", On: access.ScopeGroup, OnID: "studio-users", Days: 0b0111110, From: 8 * 60, Until: 22 * 60},
			{ID: "group/studio-users/hours/2", Name: "Late nights", On: access.ScopeGroup, OnID: "studio-users", Days: 0b1100000, From: 22 * 60, Until: 24 * 60},
			{ID: "group/studio-users/hours/2/next", Name: "Late nights", On: access.ScopeGroup, OnID: "studio-users", Days: 0b1000001, From: 0, Until: 2 * 60},
			{ID: "group/studio-users/hours/3", Name: "Closed", On: access.ScopeGroup, OnID: "studio-users", Except: true, Dates: []access.Dates{
				{First: dateOf(2026, 12, 25), Last: dateOf(2026, 12, 25)}, {First: dateOf(2026, 12, 31), Last: dateOf(2027, 1, 1)},
			}},
		},
		Teams: []access.Team{{ID: "cleaners", Name: "Cleaners", Members: []string{"cleo"}}},
		Holders: []access.Holder{
			{ID: "ann", Name: "Ann Lee"},
			{ID: "bo", Name: "Bo Chen"},
			{ID: "cleo", Name: "Cleo Rossi"},
			{ID: "dan", Name: "Dan Novak", Suspended: true},
		},
		Assignments: []access.Assignment{
			card("ann/card/1", "ann", "04a2b3c4d5e680", "80e6d5c4b3a204")[0], card("ann/card/1", "ann", "04a2b3c4d5e680", "80e6d5c4b3a204")[1],
			card("bo/card/1", "bo", "9e114c7a")[0], card("bo/card/1", "bo", "7a4c119e")[0],
			one("bo/qr/1", "bo", access.QR, "TG-EXAMPLE-CODE-0001"),
			one("bo/pin/1", "bo", access.PIN, "730412"),
			one("cleo/wiegand/1", "cleo", access.Wiegand, "h10301:12:3456"),
			card("dan/card/1", "dan", "04112233445566")[0], card("dan/card/1", "dan", "66554433221104")[0],
		},
		Grants: []access.Grant{
			{ID: "ann@members", Assignee: "ann", Scope: access.ScopeGroup, ScopeID: "members", Source: "file", Cause: "manual"},
			{ID: "dan@members", Assignee: "dan", Scope: access.ScopeGroup, ScopeID: "members", Source: "file", Cause: "manual"},
			{
				ID: "bo-studio", Assignee: "bo", Scope: access.ScopeGroup, ScopeID: "studio-users", Source: "file", Cause: "manual",
				From: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Until: time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC),
			},
			{ID: "cleaning", Kind: access.ToTeam, Assignee: "cleaners", Scope: access.ScopePlace, ScopeID: "hq", Source: "file", Cause: "manual"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roster (-want +got):\n%s", diff)
	}
	if _, err := access.Build(got, []access.Contact{{Source: "file", Ageless: true}}, 1); err != nil {
		t.Errorf("the roster cannot be used: %v", err)
	}
	if !source.Ageless() || source.Name() != "file" {
		t.Error("a file does not go stale, and is called file")
	}
}

func TestARosterFileIsRefusedWholeAndSaysWhere(t *testing.T) {
	people := `"people": [{"id": "ann", "cards": ["04A2B3C4D5E680"]}]`
	tests := []struct {
		name, in string
		want     string
		line     int
	}{
		{"nothing", "", "the file ends too early", 1},
		{"half of it", "{\n \"people\": [\n  {\"id\": \"ann\"", "the file ends too early", 3},
		{"not an object", "[]", `here must be "{"`, 1},
		{"HTML", "<!DOCTYPE html>", "not JSON: invalid character '<' looking for beginning of value", 1},
		{"two rosters", "{" + people + "}\n{}", "there is more after the end of the roster", 2},
		{"nobody", "{\n\"people\": []\n}", `it names no people: to keep everybody out, suspend them ("suspended": true)`, 3},
		{"no people at all", "{}", `it names no people: to keep everybody out, suspend them ("suspended": true)`, 1},
		{"an unknown list", "{\n\"peeple\": []}", `"peeple" is not known here; there are: places, doors, groups, people, teams, grants`, 2},
		{"a list twice", "{" + people + ",\n" + people + "}", `the list "people" is there twice`, 2},
		{"an unknown key", "{\"people\": [\n\n{\"id\": \"ann\", \"crads\": []}]}", `people: unknown field "crads"`, 3},
		{"a key twice", "{\"people\": [\n{\"id\": \"ann\", \"name\": \"{\\\"id\\\":1\", \"ID\": \"bo\"}]}", `people: "ID" is said twice in one row`, 2},
		{"a number for a card", "{\"people\": [\n{\"id\": \"ann\", \"cards\": [4660]}]}", `"cards" can not be a number`, 2},
		{"no row", "{\"people\": [\n\"ann\"]}", "people: a row is not an object in braces", 2},
		{"null for a row", "{\"people\": [\nnull]}", "people: a row is not an object in braces", 2},
		{"no id", "{\"people\": [{\"id\": \"ann\"},\n{\"name\": \"Bo\"}]}", "people: it has no id", 2},
		{"a key twice, inside", "{\"groups\": [\n{\"id\": \"all\", \"hours\": [{\"days\": \"mon\", \"Days\": \"tue\"}]}]}", `groups: "Days" is said twice in one row`, 2},
		{"an id twice", "{\"people\": [\n{\"id\": \"ann\"},\n{\"id\": \"ann\"}]}", `people: the id "ann" is there twice`, 3},
		{"an id without end", `{"people": [{"id": "` + strings.Repeat("x", 129) + `"}]}`, "people: its id is longer than 128 characters", 1},
		{"a name without end", `{"people": [{"id": "x", "name": "` + strings.Repeat("x", 257) + `"}]}`, "people: its name is longer than 256 characters", 1},
		{"a card that is no hex", "{\"people\": [\n{\"id\": \"ann\", \"cards\": [\"12345G\"]}]}", "people: a card is not written as 3 to 10 bytes of hex, as in 04A2B3C4D5E680", 2},
		{"a short card", `{"people": [{"id": "ann", "cards": ["1234"]}]}`, "people: a card is not written as 3 to 10 bytes of hex, as in 04A2B3C4D5E680", 1},
		{"an empty code", `{"people": [{"id": "ann", "qr": [""]}]}`, "people: a code is empty, longer than 2000 characters, or has spaces around it", 1},
		{"a short PIN", `{"people": [{"id": "ann", "pin": "123"}]}`, `people: a pin is not written as 4 to 12 digits in quotes, as in "0417"`, 1},
		{"a long PIN", `{"people": [{"id": "ann", "pin": "1234567890123"}]}`, `people: a pin is not written as 4 to 12 digits in quotes, as in "0417"`, 1},
		{"a PIN that is no digits", `{"people": [{"id": "ann", "pin": "12 34"}]}`, `people: a pin is not written as 4 to 12 digits in quotes, as in "0417"`, 1},
		{"a PIN without quotes", `{"people": [{"id": "ann", "pin": 1234}]}`, `"pin" can not be a number`, 1},
		{"a long PIN of two people", "{\"people\": [{\"id\": \"ann\", \"pin\": \"481516\"},\n{\"id\": \"bo\", \"pin\": \"481516\"}]}", `people: its pin 1 is also that of "ann"`, 2},
		{"a card twice", "{\"people\": [\n{\"id\": \"a/b\", \"cards\": [\"04A2B3C4D5E680\", \"80:E6:D5:C4:B3:A2:04\"]}]}", "people: it has the same card twice", 2},
		{"a card of two people", "{\"people\": [{\"id\": \"ann\", \"cards\": [\"04A2B3C4D5E680\"]},\n{\"id\": \"bo\", \"cards\": [\"04a2b3c4d5e680\"]}]}", `people: its card 1 is also that of "ann"`, 2},
		{"a card of two people, turned around", "{\"people\": [{\"id\": \"ann\", \"cards\": [\"04A2B3C4D5E680\"]},\n{\"id\": \"bo\", \"cards\": [\"80E6D5C4B3A204\"]}]}", `people: its card 1 is also that of "ann"`, 2},
		{"too many cards", `{"people": [{"id": "ann", "qr": [` + strings.Repeat(`"a",`, 64) + `"b"]}]}`, "people: it has more than 64 credentials or groups", 1},
		{"a grant of nobody", "{" + people + ", \"grants\": [\n{\"door\": \"front\"}]}", "grants: a grant names exactly one of person and team", 2},
		{"a grant for nothing", "{" + people + ", \"grants\": [\n{\"person\": \"ann\"}]}", "grants: a grant names exactly one of group, door, place and everywhere", 2},
		{"a grant for two things", "{" + people + ", \"grants\": [\n{\"person\": \"ann\", \"door\": \"front\", \"everywhere\": true}]}", "grants: a grant names exactly one of group, door, place and everywhere", 2},
		{"a grant that ends before it begins", "{" + people + ", \"grants\": [\n{\"person\": \"ann\", \"everywhere\": true, \"from\": \"2026-11-02T09:00:00Z\", \"until\": \"2026-11-02T09:00:00Z\"}]}", "grants: it ends before it begins", 2},
		{"a grant twice", "{" + people + ", \"grants\": [\n{\"person\": \"ann\", \"everywhere\": true},\n{\"person\": \"ann\", \"everywhere\": true}]}", `grants: the id "ann@everywhere" is there twice`, 3},
		{"a zone that is none", "{" + people + ", \"places\": [\n{\"id\": \"hq\", \"time_zone\": \"Rome\"}]}", `places: time_zone "Rome" is not an IANA name, as in Europe/Rome`, 2},
		{"a dangling place", "{" + people + ", \"doors\": [\n{\"id\": \"front\", \"place\": \"hq\"}]}", `doors: there is no "hq" in "places"`, 2},
		{"a dangling door", "{" + people + ", \"groups\": [\n{\"id\": \"all\", \"doors\": [\"front\"]}]}", `groups: there is no "front" in "doors"`, 2},
		{"a dangling member", "{" + people + ", \"teams\": [\n{\"id\": \"t\", \"members\": [\"bo\"]}]}", `teams: there is no "bo" in "people"`, 2},
		{"a dangling person", "{" + people + ", \"grants\": [\n{\"person\": \"bo\", \"everywhere\": true}]}", `grants: there is no "bo" in "people"`, 2},
		{"a dangling group of a person", "{\"people\": [\n{\"id\": \"ann\", \"groups\": [\"all\"]}]}", `grants: there is no "all" in "groups"`, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, path := fileWith(t, tt.in)
			_, err := taken(t, source)
			var refused *RosterError
			if !errors.As(err, &refused) {
				t.Fatalf("Fetch: %v, want a *RosterError", err)
			}
			want := []RosterMistake{{Line: tt.line, What: tt.want}}
			if diff := cmp.Diff(want, refused.Mistakes); diff != "" || refused.Path != path {
				t.Errorf("%s (-want +got):\n%s", refused.Path, diff)
			}
			if strings.Contains(strings.ToUpper(err.Error()), "04A2B3C4D5E680\"]") || strings.Contains(err.Error(), "12345G") {
				t.Errorf("the error tells a card value: %v", err)
			}
		})
	}
}

func TestEveryDanglingRowIsNamed(t *testing.T) {
	source, _ := fileWith(t, `{"people": [{"id": "ann"}], "groups": [
{"id": "a", "doors": ["x"]},
{"id": "b", "doors": ["y", "z"]},
{"id": "c", "doors": ["w"]}]}`)
	_, err := taken(t, source)
	want := `refused whole, the old rights stand; line 2: groups: there is no "x" in "doors"; line 3: groups: there is no "y" in "doors"; line 3: groups: there is no "z" in "doors"; and 1 more`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant …%s", err, want)
	}
}

func TestARosterThatOthersCanTouchIsRefused(t *testing.T) {
	tests := []struct {
		mode os.FileMode
		want string
	}{
		{0o600, ""},
		{0o640, ""},
		{0o440, ""},
		{0o644, "everybody on this machine may touch it (mode 0644)"},
		{0o604, "everybody on this machine may touch it (mode 0604)"},
		{0o660, "its group may write it (mode 0660)"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%04o", tt.mode), func(t *testing.T) {
			source, path := fileWith(t, `{"people": [{"id": "ann"}]}`)
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := source.Fetch(t.Context(), "")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "chmod 0640")) {
				t.Errorf("mode %04o: %v, want %q and what to do", tt.mode, err, tt.want)
			}
		})
	}
}

func TestAMissingRosterSaysWhatToDo(t *testing.T) {
	_, err := fileSourceAt(t, filepath.Join(t.TempDir(), "none.json")).Fetch(t.Context(), "")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "roster.json among the examples") {
		t.Errorf("Fetch: %v, want not-exist and where an example is", err)
	}
	_, err = fileSourceAt(t, t.TempDir()).Fetch(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "it is not a file") {
		t.Errorf("Fetch of a directory: %v", err)
	}
}

func TestTheRosterIsReadAgainOnlyWhenTheFileChanged(t *testing.T) {
	source, path := fileWith(t, `{"people": [{"id": "ann"}]}`)
	first, err := source.Fetch(t.Context(), "")
	if err != nil || first.Unchanged {
		t.Fatalf("first Fetch: unchanged %t, %v", first.Unchanged, err)
	}
	again, err := source.Fetch(t.Context(), first.Cursor)
	if err != nil || !again.Unchanged || again.At.Before(first.At) {
		t.Errorf("second Fetch: unchanged %t, at %v, %v; want unchanged, heard of just now", again.Unchanged, again.At, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// A new file of the same size and with the same old time of writing.
	next := path + ".new"
	if err := os.WriteFile(next, []byte(`{"people": [{"id": "bob"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chtimes(next, info.ModTime(), info.ModTime()), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
	got, err := source.Fetch(t.Context(), first.Cursor)
	var in tray
	if err != nil || got.Unchanged || got.Rows(t.Context(), &in) != nil || in.rows.Holders[0].ID != "bob" {
		t.Errorf("Fetch of another file: %+v, %v; want bob", in.rows, err)
	}
	// And what was fetched before that is not there any more.
	if err := first.Rows(t.Context(), &in); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("rows of a file that is another now: %v, want it refused", err)
	}
}

func TestSyncTakesAFileWithoutGuardAndWithoutMercy(t *testing.T) {
	source, path := fileWith(t, `{"doors": [{"id": "front"}], "groups": [{"id": "all", "doors": ["front"]}],
"people": [{"id": "a", "groups": ["all"]}, {"id": "b", "groups": ["all"]}, {"id": "c", "groups": ["all"]}]}`)
	keeper := &shelf{}
	s, _ := newSync(t, source, keeper, time.Minute, nil)
	if err := s.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"doors": [{"id": "front"}], "groups": [{"id": "all", "doors": ["fornt"]}], "people": [{"id": "a", "groups": ["all"]}]}`)
	if err := s.Now(t.Context()); err == nil || keeper.people("front") != 3 {
		t.Errorf("Now: %v, %d people; want the file refused whole and all three in", err, keeper.people("front"))
	}
	// Editing the file is a person's act: it is proof enough.
	write(`{"doors": [{"id": "front"}], "groups": [{"id": "all", "doors": ["front"]}], "people": [{"id": "a", "groups": ["all"]}]}`)
	if err := s.Now(t.Context()); err != nil || keeper.people("front") != 1 {
		t.Errorf("Now: %v, %d people; want one", err, keeper.people("front"))
	}
	if got := s.Status(); got.Result != SyncOK || len(got.Held) > 0 || !got.Ageless {
		t.Errorf("status %+v, want ok and nothing held", got)
	}
}

// A full disk is no mistake of whoever wrote the file.
func TestWhatTheIntakeSaysIsNoMistakeInTheFile(t *testing.T) {
	source, _ := fileWith(t, `{"people": [{"id": "ann"}]}`)
	fetched, err := source.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space is left")
	err = fetched.Rows(t.Context(), &tray{full: full})
	if refused := (*RosterError)(nil); !errors.Is(err, full) || errors.As(err, &refused) {
		t.Errorf("Rows: %v, want what the intake said", err)
	}
}

func TestReadingARosterEndsWithItsContext(t *testing.T) {
	source, _ := fileWith(t, `{"people": [{"id": "ann"}]}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Fetch(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch: %v, want canceled", err)
	}
	fetched, err := source.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := fetched.Rows(ctx, &tray{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Rows: %v, want canceled", err)
	}
}

func TestFileReport(t *testing.T) {
	source, path := fileWith(t, `{"people": [{"id": "ann", "cards": ["04A2B3C4D5E680"]}]}`)
	got, err := source.Test(t.Context())
	if err != nil || got.Organisation != path || len(got.Lines) != 3 || !got.Lines[0].OK {
		t.Errorf("Test: %+v, %v", got, err)
	}
	source, _ = fileWith(t, `{`)
	got, err = source.Test(t.Context())
	if err == nil || len(got.Lines) != 1 || got.Lines[0].OK || !strings.Contains(got.Lines[0].Note, "ends too early") {
		t.Errorf("Test of half a file: %+v, %v", got, err)
	}
}

func TestFileOptionsAreChecked(t *testing.T) {
	for _, path := range []string{"", "roster.json"} {
		if _, err := CheckSource("file", decodeFile(path)); err == nil {
			t.Errorf("path %q was taken", path)
		}
	}
}

// Beside a card four digits do, and two people may well have chosen the same.
func TestShortPINMayBeThatOfTwoPeople(t *testing.T) {
	deps := Deps{Digest: testKey(t)}
	const people = `{"people": [{"id": "ann", "cards": ["04A2B3C4"], "pin": "0417"}, {"id": "bo", "cards": ["922E5832"], "pin": "0417"}]}`
	var in tray
	if err := newRosterReader("roster.json", strings.NewReader(people), deps, &in).read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := access.Build(in.rows, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	digits := deps.Digest.Digest(access.PIN, []byte("0417"))
	for _, uid := range []string{"04a2b3c4", "922e5832"} {
		if !s.PINBelongs(deps.Digest.Credential(access.Card, []byte(uid)), digits) {
			t.Errorf("%s: the PIN does not belong to its holder", uid)
		}
	}
	if s.Clashes() != 0 {
		t.Errorf("clashes: got %d, want none", s.Clashes())
	}
}
