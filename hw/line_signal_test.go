package hw

import "testing"

func TestEachSignalHasItsBytesOrTheNearest(t *testing.T) {
	two := dialogueOptions{Granted: octets("G"), Refused: octets("R")}
	all := dialogueOptions{
		Granted: octets("G"), Refused: octets("R"), OneCard: octets("1"), PIN: octets("P"), AskDesk: octets("A {code}!{code}"),
		Ready: octets("Y"), Offline: octets("O"),
	}
	for _, tt := range []struct {
		name   string
		lamp   dialogueOptions
		notice Notice
		want   string
	}{
		{"granted", two, Notice{Signal: SignalGranted}, "G"},
		{"refused", two, Notice{Signal: SignalRefused}, "R"},
		{"one card, as a refusal", two, Notice{Signal: SignalOneCard}, "R"},
		{"ask the desk, as a refusal", two, Notice{Signal: SignalAskDesk, Code: "A7"}, "R"},
		{"a PIN is no refusal", two, Notice{Signal: SignalPIN}, ""},
		{"at rest nothing is sent", two, Notice{Signal: SignalReady}, ""},
		{"nor when the cloud is away", two, Notice{Signal: SignalOffline}, ""},
		{"nothing is given", dialogueOptions{}, Notice{Signal: SignalGranted}, ""},
		{"one card", all, Notice{Signal: SignalOneCard}, "1"},
		{"PIN", all, Notice{Signal: SignalPIN}, "P"},
		{"ready", all, Notice{Signal: SignalReady}, "Y"},
		{"offline", all, Notice{Signal: SignalOffline}, "O"},
		{"ask the desk, with the code", all, Notice{Signal: SignalAskDesk, Code: "A7"}, "A A7!A7"},
		{"no code", all, Notice{Signal: SignalAskDesk}, "A !"},
		{"a code is no order to the reader", all, Notice{Signal: SignalAskDesk, Code: "A\x1B[7\r\nü"}, "A A[7!A[7"},
		{"a long code is cut", all, Notice{Signal: SignalAskDesk, Code: "0123456789ABCDEFGHIJ"}, "A 0123456789ABCDEF!0123456789ABCDEF"},
		{"no signal", all, Notice{Signal: signalCount}, ""},
	} {
		if got := string(tt.lamp.lamp(tt.notice)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if string(all.AskDesk) != "A {code}!{code}" {
		t.Errorf("the template became %q", all.AskDesk)
	}
}
