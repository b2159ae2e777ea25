package daemon

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// Why decides a tap that is only a question.
func (g *gateway) Why(ctx context.Context, q control.Question) (control.Answer, error) {
	snapshot := g.rights.Load()
	now := g.clock.moment()
	if q.At.IsZero() {
		q.At = now.at
	}
	tap := access.Tap{Door: q.Door, Presence: q.Presence, At: q.At}
	if g.doors.find(q.Door) == nil && !snapshot.HasDoor(q.Door) {
		_, err := g.findDoor(q.Door)
		return control.Answer{}, err
	}
	facts := now.facts()
	facts.PIN = access.PINRight // a question is not about digits
	var decision access.Decision
	noteText := ""
	if q.Person != "" {
		holder, err := g.findHolder(ctx, q.Person)
		if err != nil {
			return control.Answer{}, err
		}
		credential, has := snapshot.CredentialOf(holder)
		if has {
			tap.Credential = credential
			decision = snapshot.Decide(tap, facts)
		} else {
			decision = snapshot.DecideHolder(holder, tap, facts)
			noteText = "this person has no card or code; the answer is for one that would be theirs"
		}
	} else {
		now.at = q.At
		read, err := questionRead(q)
		if err != nil {
			return control.Answer{}, err
		}
		tap = g.offers.ask(read, scene{moment: now, door: q.Door, anyClock: snapshot.PolicyOf(q.Door).Residential})
		tap.Presence = q.Presence
		decision = snapshot.Decide(tap, facts)
	}
	answer, err := g.answer(ctx, q, snapshot, decision)
	answer.Note = noteText
	return answer, err
}

// answer puts a decision into words, with names and the age of the rights.
func (g *gateway) answer(ctx context.Context, q control.Question, s *access.Snapshot, d access.Decision) (control.Answer, error) {
	a := control.Answer{Explanation: s.Explain(d), Door: q.Door, DoorName: s.DoorName(q.Door), At: q.At}
	if a.Holder != "" {
		if holder, err := g.cache.Holder(ctx, a.Holder); err == nil {
			a.Name = holder.Name
		}
	}
	var err error
	a.Sources, err = g.SyncStatus(ctx)
	return a, err
}

// findHolder is the one person that the words mean.
func (g *gateway) findHolder(ctx context.Context, words string) (string, error) {
	const show = 5
	found, err := g.cache.FindHolders(ctx, words, show+1)
	if err != nil {
		return "", err
	}
	var named []access.Holder
	for _, h := range found {
		if h.ID == words {
			return h.ID, nil
		}
		if strings.EqualFold(h.Name, words) {
			named = append(named, h)
		}
	}
	if len(named) > 0 {
		found = named
	}
	switch {
	case len(found) == 1:
		return found[0].ID, nil
	case len(found) == 0:
		return "", &control.Error{Code: control.NotFound, Message: fmt.Sprintf("nobody is called %q", words), Hint: "try a part of the name, or the id from the cloud"}
	}
	var names []string
	for _, h := range found[:min(show, len(found))] {
		names = append(names, fmt.Sprintf("%s (%s)", h.Name, h.ID))
	}
	return "", &control.Error{Code: control.Conflict, Message: fmt.Sprintf("%q means more than one person", words), Hint: "say which: " + strings.Join(names, ", ")}
}

// questionRead is what a reader would have seen.
func questionRead(q control.Question) (hw.Read, error) {
	switch {
	case q.Card != "":
		uid := strings.ToLower(strings.NewReplacer(":", "", " ", "", "-", "").Replace(q.Card))
		if _, err := hex.DecodeString(uid); err != nil || uid == "" {
			return hw.Read{}, &control.Error{Code: control.BadRequest, Message: "the card is not hex", Hint: "write the UID as the reader prints it: 04A2B3C4D5E680"}
		}
		return hw.Read{Kind: access.Card, Value: hw.Value(uid), At: time.Now()}, nil
	case q.Code != "":
		return hw.Read{Kind: access.QR, Value: hw.Value(q.Code), At: time.Now()}, nil
	}
	return hw.Read{}, &control.Error{Code: control.BadRequest, Message: "say who or what taps", Hint: "a person, a card or a code"}
}

// Simulate runs a tap through a door as if its tile had read it.
func (g *gateway) Simulate(ctx context.Context, caller control.Caller, q control.Question) (control.Answer, error) {
	d, err := g.findDoor(q.Door)
	if err != nil {
		return control.Answer{}, err
	}
	if q.Person != "" || !q.At.IsZero() {
		return control.Answer{}, &control.Error{Code: control.BadRequest, Message: "a simulated tap is a card or a code, now", Hint: "to ask about a person or another time use: tilegate why"}
	}
	read, err := questionRead(q)
	if err != nil {
		return control.Answer{}, err
	}
	got, err := d.ask(ctx, ask{actor: caller.Name + " (simulated)", read: &read})
	if err != nil {
		return control.Answer{}, err
	}
	q.At, _ = g.clock.now()
	answer, err := g.answer(ctx, q, got.snapshot, got.decision)
	answer.Event, answer.Took = got.event, got.took
	if got.err != nil {
		return answer, fmt.Errorf("granted, but the strike did not answer: %w", got.err)
	}
	return answer, err
}
