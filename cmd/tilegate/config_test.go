package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

// What is said of each mistake is daemon/config's own and tested there.
func TestConfigCheckShowsEveryMistakeWithItsLine(t *testing.T) {
	for _, test := range []struct {
		file string
		exit int
		want []string
	}{
		{"good.toml", exitOK, []string{"warning: testdata/good.toml: ", "testdata/good.toml: good: 0 doors, rights from file\n"}},
		{"wrong.toml", exitFailed, []string{"testdata/wrong.toml: no source of rights", "\ntestdata/wrong.toml:3: site.nam: unknown key\n    did you mean", "\ntestdata/wrong.toml:4: site.time_zone: ", "Error: testdata/wrong.toml: 3 mistakes\nTry:   "}},
		{"away.toml", exitFailed, []string{"testdata/away.toml: there is no such settings file\n    ", "Error: testdata/away.toml: 1 mistake\n"}},
	} {
		got := noSite(t).run(t, "config", "check", "--config", "testdata/"+test.file)
		if got.code != test.exit {
			t.Errorf("%s: exit %d, want %d", test.file, got.code, test.exit)
		}
		for _, want := range test.want {
			if !strings.Contains(got.out+got.err, want) {
				t.Errorf("%s lacks %q:\n%s%s", test.file, want, got.out, got.err)
			}
		}
	}
}

func TestConfigCheckSaysTheSameToScripts(t *testing.T) {
	for file, exit := range map[string]int{"good.toml": exitOK, "wrong.toml": exitFailed} {
		got := noSite(t).run(t, "config", "check", "--json", "--config", "testdata/"+file)
		var found checked
		if err := json.Unmarshal([]byte(got.out), &found); err != nil {
			t.Fatal(err)
		}
		if got.code != exit || found.OK != (exit == exitOK) || found.OK != (len(found.Mistakes) == 0) {
			t.Errorf("%s: exit %d, %+v, want exit %d", file, got.code, found, exit)
		}
		for _, m := range found.Mistakes {
			if m.Key != "" && m.Line == 0 {
				t.Errorf("%s: %s is on no line", file, m.Key)
			}
		}
	}
}

func TestConfigCheckOnlyWarnsOfASecretThatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tilegate.toml")
	text := "[site]\nid = \"a\"\nname = \"A\"\ntime_zone = \"UTC\"\n[file]\npath = \"/r.json\"\n[alert]\nwebhook_url_file = \"" + path + ".url\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := noSite(t).run(t, "config", "check", "--config", path)
	if got.code != exitOK || !strings.Contains(got.out, "warning: "+path+":8: alert.webhook_url_file: there is no "+path+".url yet") {
		t.Errorf("exit %d, want %d with a warning:\n%s%s", got.code, exitOK, got.out, got.err)
	}
}

func TestConfigCheckTriesTheReadersOnTheirExamples(t *testing.T) {
	const settings = `[site]
id = "a"
name = "A"
time_zone = "UTC"
[file]
path = "/r.json"
[[door]]
id = "front"
strike = { driver = "modbus", port = "/dev/serial/by-path/b" }
[door.reader]
driver = "line"
port = "/dev/serial/by-path/a"
preset = "hex-cr"
decode = { from = "hex", as = "uid", reverse = ["bytes"] }
examples = [ { in = "'32582E92' CR", want = "card %s" }, { in = "'32582E9' CR", want = "drop decode" } ]
`
	for want, exit := range map[string]int{"922e5832": exitOK, "32582e92": exitFailed} {
		path := filepath.Join(t.TempDir(), "tilegate.toml")
		if err := os.WriteFile(path, []byte(strings.Replace(settings, "%s", want, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		got := noSite(t).run(t, "config", "check", "--config", path)
		if got.code != exit {
			t.Errorf("%s: exit %d, want %d:\n%s%s", want, got.code, exit, got.out, got.err)
		}
		if exit != exitOK && !strings.Contains(got.out+got.err, `door front, reader in: 33 32 35 38 32 45 39 32 0D: got "card 922e5832", want "card 32582e92"`) {
			t.Errorf("%s: not told:\n%s%s", want, got.out, got.err)
		}
	}
}

func TestConfigCheckIsContentWithEveryExample(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		if got := noSite(t).run(t, "config", "check", "--config", file); got.code != exitOK {
			t.Errorf("%s: exit %d:\n%s%s", file, got.code, got.out, got.err)
		}
	}
}

func TestTheToolLooksWhereTheGatewayListens(t *testing.T) {
	options, err := config.Load("testdata/good.toml")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		filepath.Join(control.RunDir, control.ViewSocket):    options.Control.ViewSocket,
		filepath.Join(control.RunDir, control.OperateSocket): options.Control.OperateSocket,
	} {
		if got != want {
			t.Errorf("the tool asks at %s, the gateway listens at %s", got, want)
		}
	}
}

func TestListsAreWords(t *testing.T) {
	for _, test := range []struct {
		in   []string
		want string
	}{{nil, "nowhere"}, {[]string{"kisi"}, "kisi"}, {[]string{"file", "kisi"}, "file and kisi"}, {[]string{"a", "b", "c"}, "a, b and c"}} {
		if got := listed(test.in); got != test.want {
			t.Errorf("%v: %q, want %q", test.in, got, test.want)
		}
	}
}
