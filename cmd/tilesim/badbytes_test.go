package main

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// TestBadBytesOpenNothing: whatever comes over the line of a tile, no door
// opens, nobody is said to have tapped, and a member needs at most a second try
// after it. X5.
func TestBadBytesOpenNothing(t *testing.T) {
	d := newDay(t)
	d.edit(`hold = "3s"`, `hold = "500ms"`)
	frame := []byte("C:" + cardAnn + "\r") // of somebody who may enter
	tests := []struct {
		name    string
		in      []byte
		drop    string        // what it is counted as
		silence time.Duration // before a member comes, who then pays nothing for it
	}{
		{"garbage", []byte("\x00\xff\x8bq~\x1b[2J;\x7f\x80\r"), "decode", 0},
		{"a frame with a wrong digit", []byte("C:04A2B3C4D5E68\x00\r"), "decode", 0},
		{"half a frame, and somebody right after", frame[:len(frame)/2], "decode", 0},
		{"half a frame, and somebody later", frame[:len(frame)/2], "timeout", settled},
		{"a frame without its end, and somebody later", frame[:len(frame)-1], "timeout", settled},
		{"a frame run into itself", slices.Concat(frame[:len(frame)-1], frame), "decode", 0},
		{"ends and nothing else", []byte("\r\r\r\r"), "empty", 0},
		{"a frame that is too long", slices.Concat(bytes.Repeat([]byte("A"), 5000), frame), "oversize", 0},
		{"bytes without end", bytes.Repeat([]byte("C:04A2B3C4D5E6"), 20_000), "oversize", 0},
	}
	codes := make([]string, len(tests))
	for i := range codes {
		codes[i] = d.member(i)
	}
	d.begin()
	tile := d.plug("front-tile")
	for i, tt := range tests {
		d.locked("front")
		before, dropped, opened := d.last(), d.drops("front", tt.drop), d.openings("front")
		if _, err := tile.Master.Write(tt.in); err != nil {
			t.Fatal(err)
		}
		time.Sleep(tt.silence)
		d.opensBySecondTry(tt.name, codes[i])
		d.until(tt.name+" is counted as "+tt.drop, func() bool { return d.drops("front", tt.drop) > dropped })
		for _, e := range d.events("decision", before) {
			if e.Reason != access.Unreadable && (e.Reason != access.Granted || e.Credential.Kind != access.QR) {
				t.Errorf("%s: the journal has a tap with a %v that was %v", tt.name, e.Credential.Kind, e.Reason)
			}
		}
		if now := d.openings("front"); now != opened+1 {
			t.Errorf("%s, then a member: the door opened %d times, want once", tt.name, now-opened)
		}
	}
}

// settled is a silence after which half a frame is no part of the next.
const settled = 2200 * time.Millisecond

// opensBySecondTry taps like a member whose first try ran into what was left on
// the line.
func (d *day) opensBySecondTry(after, code string) {
	d.t.Helper()
	granted := func(before uint64) bool {
		return slices.ContainsFunc(d.events("decision", before), func(e access.Event) bool { return e.Reason == access.Granted })
	}
	before := d.last()
	for range 2 {
		d.show("front", code)
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if granted(before) {
				return
			}
		}
	}
	d.until(after+": the member gets in", func() bool { return granted(before) })
}

// TestACardThatStaysCountsOnce: X6.
func TestACardThatStaysCountsOnce(t *testing.T) {
	d := newDay(t)
	d.begin()
	before := d.last()
	for range 4 {
		d.show("front", cardAnn)
	}
	d.until("three of four are repeats", func() bool { return d.drops("front", "repeat") == 3 })
	d.until("the card is decided", func() bool { return len(d.events("decision", before)) > 0 })
	d.tap("front", codeBen, access.Granted) // another one counts at once
	if got := len(d.events("decision", before)); got != 2 {
		t.Errorf("got %d decisions, want one of the card and one of the code", got)
	}
	d.until("two taps are counted", func() bool { return d.number(`tilegate_taps_total{door="front",reason="granted"}`) == 2 })
	if got := d.openings("front"); got != 1 {
		t.Errorf("the relay unlocked %d times, want once: the second pulse extends the first", got)
	}
}
