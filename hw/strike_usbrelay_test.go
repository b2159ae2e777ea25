package hw_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// recorder is a line that writes down what the host sends and answers nothing.
type recorder struct {
	mu   sync.Mutex // guards sent
	sent []byte
}

func (r *recorder) record(t *testing.T) (port string) {
	pty := hwtest.NewPTY(t)
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 64)
		for {
			n, err := pty.Master.Read(buf)
			r.mu.Lock()
			r.sent = append(r.sent, buf[:n]...)
			r.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() { _ = pty.Close(); reading.Wait() })
	return pty.Path()
}

// The bytes are those of the makers' documents, with no simulator between.
func TestUSBRelaySendsThePublishedBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, keys string
		hold       time.Duration
		want       []byte // rest, pulse, rest
	}{
		{"LCUS relay 1", `board = "lcus"`, time.Second, []byte{0xA0, 1, 0, 0xA1, 0xA0, 1, 1, 0xA2, 0xA0, 1, 0, 0xA1}},
		{"LCUS relay 4", "board = \"lcus\"\nchannels = 4\nchannel = 3", time.Second, []byte{0xA0, 4, 0, 0xA4, 0xA0, 4, 1, 0xA5, 0xA0, 4, 0, 0xA4}},
		{"E-3, up to its own second", `board = "e3"`, time.Second, []byte{0xBB, 0xCC, 0xBB}},
		{"E-3, longer", `board = "e3"`, 1500 * time.Millisecond, []byte{0xBB, 0xAA, 0xBB}},
		{"E-3 with a magnet", "board = \"e3\"\nenergise_to = \"lock\"\non_stop = \"lock\"", time.Second, []byte{0xAA, 0xBB, 0xAA}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var line recorder
			s := openStrike(t, hw.NewLines(hw.Host{}), "usbrelay", line.record(t), tt.keys)
			if err := s.Rest(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Pulse(t.Context(), tt.hold); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
				line.mu.Lock()
				got := bytes.Clone(line.sent)
				line.mu.Unlock()
				if bytes.Equal(got, tt.want) {
					return
				}
				if time.Now().After(end) || !bytes.HasPrefix(tt.want, got) {
					t.Fatalf("got % X, want % X", got, tt.want)
				}
			}
		})
	}
}

// Of boards that answer, the questions come between; a silent line shows the
// first of them.
func TestUSBRelayAsksThePublishedQuestions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, keys string
		want       []byte // of Rest: off, and three times the question
	}{
		{"KMTronic of one", `board = "kmtronic"`, []byte{0xFF, 1, 0, 0xFF, 1, 3, 0xFF, 1, 3, 0xFF, 1, 3}},
		{"KMTronic of eight, relay 8", "board = \"kmtronic\"\nchannels = 8\nchannel = 7", []byte{0xFF, 8, 0, 0xFF, 9, 0, 0xFF, 9, 0, 0xFF, 9, 0}},
		{"Devantech relay 1", `board = "devantech"`, []byte{0x6F, 0x5B, 0x5B, 0x5B}},
		{"Devantech relay 8", "board = \"devantech\"\nchannels = 8\nchannel = 7", []byte{0x76, 0x5B, 0x5B, 0x5B}},
		{"Devantech relay 2, under power at rest", "board = \"devantech\"\nchannel = 1\nenergise_to = \"lock\"\non_stop = \"lock\"", []byte{0x66, 0x5B, 0x5B, 0x5B}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var line recorder
			s := openStrike(t, hw.NewLines(hw.Host{}), "usbrelay", line.record(t), tt.keys)
			if err := s.Rest(t.Context()); err == nil {
				t.Fatal("a silent board: got no error")
			}
			line.mu.Lock()
			got := bytes.Clone(line.sent)
			line.mu.Unlock()
			if !bytes.HasPrefix(got, tt.want) {
				t.Errorf("got % X, want % X", got, tt.want)
			}
		})
	}
}
