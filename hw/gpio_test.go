package hw_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

func gpioKeys(line int, more string) string {
	return fmt.Sprintf("chip = %q\nline = %d\n%s", hwtest.GPIOPath, line, more)
}

func TestClosedCircuitIsTheHighLineUnlessActiveLow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		keys    string
		voltage bool
		want    hw.Level
	}{
		{"contact, closed", `normally = "closed"`, true, hw.LevelNormal},
		{"contact, open", `normally = "closed"`, false, hw.LevelActive},
		{"contact to ground, closed", "normally = \"closed\"\nactive_low = true\nbias = \"pull-up\"", false, hw.LevelNormal},
		{"contact to ground, open or cut", "normally = \"closed\"\nactive_low = true\nbias = \"pull-up\"", true, hw.LevelActive},
		{"button to ground, pressed", "normally = \"open\"\nactive_low = true", false, hw.LevelActive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			chip := hwtest.NewGPIO(4)
			chip.Drive(3, tt.voltage)
			input := openInput(t, hw.NewLines(hw.Host{GPIO: chip}), "gpio", gpioKeys(3, tt.keys))
			if got := nextLevel(t, input, hw.LevelUnknown); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A press and a release while the door was busy with something else.
func TestPressIsNotLostWhileNobodyListens(t *testing.T) {
	t.Parallel()
	chip := hwtest.NewGPIO(1)
	input := openInput(t, hw.NewLines(hw.Host{GPIO: chip}), "gpio", gpioKeys(0, `normally = "open"`))
	if got := nextLevel(t, input, hw.LevelUnknown); got != hw.LevelNormal {
		t.Fatalf("got %s, want %s", got, hw.LevelNormal)
	}
	for _, high := range []bool{true, false} {
		chip.Drive(0, high)
		for end := time.Now().Add(patience); chip.Believed(0) != high; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the line did not settle")
			}
		}
	}
	if got := nextLevel(t, input, hw.LevelNormal); got != hw.LevelActive {
		t.Errorf("got %s, want %s", got, hw.LevelActive)
	}
	if got := nextLevel(t, input, hw.LevelActive); got != hw.LevelNormal {
		t.Errorf("got %s, want %s", got, hw.LevelNormal)
	}
}

func TestLinesOfOneChipAreSharedAndEachIsUsedOnce(t *testing.T) {
	t.Parallel()
	chip := hwtest.NewGPIO(8)
	lines := hw.NewLines(hw.Host{GPIO: chip})
	openInput(t, lines, "gpio", gpioKeys(0, `normally = "open"`))
	plan, err := hw.CheckStrike("gpio", options(gpioKeys(1, "")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(lines, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pulse(t.Context(), time.Second); err != nil || !chip.Relay(1).Energised() {
		t.Errorf("pulse: got %v, relay %t", err, chip.Relay(1).Energised())
	}
	again, err := hw.CheckInput("gpio", options(gpioKeys(1, `normally = "open"`)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(lines, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a line that is a strike already: got %v, want an error that names it", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if chip.Relay(1).Energised() {
		t.Error("closed in a pulse: the relay is under power")
	}
}

func TestLineThatAnotherProgramHasIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	chip := hwtest.NewGPIO(2)
	theirs, err := chip.Request(hwtest.GPIOPath, 1, hw.GPIORequest{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := hw.CheckStrike("gpio", options(gpioKeys(1, "")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(hw.NewLines(hw.Host{GPIO: chip}), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Rest(t.Context())
	if err == nil || !strings.Contains(err.Error(), hwtest.GPIOPath+" line 1") || !strings.Contains(err.Error(), syscall.EBUSY.Error()) {
		t.Errorf("got %v, want the line and %q", err, syscall.EBUSY)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Rest(t.Context()); err != nil {
		t.Errorf("after the other let go: %v", err)
	}
}

// The resistor must not open the door when nobody drives the line.
func TestGPIOStrikeIsRefusedWhereItsResistorUnlocks(t *testing.T) {
	const magnet = "energise_to = \"lock\"\n"
	for _, tt := range []struct{ keys, want string }{
		{``, ""},
		{`bias = "pull-down"`, ""},
		{`bias = "pull-up"`, "bias \"pull-up\" pulls the line"},
		{"bias = \"pull-up\"\nactive_low = true", ""},
		{"bias = \"pull-down\"\nactive_low = true", "bias \"pull-down\" pulls the line"},
		{`bias = "none"`, ""},
		{magnet, "on_stop"},
		{magnet + "on_stop = \"lock\"\nbias = \"pull-down\"", "pulls the line"},
		{magnet + "on_stop = \"lock\"\nbias = \"pull-up\"", ""},
		{magnet + "on_stop = \"open\"\nbias = \"pull-down\"", ""},
		{`on_stop = "open"`, "would hold the strike under power"},
	} {
		_, err := hw.CheckStrike("gpio", options(gpioKeys(17, tt.keys)))
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("%q: got %v, want %q", tt.keys, err, tt.want)
		}
	}
}

func TestGPIOPlanSaysWhichLineItNeeds(t *testing.T) {
	plan, err := hw.CheckInput("gpio", options("chip = \"/dev/gpiochip0\"\nline = 17\nnormally = \"open\""))
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Port(); got.Settings.Path != "/dev/gpiochip0" || got.Protocol != "gpio" || got.Address != "line 17" {
		t.Errorf("got %+v", got)
	}
}

// The kernel's own: there is no such chip on any machine that runs the tests, so
// this shows the way to it and what is said when it is absent.
func TestAbsentChipOfTheKernelIsUnknownWithItsName(t *testing.T) {
	t.Parallel()
	input := openInput(t, hw.NewLines(hw.Host{}), "gpio", "chip = \"/dev/gpiochip-none\"\nline = 1\nnormally = \"open\"")
	follow(t, input)
	for end := time.Now().Add(patience); !strings.Contains(input.Stats().Err, "/dev/gpiochip-none"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %+v", input.Stats())
		}
	}
}
