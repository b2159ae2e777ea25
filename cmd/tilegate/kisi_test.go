package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
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
