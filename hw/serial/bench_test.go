package serial_test

import (
	"context"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tilegate/tilegate/hw/hwtest"
)

// BenchmarkRoundTrip sends 16 bytes to a device that answers with the same, by
// a Port and by a plain descriptor in the poller, in turns: the difference is
// what the protections cost. A line at 115200 baud needs 2.8 ms for these bytes.
func BenchmarkRoundTrip(b *testing.B) {
	p := openPort(b, echo(b).Path())
	ctx, cancel := context.WithCancel(b.Context()) // drivers pass one that can end
	defer cancel()
	f, err := os.OpenFile(echo(b).Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var port, file []time.Duration
	for b.Loop() {
		port = append(port, roundTrip(b, func(frame []byte) error { return p.Write(ctx, frame) }, reader{ctx, p}))
		file = append(file, roundTrip(b, func(frame []byte) error { _, err := f.Write(frame); return err }, f))
	}
	slices.Sort(port)
	slices.Sort(file)
	b.ReportMetric(0, "ns/op") // both are in it
	b.ReportMetric(float64(port[len(port)/2])/1e3, "port_p50-us")
	b.ReportMetric(float64(file[len(file)/2])/1e3, "file_p50-us")
	b.ReportMetric(float64(port[len(port)/2])/float64(file[len(file)/2]), "port_to_file-ratio")
}

func roundTrip(b *testing.B, write func([]byte) error, from io.Reader) time.Duration {
	frame, answer := [16]byte{}, [16]byte{}
	copy(frame[:], "0123456789abcdef")
	begun := time.Now()
	if err := write(frame[:]); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(from, answer[:]); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begun)
	if answer != frame {
		b.Fatalf("the device said % x", answer)
	}
	return took
}

// echo is a device that answers with what it hears.
func echo(b *testing.B) *hwtest.PTY {
	b.Helper()
	pty := hwtest.NewPTY(b)
	go func() { _, _ = io.Copy(pty.Master, pty.Master) }()
	return pty
}
