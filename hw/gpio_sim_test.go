//go:build gpiosim

package hw_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
)

// These run on a kernel with CONFIG_GPIO_SIM, as root, with configfs mounted:
//
//	go test -tags gpiosim -run Kernel ./hw
//
// Debian's kernels have no gpio-sim. See the kernel's "Configfs GPIO Simulator".

// simChip makes a chip of four lines in the kernel and tells its device and the
// directory that moves its lines.
func simChip(t *testing.T) (device, lines string) {
	t.Helper()
	dir := filepath.Join("/sys/kernel/config/gpio-sim", fmt.Sprintf("tilegate-%d", os.Getpid()))
	bank := filepath.Join(dir, "bank0")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(bank, 0o755); err != nil {
		t.Fatalf("no gpio-sim in this kernel, or not root: %v", err)
	}
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "live"), []byte("0"), 0o600)
		_ = os.Remove(bank)
		_ = os.Remove(dir)
	})
	write(filepath.Join(bank, "num_lines"), "4")
	write(filepath.Join(dir, "live"), "1")
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:len(text)-1])
	}
	name := read(filepath.Join(bank, "chip_name"))
	return "/dev/" + name, filepath.Join("/sys/devices/platform", read(filepath.Join(dir, "dev_name")), name)
}

func TestKernelInputFollowsTheLine(t *testing.T) {
	device, lines := simChip(t)
	pull := func(to string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(lines, "sim_gpio1", "pull"), []byte(to), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	input := openInput(t, hw.NewLines(hw.Host{}), "gpio", fmt.Sprintf("chip = %q\nline = 1\nnormally = \"open\"", device))
	last := hw.LevelUnknown
	for _, tt := range []struct {
		to   string
		want hw.Level
	}{{"pull-down", hw.LevelNormal}, {"pull-up", hw.LevelActive}, {"pull-down", hw.LevelNormal}} {
		pull(tt.to)
		if last = nextLevel(t, input, last); last != tt.want {
			t.Fatalf("%s: got %s, want %s", tt.to, last, tt.want)
		}
	}
}

func TestKernelStrikePulsesTheLine(t *testing.T) {
	device, lines := simChip(t)
	plan, err := hw.CheckStrike("gpio", options(fmt.Sprintf("chip = %q\nline = 2", device)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(hw.NewLines(hw.Host{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	value := func(want string) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			got, err := os.ReadFile(filepath.Join(lines, "sim_gpio2", "value"))
			if err == nil && string(got[:1]) == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("value: got %q, %v, want %s", got, err, want)
			}
		}
	}
	if err := s.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	value("0")
	if err := s.Pulse(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	value("1")
	value("0")
}
