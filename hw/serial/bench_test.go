package serial_test

import (
	"context"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// BenchmarkRoundTrip sends 16 bytes to a device that answers with the same, by
// a Port and by a plain descriptor in the poller: the difference is what the
// protections cost. A line at 115200 baud needs 2.8 ms for these bytes.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("port", func(b *testing.B) {
		pty := echo(b)
		p := openPort(b, pty.Path())
		ctx, cancel := context.WithCancel(b.Context()) // drivers pass one that can end
		defer cancel()
		roundTrips(b, func(frame []byte) error { return p.Write(ctx, frame) }, reader{ctx, p})
	})
	b.Run("file", func(b *testing.B) {
		pty := echo(b)
		f, err := os.OpenFile(pty.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		roundTrips(b, func(frame []byte) error { _, err := f.Write(frame); return err }, f)
	})
}

func roundTrips(b *testing.B, write func([]byte) error, from io.Reader) {
	b.Helper()
	frame, answer := []byte("0123456789abcdef"), make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		if err := write(frame); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(from, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// echo is a device that answers with what it hears.
func echo(b *testing.B) *hwtest.PTY {
	b.Helper()
	pty := hwtest.NewPTY(b)
	go func() { _, _ = io.Copy(pty.Master, pty.Master) }()
	return pty
}
