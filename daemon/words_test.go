package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// TestEveryWordIsInTheRunbook: adding a reason or a trouble means writing down
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
	for _, reason := range access.Reasons() {
		if !headings[reason.String()] {
			t.Errorf("the runbook has no heading for the reason %q", reason)
		}
		delete(headings, reason.String())
	}
	for code, kind := range troubleKinds {
		if !headings[code] {
			t.Errorf("the runbook has no heading for the trouble %q", code)
		}
		if kind.title == "" || kind.text == "" || kind.severity == "" {
			t.Errorf("trouble %s: title, text and severity must say something", code)
		}
		delete(headings, code)
	}
	for word := range headings {
		t.Errorf("the runbook has a heading %q that nothing says", word)
	}
}
