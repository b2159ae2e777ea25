package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/hw"
)

// doorwayStory is a doorway that is told a story, a line for each thing that
// happens: when, what, and after the colon how the doorway stands then.
//
//	12s open: relock
//
// What happens is one of: open, shut, lost (the contact cannot be heard), cut (its
// circuit is at fault), press, let-go, button-lost, grant NAME, unlock (nobody is
// waited for), hold, release, fire, fire-over, and wait.
func doorwayStory(t *testing.T, rules doorwayRules, story string) {
	t.Helper()
	w := &doorway{doorwayRules: rules}
	for line := range strings.Lines(story) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		told, want, _ := strings.Cut(line, ":")
		words := strings.Fields(told)
		now, err := time.ParseDuration(words[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := wordsOf(tellDoorway(t, w, now, words[1:])), strings.TrimSpace(want); got != want {
			t.Errorf("%s\n got: %q\nwant: %q", told, got, want)
		}
	}
}

func tellDoorway(t *testing.T, w *doorway, now time.Duration, words []string) turn {
	t.Helper()
	switch words[0] {
	case "open":
		return w.contactIs(now, hw.LevelActive)
	case "shut":
		return w.contactIs(now, hw.LevelNormal)
	case "lost":
		return w.contactIs(now, hw.LevelUnknown)
	case "cut":
		return w.contactIs(now, hw.LevelFault)
	case "press", "let-go", "button-lost":
		level := map[string]hw.Level{"press": hw.LevelActive, "let-go": hw.LevelNormal, "button-lost": hw.LevelUnknown}[words[0]]
		turn, _ := w.exitIs(now, level)
		return turn
	case "grant":
		w.grant(now, 5*time.Second, words[1])
	case "unlock":
		w.grant(now, 5*time.Second, "")
	case "hold", "release":
		w.heldIs(now, words[0] == "hold")
	case "fire", "fire-over":
		w.fireIs(now, words[0] == "fire")
	case "wait":
	default:
		t.Fatalf("nothing is called %q", words[0])
	}
	return w.judge(now)
}

func wordsOf(t turn) string {
	var all []string
	for _, one := range []struct {
		is   bool
		word string
	}{{t.forced, "forced"}, {t.soon, "soon"}, {t.held, "held"}, {t.relock, "relock"}, {t.noEntry != "", "nobody " + t.noEntry}} {
		if one.is {
			all = append(all, one.word)
		}
	}
	return strings.Join(all, " ")
}

var usualRules = doorwayRules{forced: true, heldAfter: time.Minute, heldWarning: 15 * time.Second}

func TestADoorwaySaysWhatIsWrong(t *testing.T) {
	relocking := usualRules
	relocking.relock = true
	handle := usualRules
	handle.forced = false
	silent := usualRules
	silent.heldWarning = 0
	tests := []struct {
		name  string
		rules doorwayRules
		story string
	}{
		{"a member walks in", usualRules, `
			0s shut:
			1s grant d1:
			3s open:
			6s shut:
			60s wait:`},
		{"nothing is known at start, and an open door is not a forced one", usualRules, `
			0s open:
			44s wait:
			45s wait: soon
			60s wait: held`},
		{"a door is forced: its excuse is waited for, a second", usualRules, `
			0s shut:
			10s open:
			10.999s wait:
			11s wait: forced
			30s wait: forced
			600s wait: forced
			601s shut:`},
		{"a forced door is not called held open as well", usualRules, `
			0s shut:
			10s open:
			75s wait: forced
			76s wait: forced`},
		{"a door that springs back was forced all the same, once", usualRules, `
			0s shut:
			10s open:
			10.2s shut:
			11s wait: forced
			12s wait:`},
		{"a forced door is never called shut because it cannot be heard", usualRules, `
			0s shut:
			10s open:
			11s wait: forced
			12s lost: forced
			100s wait: forced
			101s open: forced
			102s shut:`},
		{"the contact is cut while the door is forced", usualRules, `
			0s shut:
			10s open:
			10.5s cut:
			11s wait: forced`},
		{"a contact that was lost says nothing about who opened", usualRules, `
			0s shut:
			1s lost:
			2s open:
			10s wait:
			47s wait: soon`},
		{"the last moment of a grant, and its grace", usualRules, `
			0s shut:
			1s unlock:
			10.999s open:
			20s wait:
			21s shut:`},
		{"after the grace it is force", usualRules, `
			0s shut:
			1s unlock:
			11s open:
			12s wait: forced`},
		{"who comes in twice on one grant", usualRules, `
			0s shut:
			1s grant d1:
			2s open:
			3s shut:
			4s open:
			30s wait:`},
		{"nobody walks in", usualRules, `
			0s shut:
			1s grant d1:
			10.999s wait:
			11s wait: nobody d1
			12s wait:`},
		{"who taps twice is waited for once", usualRules, `
			0s shut:
			1s grant d1:
			4s grant d2:
			11s wait:
			14s wait: nobody d2`},
		{"nobody is waited for at a door that stands open", usualRules, `
			0s shut:
			1s unlock:
			2s open:
			3s grant d1:
			20s wait:`},
		{"nobody is waited for when the contact cannot be heard", usualRules, `
			0s lost:
			1s grant d1:
			20s wait:
			30s shut:
			31s grant d2:
			32s lost:
			50s wait:`},
		{"nobody is waited for when staff unlock", usualRules, `
			0s shut:
			1s unlock:
			60s wait:`},
		{"without a contact nothing is ever wrong", usualRules, `
			1s grant d1:
			20s press:
			21s let-go:
			600s wait:`},
		{"somebody goes out", usualRules, `
			0s shut:
			5s press:
			6s open:
			8s shut:
			9s let-go:
			30s wait:`},
		{"the button is let go before the door opens", usualRules, `
			0s shut:
			5s press:
			6s let-go:
			15.999s open:
			20s wait:
			21s shut:`},
		{"the button was let go too long ago", usualRules, `
			0s shut:
			5s press:
			6s let-go:
			16s open:
			17s wait: forced`},
		{"the contact is heard before the button", usualRules, `
			0s shut:
			5s open:
			5.4s press:
			7s wait:
			8s shut:`},
		{"the button comes too late", usualRules, `
			0s shut:
			5s open:
			6s press: forced
			7s wait: forced`},
		{"a button that cannot be heard is let go", usualRules, `
			0s shut:
			5s press:
			6s button-lost:
			17s open:
			18s wait: forced`},
		{"a door stands open: warning, alarm, and over", usualRules, `
			0s shut:
			1s grant d1:
			2s open:
			46.999s wait:
			47s wait: soon
			61.999s wait: soon
			62s wait: held
			500s wait: held
			501s shut:
			600s wait:`},
		{"a door that may warn nobody", silent, `
			0s shut:
			1s unlock:
			2s open:
			61.999s wait:
			62s wait: held`},
		{"shut in time", usualRules, `
			0s shut:
			1s unlock:
			2s open:
			47s wait: soon
			50s shut:
			51s grant d1:
			52s open:
			96s wait:
			97s wait: soon`},
		{"a door that cannot be heard goes on as it was", usualRules, `
			0s shut:
			1s unlock:
			2s open:
			47s wait: soon
			48s lost: soon
			200s wait: soon
			201s open: held
			202s lost: held
			203s shut:`},
		{"a door that people leave by the handle", handle, `
			0s shut:
			10s open:
			20s wait:
			55s wait: soon
			70s wait: held
			71s shut:`},
		{"it locks again as it opens", relocking, `
			0s shut:
			1s grant d1:
			3s open: relock
			5s shut:`},
		{"a bounce of the contact is no force", relocking, `
			0s shut:
			1s grant d1:
			3s open: relock
			3.2s shut:
			3.3s open:
			6s wait:`},
		{"locked again, the rest of the grant opens nothing", relocking, `
			0s shut:
			1s grant d1:
			2s open: relock
			3s shut:
			5s open:
			6s wait: forced`},
		{"no relay moves for who goes out", relocking, `
			0s shut:
			1s press:
			2s open:
			3s shut:`},
		{"no relay moves when the pulse is over", relocking, `
			0s shut:
			1s grant d1:
			6s open:
			8s shut:`},
		{"no relay moves for a door that was open at start", relocking, `
			0s unlock:
			1s open:`},
		{"a door that is held open", relocking, `
			0s shut:
			1s hold:
			2s open:
			3s grant d1:
			500s wait:
			501s shut:
			502s grant d2:
			503s open:
			600s wait:`},
		{"a door that is held open waits for nobody", usualRules, `
			0s shut:
			1s hold:
			2s grant d1:
			60s wait:
			61s fire:
			62s release:
			63s grant d2:
			90s wait:`},
		{"after the hold it has its full time to be shut", usualRules, `
			0s shut:
			1s hold:
			2s open:
			1000s release:
			1044s wait:
			1045s wait: soon
			1060s wait: held
			1061s shut:`},
		{"to hold a door ends its alarms", usualRules, `
			0s shut:
			10s open:
			11s wait: forced
			12s hold:
			13s release:
			57s wait:
			58s wait: soon
			73s wait: held
			74s hold:`},
		{"in a fire nothing is forced", usualRules, `
			0s shut:
			1s fire:
			2s open:
			500s wait:
			501s fire-over:
			545s wait:
			546s wait: soon
			561s wait: held`},
		{"the contact is heard before the fire", usualRules, `
			0s shut:
			10s open:
			10.5s fire:
			12s wait:
			13s shut:`},
		{"the fire is heard after the alarm", usualRules, `
			0s shut:
			10s open:
			11s wait: forced
			12s fire:
			13s wait:`},
		{"no relay moves in a fire, and nobody is waited for", relocking, `
			0s shut:
			1s fire:
			2s grant d1:
			3s open:
			4s shut:
			60s wait:`},
		{"who was waited for when the fire began", usualRules, `
			0s shut:
			1s grant d1:
			2s fire:
			30s wait:
			31s fire-over:
			60s wait:`},
		{"after the fire force is force again", usualRules, `
			0s shut:
			1s fire:
			2s fire-over:
			20s open:
			21s wait: forced`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { doorwayStory(t, tt.rules, tt.story) })
	}
}
