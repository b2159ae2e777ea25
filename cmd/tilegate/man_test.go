//go:build docs

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func manual(t *testing.T, epoch string) map[string]string {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", epoch)
	dir := filepath.Join(t.TempDir(), "man")
	if got := noSite(t).run(t, "man", dir); got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.err)
	}
	pages := map[string]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[file.Name()] = string(text)
	}
	return pages
}

func TestEveryCommandHasAManualPageWithExitStatus(t *testing.T) {
	pages := manual(t, "1795000000")
	for _, name := range []string{"tilegate.1", "tilegate-door-open.1", "tilegate-event-follow.1", "tilegate-why.1"} {
		text := pages[name]
		for _, want := range []string{".SH EXIT STATUS", ".SH EXAMPLE", ".SH NAME", "Nov 2026"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
	if _, ok := pages["tilegate-man.1"]; ok {
		t.Error("the command of the build has a page")
	}
}

func TestManualPagesAreTheSameEveryTime(t *testing.T) {
	if diff := cmp.Diff(manual(t, "1795000000"), manual(t, "1795000000")); diff != "" {
		t.Errorf("second run (-first +second):\n%s", diff)
	}
}

func TestAWrongSourceDateIsRefused(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if got := noSite(t).run(t, "man", t.TempDir()); got.code != exitFailed {
		t.Errorf("exit %d, want %d", got.code, exitFailed)
	}
}
