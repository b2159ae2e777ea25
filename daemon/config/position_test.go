package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestEveryKeyIsFoundOnItsLine(t *testing.T) {
	text := strings.Join([]string{
		/* 1 */ "# title = 1",
		/* 2 */ "title = \"a # no comment\" # a comment",
		/* 3 */ "[a.b]",
		/* 4 */ "c.d = '''",
		/* 5 */ "x = 1",
		/* 6 */ "quotes '''''",
		/* 7 */ "e = [",
		/* 8 */ "  1, # one",
		/* 9 */ "  { f = \"\\\"]\", g = [[], [2]] },",
		/* 10 */ "]",
		/* 11 */ "[[door]]",
		/* 12 */ "\"odd.key\" = 1\r",
		/* 13 */ "reader = { driver = \"line\", port.name = \"x\" }",
		/* 14 */ "[[door]]",
		/* 15 */ "[door.reader]",
		/* 16 */ "driver = \"\"\"",
		/* 17 */ "\\\"\"\"\"",
		/* 18 */ "[[door.hour]]",
		/* 19 */ "from = 08:00:00",
		/* 20 */ "[[door.hour]]",
		/* 21 */ "from = 09:00:00",
	}, "\n")
	want := map[string]int{
		"title": 2, "a": 3, "a.b": 3, "a.b.c": 4, "a.b.c.d": 4, "a.b.e": 7, "a.b.e[0]": 8, "a.b.e[1]": 9,
		"a.b.e[1].f": 9, "a.b.e[1].g": 9, "a.b.e[1].g[0]": 9, "a.b.e[1].g[1]": 9, "a.b.e[1].g[1][0]": 9,
		"door": 11, "door[0]": 11, `door[0]."odd.key"`: 12, "door[0].reader": 13, "door[0].reader.driver": 13,
		"door[0].reader.port": 13, "door[0].reader.port.name": 13,
		"door[1]": 14, "door[1].reader": 15, "door[1].reader.driver": 16,
		"door[1].hour": 18, "door[1].hour[0]": 18, "door[1].hour[0].from": 19, "door[1].hour[1]": 20, "door[1].hour[1].from": 21,
	}
	if _, err := toml.Decode(text, &map[string]any{}); err != nil {
		t.Fatalf("the text is not TOML: %v", err)
	}
	got := positions(text)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			t.Errorf("%s on line %d, want %d", key, got[key], want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if want[key] == 0 {
			t.Errorf("%s on line %d, want no such key", key, got[key])
		}
	}
}

// FuzzPositions holds the second walk over the text against the TOML reader's
// own: both must see the same keys in every text that is TOML.
func FuzzPositions(f *testing.F) {
	f.Add(good)
	f.Add("a = [ { b = 1 }, { b.c = 2 } ]\n[x.'y z']\n\"q\" = \"\"\"\n\"\"\"\"\"\n")
	f.Add("[[a]]\n[[a.b]]\n[[a.b]]\n[a.c]\nd = {}\n[[a]]\n[[a.b]]\n")
	f.Add("\xfe\xff")
	f.Add("\ufeff[site]\r\nid = \"x\"\r\n") // as Windows saves it
	f.Add("a = 1979-05-27 07:32:00 # when\nb = [\n1,\n]\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys := map[string]any{}
		if _, err := toml.Decode(text, &keys); err != nil || strings.Contains(text, `\`) {
			positions(text) // must come back
			return
		}
		want := map[string]bool{}
		flatten("", keys, want)
		got := positions(text)
		for key := range want {
			if got[key] == 0 {
				t.Errorf("%s is not found", key)
			}
		}
		for key, line := range got {
			if !want[key] {
				t.Errorf("%s is found on line %d, but is not there", key, line)
			}
			if line < 1 || line > strings.Count(text, "\n")+1 {
				t.Errorf("%s is on line %d of %d", key, line, strings.Count(text, "\n")+1)
			}
		}
	})
}

// flatten lists every path of a decoded text.
func flatten(path string, value any, into map[string]bool) {
	if path != "" {
		into[path] = true
	}
	if keys, ok := value.(map[string]any); ok {
		for key, inner := range keys {
			flatten(below(path, key), inner, into)
		}
	}
	if elements, ok := listOf(value); ok {
		for i, inner := range elements {
			flatten(element(path, i), inner, into)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("[site]\nid = 1\n[[door]]\nreader = 1\nstrike = []\n"))
	for _, pattern := range []string{"../../configs/*.toml", "../../configs/*/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		options, err := Parse("tilegate.toml", text)
		if (options == nil) == (err == nil) {
			t.Fatalf("options %v and error %v, want one of them", options, err)
		}
		if err != nil && len(Mistakes(err)) == 0 {
			t.Fatalf("error %v names no mistake", err)
		}
		lines := strings.Count(string(text), "\n") + 1
		for _, m := range Mistakes(err) {
			if m.Line < 0 || m.Line > lines || m.What == "" {
				t.Errorf("mistake %+v in a text of %d lines", m, lines)
			}
		}
	})
}
