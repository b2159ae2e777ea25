package hw_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// A card that keeps the chip waiting is a card that cannot be read: it is no
// reason to open the port anew, and it does not keep the tile from the next.
func TestPN532IsNotHeldUpByASlowCard(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"longer than is waited": 3 * time.Second, "a little less, each time": 1500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openPN532(t, `accept = ["ndef"]`).reading()
			b.await("up", func() bool { return b.reader.Stats().Up })
			slow := hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", strings.Repeat("0123456789", 50)))
			slow.SetMaxRead(15)
			b.chip.Pause(pause)
			start := time.Now()
			b.chip.Put(slow)
			if got := show(b.next(1)); got != unreadable {
				t.Errorf("got %+v, want %+v", got, unreadable)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it held the reader for %s", took)
			}
			asked := b.chip.Exchanges()
			b.looks(5)
			if now := b.chip.Exchanges(); now != asked {
				t.Errorf("it was asked %d times more while it lay there", now-asked)
			}
			if s := b.reader.Stats(); !s.Up || s.Reopens != 0 || s.Steps["reopen"] != 0 {
				t.Errorf("stats: got %+v, want up and never opened again", s)
			}
			b.chip.Pause(0)
			b.chip.Take(slow)
			b.looks(3)
			b.chip.Put(hwtest.NewType4("04AAAAAAAAAAAA", hwtest.NDEFText("en", "NEXT MEMBER")))
			if got := b.next(2); got.Fault != access.Granted || got.Value != "NEXT MEMBER" {
				t.Errorf("the next: fault %s, or another value", got.Fault)
			}
		})
	}
}

// swapping is a line on which two bits that flip against each other spoil one
// in so many answers of cards. The sum of the frame stays right.
type swapping struct {
	io.ReadWriteCloser
	mu      sync.Mutex // guards all below
	every   int
	answers int
	spoilt  int
}

func (s *swapping) Write(frame []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := bytes.Index(frame, []byte{0xD5, 0x41, 0x00})
	if at < 0 || len(frame) < at+16 {
		return s.ReadWriteCloser.Write(frame)
	}
	if s.answers++; s.answers%s.every != 0 {
		return s.ReadWriteCloser.Write(frame)
	}
	swapped := bytes.Clone(frame)
	for i := len(swapped) - 4; i > at+3; i-- { // the text stands at the end
		if a, b := swapped[i], swapped[i-1]; a&1 != b&1 {
			swapped[i], swapped[i-1] = a^1, b^1
			s.spoilt++
			break
		}
	}
	_, err := s.ReadWriteCloser.Write(swapped)
	return len(frame), err
}

// A code on a tag has no check of its own: what the line spoils unseen would be
// another member's.
func TestPN532TakesNoSpoiltCodeForAnother(t *testing.T) { // X5
	t.Parallel()
	const code = "MEMBER 0101010101"
	for name, tag := range map[string]hwtest.Tag{
		"type 2": hwtest.NewNTAG(215, "04A1B2C3D4E5F6", hwtest.NDEFText("en", code)), "type 4": hwtest.NewType4("04A1B2C3D4E5F6", hwtest.NDEFText("en", code)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pty := hwtest.NewPTY(t)
			line := &swapping{ReadWriteCloser: pty.Master, every: 9}
			chip := hwtest.NewPN532(line)
			power(t, chip.Run)
			plan, err := hw.CheckReader("pn532", options(fmt.Sprintf("port = %q\nhold_off = \"100ms\"\naccept = [\"ndef\"]", pty.Path())))
			if err != nil {
				t.Fatal(err)
			}
			r, err := plan.Open(hw.NewLines(hw.Host{}), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			reads := watched(t, r)
			await(t, "up", func() bool { return r.Stats().Up })
			for range 9 {
				chip.Put(tag)
				read := next(t, reads)
				if read.Fault == access.Granted && read.Value != code {
					t.Errorf("read %q, want %q", string(read.Value), code)
				}
				chip.Take(tag)
				from := chip.Commands(codeList)
				await(t, "looks", func() bool { return chip.Commands(codeList) >= from+4 })
			}
			line.mu.Lock()
			defer line.mu.Unlock()
			if line.spoilt == 0 {
				t.Error("nothing was spoilt")
			}
		})
	}
}
