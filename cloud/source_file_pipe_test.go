package cloud

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe has nobody at its other end: to open it would wait for ever, and what is
// told to end with it.
func TestAPipeIsNoRoster(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := (&fileSource{path: path}).Fetch(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "it is not a file") {
		t.Errorf("got %v", err)
	}
}
