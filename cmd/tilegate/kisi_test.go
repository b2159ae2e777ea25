package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestKisiTestTellsWhatIsMissing(t *testing.T) {
	g := morning()
	g.checks = []cloud.CheckLine{{What: "sign in", OK: true, Note: "as gateway@example.com"}, {What: "read logins", Note: "the key may not; make the user an organisation administrator"}}
	s := open(t, g)
	text := s.transcript(t, "kisi", "test")
	g.checks = g.checks[:1]
	text += s.transcript(t, "kisi", "test")
	golden(t, "kisi", text+noSite(t).transcript(t, "kisi", "test", "--config", "testdata/good.toml"))
}

func TestKisiCompareTellsWhatDiffers(t *testing.T) {
	g := morning()
	g.compared = []control.Compared{
		{Comparing: cloud.Comparing{Step: "asking Kisi for its log"}},
		{Comparing: cloud.Comparing{Step: "deciding again", Events: 200, At: noon}},
		{Comparing: cloud.Comparing{Step: "deciding again", Events: 400, At: noon.Add(-time.Hour)}},
		{Report: &cloud.Comparison{
			From: noon.AddDate(0, 0, -30), Until: noon, Events: 401, Compared: 400, Agreed: 396, Near: 12, Today: 3,
			Skipped: []cloud.Skipped{{Why: "the door is not mirrored", Count: 1}},
			Disagreements: []cloud.Disagreement{
				{
					Code: "34ffaa", Kisi: "outside the allowed hours", Ours: access.Granted, Opener: "tilegate", Count: 1,
					Newest: cloud.Example{At: noon, Person: "Anna \x1b[31mRossi", Door: "Lab", By: "Card", Group: "Members", Words: "welcome"},
					May:    []string{"[kisi] hours_missing = \"closed\" would agree"},
				},
				{
					Kisi: "opened", Ours: access.OutsideHours, Opener: "kisi", Count: 3,
					Newest: cloud.Example{At: noon, Person: "Tom", Door: "Front door", By: "Card", Detail: "Mon–Fri 08:00–18:00 (Europe/Rome)", Words: "outside the hours of the group"},
				},
			},
		}},
	}
	s := open(t, g)
	text := s.transcript(t, "kisi", "compare")
	g.compared = []control.Compared{{Report: &cloud.Comparison{From: noon.AddDate(0, 0, -1), Until: noon, Events: 1, Compared: 1, Agreed: 1}}}
	text += s.transcript(t, "kisi", "compare", "--days", "1")
	text += s.transcript(t, "kisi", "compare", "--days", "91")
	g.compared = nil
	golden(t, "kisi_compare", text+s.transcript(t, "kisi", "compare"))
}

func TestProgressIsPlainOrOneLine(t *testing.T) {
	var out bytes.Buffer
	at := noon
	p := progress{to: &out, now: func() time.Time { return at }}
	for _, text := range []string{"one", "two", "three"} {
		p.tell("step", text)
		at = at.Add(6 * time.Second)
	}
	p.tell("other", "four")
	p.end()
	if got, want := out.String(), "one\nthree\nfour\n"; got != want {
		t.Errorf("plain: got %q, want %q", got, want)
	}
	out.Reset()
	p.live = true
	p.tell("step", "five\x1b[2J")
	p.end()
	if got, want := out.String(), "\r\x1b[Kfive\ufffd[2J\r\x1b[K"; got != want {
		t.Errorf("terminal: got %q, want %q", got, want)
	}
}

// kisiSettings is a settings file for a Kisi at an address, and its key.
func kisiSettings(t *testing.T, address, key string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tilegate.toml")
	text := fmt.Sprintf("[site]\nid = \"a\"\nname = \"A\"\ntime_zone = \"UTC\"\n[state]\ncredentials_dir = %q\n[kisi]\napi_key_file = \"key\"\nbase_url = %q\n", dir, address)
	for name, content := range map[string]string{path: text, filepath.Join(dir, "key"): key + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestKisiIsTestedFromHereWhenNoGatewayRuns(t *testing.T) {
	const right, wrong = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	fake := cloudtest.NewKisi(cloudtest.Options{Organisation: "Example Cowork"})
	fake.AddKey(fake.Owner(), right)
	place := fake.AddPlace("Headquarters", "Europe/Rome")
	fake.AddLock(place, "Front door")
	fake.AddGroup(place, "Members")
	server := httptest.NewServer(fake)
	defer server.Close()
	away := noSite(t)

	got := away.run(t, "kisi", "test", "--config", kisiSettings(t, server.URL, right))
	if got.code != exitOK || !strings.Contains(got.out, "Organisation: Example Cowork\n") {
		t.Errorf("right key: exit %d, want %d and the organisation:\n%s%s", got.code, exitOK, got.out, got.err)
	}
	if len(fake.Requests()) == 0 {
		t.Error("Kisi was not asked")
	}
	got = away.run(t, "kisi", "test", "--config", kisiSettings(t, server.URL, wrong))
	if got.code == exitOK || got.out+got.err == "" {
		t.Errorf("wrong key: exit %d:\n%s%s", got.code, got.out, got.err)
	}
	if strings.Contains(got.out+got.err, wrong) {
		t.Errorf("the key is told:\n%s%s", got.out, got.err)
	}
}
