package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestWhyTellsTheDesk(t *testing.T) {
	g := morning()
	s := open(t, g)
	text := s.transcript(t, "why", "--person", "Anna Rossi", "--door", "front")
	g.answer = welcome()
	text += s.transcript(t, "why", "--person", "Anna Rossi", "--door", "front", "--at", "2026-11-22 09:00")
	g.answer = control.Answer{
		Explanation: access.Explanation{Reason: access.Unknown, Words: access.Unknown.Words(), Misses: []access.MissView{{Reason: access.Unknown, Words: access.Unknown.Words()}}},
		Door:        "front", At: noon,
	}
	text += s.transcript(t, "why", "--card", "04:A2:B3:C4", "--door", "front")
	golden(t, "why", text)
}

// replayed is the refusal of morning's event 3, decided again.
func replayed(g *gateway, verdict control.Verdict) control.Answer {
	a := refusal()
	a.Sources, a.RightsOf, a.Works = nil, noon.Add(-72*time.Hour), a.Misses[0].Opens
	a.Say += " The code of this tap is JEDB."
	a.Replay = &control.Replay{
		Event: g.events[2], Code: "JEDB", Verdict: verdict,
		After: []access.Event{{Seq: 9, Kind: access.OutcomeEvent, At: noon, Detail: "not recorded in time: the door stayed shut"}},
	}
	return a
}

func TestATapThatWasIsDecidedAgain(t *testing.T) {
	g := morning()
	s := open(t, g)
	g.answer = replayed(g, control.Agrees)
	g.answer.Replay.Others = g.events[1:2]
	text := s.transcript(t, "why", "--event", "3")
	g.answer = replayed(g, control.Differs)
	g.answer.Replay.Differs = []string{"reason: recorded not_yet, now expired"}
	text += s.transcript(t, "why", "--event", "JEDB")
	g.answer = replayed(g, control.NotKept)
	g.answer.Replay.Why = "the rights of then are not kept any more: they are for 30 days"
	text += s.transcript(t, "why", "--event", "3")
	text += s.transcript(t, "event", "show", "3")
	g.answer = welcome()
	g.answer.Warned = true
	g.answer.Replay = &control.Replay{
		Event: g.events[1], Code: "1234", Verdict: control.Agrees,
		After: []access.Event{{Kind: access.OutcomeEvent, Detail: "unlocked"}, {Kind: access.AlarmEvent, Detail: access.NoEntry.Detail(true)}},
	}
	text += s.transcript(t, "why", "--event", "2")
	golden(t, "why_event", text)
}

func TestWhoCanOpenADoor(t *testing.T) {
	g := morning()
	s := open(t, g)
	text := s.transcript(t, "who", "--door", "front")
	g.openers = []control.Opener{
		{Holder: "h1", Name: "Anna Rossi", Granted: true, Grant: welcome().Grant},
		{Holder: "h2", Granted: true, Grant: refusal().Misses[0].Grant, Until: noon.Add(3 * time.Hour)},
		{Holder: "h3", Name: "Berta", Reason: access.OutsideHours, Grant: welcome().Grant, Works: noon.Add(21 * time.Hour)},
		{Holder: "h4", Name: "Carlo", Grant: welcome().Grant, NoCard: true},
		{Holder: "h5", Name: "Dora", Reason: access.Suspended},
	}
	text += s.transcript(t, "who", "--door", "front")
	text += s.transcript(t, "who", "--door", "front", "--all", "--at", "2026-11-22 09:00")
	text += s.transcript(t, "who", "--door", "front", "--json")
	golden(t, "who", text)
}

func TestWhoWasSeen(t *testing.T) {
	g := morning()
	g.seen = control.Seen{
		Since: noon.Add(-12 * time.Hour), At: noon, Why: "who leaves is not read at every door to the outside: Rear door",
		People: []control.SeenPerson{
			{Holder: "h1", Name: "Anna Rossi", Door: "front", DoorName: "Front door", At: noon.Add(-time.Hour), Way: "in"},
			{Holder: "h2", Door: "lab", At: noon.Add(-2 * time.Hour)},
			{Holder: "h3", Name: "Carlo", Door: "front", DoorName: "Front door", At: noon.Add(-time.Minute), Way: "out", Left: true},
		},
	}
	s := open(t, g)
	text := s.transcript(t, "person", "seen")
	g.seen.Evacuation, g.seen.Why = true, ""
	text += s.transcript(t, "person", "seen", "--since", "2026-11-21 06:00")
	text += s.transcript(t, "person", "seen", "--since", "06:00", "--today")
	golden(t, "person", text)
}

func TestWhyExitsAsTheDoorWouldAnswer(t *testing.T) {
	g := morning()
	s := open(t, g)
	for _, json := range []string{"--json=false", "--json"} {
		g.answer = refusal()
		if got := s.run(t, "why", "--person", "Anna", "--door", "front", json); got.code != exitNo || got.err != "" {
			t.Errorf("refused %s: exit %d, %q, want %d", json, got.code, got.err, exitNo)
		}
		g.answer = welcome()
		if got := s.run(t, "why", "--person", "Anna", "--door", "front", json); got.code != exitOK {
			t.Errorf("granted %s: exit %d, %q, want %d", json, got.code, got.err, exitOK)
		}
	}
	if len(g.acted) > 0 {
		t.Errorf("a question acted: %v", g.acted)
	}
}

func TestQuestionsReachTheGatewayAsMeant(t *testing.T) {
	inRome := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		in   string
		args []string
		want control.Question
	}{
		{"person", "", []string{"--person", "Anna"}, control.Question{Door: "front", Person: "Anna"}},
		{"card as labels print it", "", []string{"--card", "04:A2 B3-c4"}, control.Question{Door: "front", Card: "04a2b3c4"}},
		{"card from standard input", "0x04A2B3C4\r\n", []string{"--card", "-"}, control.Question{Door: "front", Card: "04a2b3c4"}},
		{"code word for word", "", []string{"--code", " A:b-C "}, control.Question{Door: "front", Code: " A:b-C "}},
		{"code from standard input", "TG1.abc\nrest", []string{"--code", "-"}, control.Question{Door: "front", Code: "TG1.abc"}},
		{"at, in the zone of the site", "", []string{"--person", "Anna", "--at", "2026-11-22 09:00"}, control.Question{Door: "front", Person: "Anna", At: inRome}},
		{"at, for a script too", "", []string{"--person", "Anna", "--at", "2026-11-22 09:00", "--json"}, control.Question{Door: "front", Person: "Anna", At: inRome}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := morning()
			s := open(t, g)
			got := s.runWith(t.Context(), strings.NewReader(test.in), append([]string{"why", "--door", "front"}, test.args...)...)
			if got.code != exitNo {
				t.Fatalf("exit %d: %s", got.code, got.err)
			}
			if diff := cmp.Diff([]control.Question{test.want}, g.questions); diff != "" {
				t.Errorf("question (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACardIsNeverRepeated(t *testing.T) {
	g := morning()
	g.answer.Name, g.answer.Holder = "", ""
	s := open(t, g)
	for _, args := range [][]string{
		{"why", "--card", "04998877665540", "--door", "front"},
		{"why", "--card", "0499887766554", "--door", "front"},
		{"why", "--card", "04998877665540", "--door", ""},
		{"tap", "simulate", "--code", "04998877665540", "--door", "front"},
	} {
		if got := s.run(t, args...); strings.Contains(got.out+got.err, "0499887766554") || strings.Contains(strings.ToUpper(got.out), "0499887766554") {
			t.Errorf("%v repeats it:\n%s%s", args, got.out, got.err)
		}
	}
}

func FuzzReadUID(f *testing.F) {
	for _, seed := range []string{"04:A2:B3:C4:D5:E6:80", "0x04a2", "04 a2-b3", "", ":", strings.Repeat("00", 33), "04A2B3C4D5E68"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		uid, err := readUID(text)
		if err != nil {
			return
		}
		again, err := readUID(strings.ToUpper(uid))
		if err != nil || again != uid || len(uid)%2 != 0 || uid == "" {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", text, uid, again, err)
		}
	})
}

// Whatever may decide a tap is shown, wherever it is not as usual.
func TestATapIsShownWithAllThatItWasDecidedBy(t *testing.T) {
	g := morning()
	s := open(t, g)
	for _, test := range []struct {
		name string
		set  func(*access.Event)
		want string
	}{
		{"the fault", func(e *access.Event) { e.Fault = access.Replayed }, "read with the fault replayed"},
		{"the lockdowns", func(e *access.Event) { e.Posture = 7 }, "lockdowns by staff as of number 7"},
		{"the clock", func(e *access.Event) { e.Clock = access.ClockJumped }, "clock jumped"},
		{"how long it was in doubt", func(e *access.Event) { e.Untrusted = 2 * time.Hour }, "clock in doubt for 2 h"},
		{"what had surely passed", func(e *access.Event) { e.Floor = noon.Add(-time.Hour) }, "surely past by then 2026-11-21 11:00:00 CET"},
		{"a right PIN", func(e *access.Event) { e.PIN = access.PINRight }, "PIN right"},
		{"a wrong PIN", func(e *access.Event) { e.PIN = access.PINFailed }, "PIN wrong"},
		{"a keypad that is shut", func(e *access.Event) { e.PIN = access.PINBlocked }, "PIN not compared, after too many wrong ones"},
		{"the passage before", func(e *access.Event) { e.LastPass = e.At.Add(-5 * time.Minute) }, "last passage before 5 min"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g.answer = replayed(g, control.Agrees)
			test.set(&g.answer.Replay.Event)
			got := s.run(t, "event", "show", "3")
			if text := strings.Join(strings.Fields(got.out), " "); got.code != exitOK || !strings.Contains(text, test.want) {
				t.Errorf("exit %d: no %q in:\n%s%s", got.code, test.want, got.out, got.err)
			}
		})
	}
}

// A granted tap at which the strike failed, or which a lockdown overtook, opened
// nothing.
func TestATapThatOpenedNothingExitsSo(t *testing.T) {
	g := morning()
	s := open(t, g)
	for outcome, want := range map[string]int{access.DidUnlock: exitOK, access.StrikeFailed + "no answer": exitNo, "locked down meanwhile": exitNo} {
		g.answer = welcome()
		g.answer.Replay = &control.Replay{
			Event: g.events[1], Verdict: control.Agrees, After: []access.Event{{Kind: access.OutcomeEvent, Detail: outcome}},
		}
		if got := s.run(t, "why", "--event", "2"); got.code != want {
			t.Errorf("%s: exit %d, want %d:\n%s%s", outcome, got.code, want, got.out, got.err)
		}
	}
}
