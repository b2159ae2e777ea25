package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builtDaemon builds the daemon beside the test binary, where demo looks.
func builtDaemon(t testing.TB) {
	t.Helper()
	if err := buildDaemon(); err != nil {
		t.Fatal(err)
	}
}

var buildDaemon = sync.OnceValue(func() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"build", "-tags", "sqlite_omit_load_extension netgo osusergo", "-o", filepath.Join(filepath.Dir(self), "tilegated")}
	if raceDetector {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "../tilegated")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the daemon: %w\n%s", err, out)
	}
	return nil
})

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
