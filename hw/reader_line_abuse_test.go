package hw_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// logged is a log of everything, to look for what must not be in it.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// abuse is what a printer can make a scanner send.
var abuse = []string{
	strings.Repeat("A", 4096),       // four times what a frame may have
	"SECRET\x00SECRET",              // NUL
	"SECRET\x1B[2J\x1B]0;owned\x07", // what a terminal would obey
	"SECRET\xFF\xFE\x80",            // no UTF-8
	"SECRET\u0085\u009B2J",          // control characters above ASCII
	strings.Repeat("SECRET\n", 100), // many codes in one
}

func TestScannerOfAnAttackerIsBounded(t *testing.T) { // X5
	t.Parallel()
	pty, scanner := tile(t, nil)
	plan, err := reader(`preset = "qr"`)(pty.Path())
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	r, err := plan.Open(hw.NewLines(hw.Host{}), hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	begin := time.Now()
	const scans = 300
	for i := range scans { // a hundred a second
		code := abuse[i/2%len(abuse)]
		if i%2 == 0 {
			code = fmt.Sprintf("SECRET %d", i)
		}
		if err := scanner.Show(code); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	await(t, "all of it", func() bool {
		s := r.Stats()
		return s.Drops["oversize"] > 0 && s.Drops["decode"] > 0 && s.Drops["rate"] > 0
	})
	time.Sleep(2500 * time.Millisecond) // an attacker goes home
	took := time.Since(begin)
	if err := scanner.Show("TG1:AFTER"); err != nil {
		t.Fatal(err)
	}
	good, faults := 0, 0
	for last := ""; last != "TG1:AFTER"; {
		read := next(t, reads)
		switch last = string(read.Value); {
		case read.Fault == access.Unreadable && last == "":
			faults++
		case read.Kind == access.QR && utf8.ValidString(last) && !strings.ContainsAny(last, "\x00\x1B\u0085"):
			good++
		default:
			t.Errorf("got a %s with fault %s", read.Kind, read.Fault)
		}
	}
	seconds := int(took/time.Second) + 1
	if good > 5*seconds+6 || faults > seconds+2 {
		t.Errorf("got %d codes and %d faults in %s", good, faults, took)
	}
	if text := log.String(); strings.Contains(text, "SECRET") || strings.Contains(text, "TG1") || strings.Contains(text, "AAAA") {
		t.Errorf("the log has what was read:\n%s", text)
	}
}

// XON and XOFF are bytes of a number like others: nothing between the reader and
// us may take them for orders.
func TestFlowControlCharactersArePartOfACard(t *testing.T) { // X5
	t.Parallel()
	pty := hwtest.NewPTY(t)
	mf7 := hwtest.NewPromag(pty.Master, hwtest.PromagFormat{Reversed: true, Binary: true})
	power(t, mf7.Run)
	r := openReader(t, pty.Path(), "preset = \"promag-mf7\"\nvariant = \"binary\"")
	reads := watched(t, r)
	await(t, "up", func() bool { return r.Stats().Up })
	if err := mf7.Show("11130D0A"); err != nil {
		t.Fatal(err)
	}
	if read := next(t, reads); read.Kind != access.Card || read.Value != "11130d0a" {
		t.Errorf("got %s, fault %s, or another value", read.Kind, read.Fault)
	}
}
