package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestATapIsFoundByWhatPeopleSayOfIt(t *testing.T) {
	h := newHouse(t)
	add := func(e access.Event) uint64 {
		t.Helper()
		e.At = today
		<-h.journal.Append(e).Done()
		return h.journal.Stats().Last
	}
	id := func(front string) string { return front + strings.Repeat("0", 32-len(front)) }
	older := add(access.Event{ID: id("939ab03"), Kind: access.DecisionEvent, Door: "front", Reason: access.Unknown})
	add(access.Event{ID: id("fffff01"), Kind: access.OutcomeEvent, Ref: id("939ab03"), Detail: access.DidUnlock})
	outcome := h.journal.Stats().Last
	newer := add(access.Event{ID: id("939ab04"), Kind: access.DecisionEvent, Door: "lab", Reason: access.Unknown})
	action := add(access.Event{ID: id("0886402"), Kind: access.ActionEvent, Detail: "open"})
	// Codes that are the numbers of a tap, and of what is none.
	coded := func(number uint64) uint64 {
		front := access.CodeFront(fmt.Sprintf("%04d", number))
		return add(access.Event{ID: id(front), Kind: access.DecisionEvent, Door: "front", Reason: access.Unknown})
	}
	likeOlder, likeAction := coded(older), coded(action)

	for _, tt := range []struct {
		asked  string
		want   uint64
		others []uint64
		err    string
	}{
		{asked: fmt.Sprint(older), want: older},
		{asked: fmt.Sprintf(" #%d ", older), want: older},
		{asked: id("939ab03"), want: older},
		{asked: strings.ToUpper(id("939ab03")), want: older},
		{asked: "jedb", want: newer, others: []uint64{older}},
		{asked: fmt.Sprint(outcome), want: older},
		{asked: fmt.Sprintf("%04d", older), want: older, others: []uint64{likeOlder}},
		{asked: fmt.Sprintf("%04d", action), want: likeAction},
		{asked: fmt.Sprint(action), err: "is no tap: it is of the kind action"},
		{asked: "ZZZZ", err: "there is no event"},
		{asked: "999999", err: "there is no event"},
		{asked: "the one from yesterday", err: "is no event"},
		{asked: "", err: "is no event"},
	} {
		t.Run(tt.asked, func(t *testing.T) {
			e, others, err := h.findTap(t.Context(), tt.asked)
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) || tt.err == "" && err != nil {
				t.Fatalf("got %v, want %q", err, tt.err)
			}
			if err == nil && e.Seq != tt.want {
				t.Errorf("got %d, want %d", e.Seq, tt.want)
			}
			var seqs []uint64
			for _, o := range others {
				seqs = append(seqs, o.Seq)
			}
			if fmt.Sprint(seqs) != fmt.Sprint(tt.others) {
				t.Errorf("others: got %v, want %v", seqs, tt.others)
			}
		})
	}
}

func TestWhatKisiKnowsOfARight(t *testing.T) {
	e := access.Explanation{
		Grant: &access.GrantView{ID: "kisi-ra-88", Scope: "group", ScopeID: "kisi-group-30", Source: "kisi"},
		Misses: []access.MissView{
			{Grant: &access.GrantView{ID: "kisi-ra-9", Scope: "organisation", Source: "kisi"}},
			{Grant: &access.GrantView{ID: "ann@all", Scope: "group", ScopeID: "all", Source: "file"}},
			{Grant: &access.GrantView{ID: "kisi-ra-88", Scope: "group", ScopeID: "kisi-group-30", Source: "kisi"}},
			{Grant: &access.GrantView{ID: "g1", Scope: "door", ScopeID: "front", Source: "ledger"}},
			{Grant: &access.GrantView{ID: "kisi-ra-5#held", Scope: "group", ScopeID: "kisi-group-30#held-1234", Source: "kisi"}},
			{},
		},
	}
	want := []control.KisiKnows{
		{Grant: "kisi-ra-88", Knows: true, Words: "Kisi has it: role assignment 88, on group 30"},
		{Grant: "kisi-ra-9", Knows: true, Words: "Kisi has it: role assignment 9"},
		{Grant: "ann@all", Words: "Kisi does not know it: it stands in the roster file"},
		{Grant: "g1", Words: "Kisi does not know it: it was given at this gateway"},
		{Grant: "kisi-ra-5#held", Words: "Kisi does not list it any more: its removal waits, see: tilegate sync status"},
	}
	if got := kisiKnows(&e); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAMemberWhomALockdownOvertookIsToldSo(t *testing.T) {
	overtaken := access.Event{Kind: access.OutcomeEvent, Detail: lockedMeanwhile}
	opened := access.Event{Kind: access.OutcomeEvent, Detail: "unlocked"}
	if got := shutWords([]access.Event{opened, overtaken}); !strings.Contains(got, "lockdown") {
		t.Errorf("overtaken: got %q", got)
	}
	if got := shutWords([]access.Event{opened}); got != "" {
		t.Errorf("opened: got %q", got)
	}
}

// A member who was granted and not let in is told so, and why.
func TestASilentLockIsToldToTheMember(t *testing.T) {
	h := newHouse(t) // in which no strike is plugged in
	got, err := h.Simulate(t.Context(), control.Caller{Name: "anna"}, control.Question{Door: "front", Card: "04a2b3c4d5e680"})
	if err != nil || !got.Granted || got.Silent == "" || !strings.HasSuffix(got.Say, lockSilent) {
		t.Fatalf("simulated: %+v, %v", got, err)
	}
	h.until("the outcome is recorded", func() bool {
		found, err := h.journal.ByID(t.Context(), got.Event, 1)
		if err != nil || len(found) != 1 {
			return false
		}
		after, err := h.journal.About(t.Context(), found[0])
		return err == nil && len(after) == 1
	})
	past, err := h.Why(t.Context(), control.Question{Event: got.Event})
	if err != nil || past.Replay.Verdict != control.Agrees || !strings.HasSuffix(past.Say, lockSilent) {
		t.Errorf("afterwards: %+v, %v", past, err)
	}
}
