package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// builtDaemon builds the daemon beside the test binary, where demo looks.
func builtDaemon(t testing.TB) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(self), "tilegated")
	cmd := exec.Command("go", "build", "-tags", "sqlite_omit_load_extension netgo osusergo", "-o", path, "../tilegated")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the daemon: %v\n%s", err, out)
	}
}

// TestMorningIsAsTold walks the whole demo: the real daemon, real ports, a real
// listener. X1, X3, X7, X8; R105 for card and code.
func TestMorningIsAsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("short: the whole daemon is tested by make test")
	}
	builtDaemon(t)
	if err := demo(t.Context(), false, ""); err != nil {
		t.Fatal(err)
	}
}
