package hw

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// treated runs a healer for so many seconds in which bytes come when the reader
// says so, and writes down what was done when. A port that is given up is open
// again half a second later.
func treated(o healOptions, seconds int, speaks func(second int) bool) (did []string) {
	h := healer{healOptions: o}
	start := time.Unix(100, 0)
	h.opened(start)
	for second := 1; second <= seconds; second++ {
		at := start.Add(time.Duration(second) * time.Second)
		if speaks(second) {
			h.sound(at)
		}
		step := h.step(at)
		if step == healNothing {
			continue
		}
		did = append(did, fmt.Sprintf("%d %s", second, healWords[step]))
		if step == healReopen {
			h.opened(at.Add(500 * time.Millisecond))
		}
	}
	return did
}

func TestSilentReaderIsHealedSeldomerEachTime(t *testing.T) {
	never := func(int) bool { return false }
	for _, tt := range []struct {
		name    string
		heal    healOptions
		seconds int
		speaks  func(int) bool
		want    []string
	}{
		{"opened again, and after twice as long", healOptions{silence: 10 * time.Second}, 80, never, []string{"10 reopen", "30 reopen", "70 reopen"}},
		{"reset first", healOptions{silence: 10 * time.Second, reset: true}, 80, never, []string{"10 reset", "30 reopen", "70 reset"}},
		{"not more seldom than every ten minutes", healOptions{silence: 5 * time.Minute}, 2200, never, []string{"300 reopen", "900 reopen", "1500 reopen", "2100 reopen"}},
		{"a long silence is kept", healOptions{silence: time.Hour}, 8000, never, []string{"3600 reopen", "7200 reopen"}},
		{"a reader that speaks", healOptions{silence: 10 * time.Second}, 100, func(s int) bool { return s%9 == 0 }, nil},
		{"silent, healed, silent again", healOptions{silence: 10 * time.Second}, 60, func(s int) bool { return s == 35 }, []string{"10 reopen", "30 reopen", "45 reopen"}},
		{"nothing asked for", healOptions{}, 1000, never, nil},
		{"only to be reported", healOptions{idle: time.Second}, 1000, never, nil},
	} {
		if diff := cmp.Diff(tt.want, treated(tt.heal, tt.seconds, tt.speaks)); diff != "" {
			t.Errorf("%s: want, got differ:\n%s", tt.name, diff)
		}
	}
}

func TestSilenceIsReportedThroughOurOwnReopening(t *testing.T) {
	start := time.Unix(100, 0)
	h := healer{healOptions: healOptions{idle: 15 * time.Second, silence: 10 * time.Second}}
	h.opened(start)
	if got := h.due(start); !got.Equal(start.Add(10 * time.Second)) {
		t.Errorf("due %s, want the step", got.Sub(start))
	}
	at := start.Add(10 * time.Second)
	if h.step(at) != healReopen || h.complaint(at) != "" {
		t.Fatal("want a reopening and no complaint yet")
	}
	h.opened(at.Add(time.Second))
	if got := h.due(at); !got.Equal(start.Add(15 * time.Second)) {
		t.Errorf("due %s, want the complaint", got.Sub(start))
	}
	if got := h.complaint(start.Add(15 * time.Second)); !strings.Contains(got, "nothing has come from the reader for 15s") {
		t.Errorf("got %q", got)
	}
	h.opened(start.Add(20 * time.Second)) // now somebody plugged it in again
	if got := h.complaint(start.Add(20 * time.Second)); got != "" {
		t.Errorf("after a replug: got %q", got)
	}
	h.sound(start.Add(40 * time.Second))
	if got := h.complaint(start.Add(54 * time.Second)); got != "" {
		t.Errorf("14 s after a byte: got %q", got)
	}
}

func TestHealOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct {
		options lineOptions
		want    string
	}{
		{lineOptions{Idle: span(time.Millisecond)}, "idle 1ms"},
		{lineOptions{Silence: span(25 * time.Hour)}, "silence 25h"},
		{lineOptions{Silence: span(time.Minute), Reset: "rts"}, `reset "rts"`},
		{lineOptions{Reset: "dtr"}, "say with silence"},
	} {
		if _, err := tt.options.heal(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.options, err, tt.want)
		}
	}
}
