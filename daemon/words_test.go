package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// TestEveryWordIsInTheRunbook: adding a reason, an alarm or a trouble means writing down
// what to do about it.
func TestEveryWordIsInTheRunbook(t *testing.T) {
	text, err := os.ReadFile("../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if word, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			if headings[word] {
				t.Errorf("the runbook has two headings %q", word)
			}
			headings[word] = true
		}
	}
	said := map[string]bool{}
	demand := func(what, word string) {
		if said[word] = true; !headings[word] {
			t.Errorf("the runbook has no heading for the %s %q", what, word)
		}
	}
	for _, reason := range access.Reasons() {
		demand("reason", reason.String())
	}
	for _, alarm := range access.Alarms() {
		demand("alarm", alarm.String())
		if code := troubleOf(alarm); code != "" && troubleKinds[code].title == "" {
			t.Errorf("the alarm %s is the trouble %q, which is none", alarm, code)
		}
	}
	for code, kind := range troubleKinds {
		demand("trouble", code)
		if kind.title == "" || kind.text == "" || kind.severity == "" {
			t.Errorf("trouble %s: title, text and severity must say something", code)
		}
	}
	for word := range headings {
		if !said[word] {
			t.Errorf("the runbook has a heading %q that nothing says", word)
		}
	}
}
