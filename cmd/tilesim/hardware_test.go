package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHardwareServesTheDevicesAlone: the tile sends what is held to it, a relay
// moves when its board is told and says so, and wrong orders are answered.
func TestHardwareServesTheDevicesAlone(t *testing.T) {
	dir := t.TempDir()
	orders, in := io.Pipe()
	told, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- hardware(t.Context(), dir, orders, out); _ = out.Close() }()
	lines := bufio.NewScanner(told)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
	order := func(text string) {
		t.Helper()
		if _, err := io.WriteString(in, text+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	expect("ready")

	relay, err := os.OpenFile(filepath.Join(dir, "dev", "lab-relay"), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relay.Write([]byte{0xA0, 0x01, 0x01, 0xA2}); err != nil {
		t.Fatal(err)
	}
	expect("lab on")
	if _, err := relay.Write([]byte{0xA0, 0x01, 0x00, 0xA1}); err != nil {
		t.Fatal(err)
	}
	expect("lab off")
	_ = relay.Close()

	tile, err := os.OpenFile(filepath.Join(dir, "dev", "front-tile"), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tile.Close() //nolint:errcheck // the line ends with the test
	order("tap front " + cardAnn)
	expect("done")
	frame := make([]byte, len("C:"+cardAnn+"\r"))
	if _, err := io.ReadFull(tile, frame); err != nil || string(frame) != "C:"+cardAnn+"\r" {
		t.Errorf("the tile sent %q (%v), want C:%s and a CR", frame, err, cardAnn)
	}

	order("unplug lab-tile")
	expect("done")
	if _, err := os.Lstat(filepath.Join(dir, "dev", "lab-tile")); !os.IsNotExist(err) {
		t.Errorf("an unplugged port is still there (%v)", err)
	}
	order("replug lab-tile")
	expect("done")
	for _, right := range []string{"tap workshop 04A2B3C4D5E680", "tap studio 04A2B3C4D5E680", "leaf studio open", "leaf studio shut"} {
		order(right)
		expect("done")
	}
	for _, wrong := range []string{"tap cellar 04", "tap workshop TG-BEN-7731", "unplug cellar", "", "tap front", "leaf lab open", "leaf studio ajar"} {
		order(wrong)
		expect("error")
	}

	_ = in.Close()
	if err := <-ended; err != nil {
		t.Errorf("hardware ended with %v, want nil at the end of its input", err)
	}
}
