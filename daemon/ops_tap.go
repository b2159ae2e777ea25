package daemon

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

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
	answer, err := g.answer(ctx, q.Door, standpoint{moment: g.clock.moment(), rights: got.snapshot}, got.decision)
	answer.Event, answer.Took = got.event, got.took
	if got.err != nil { // what was decided is of use all the same
		answer.Silent, answer.Say = got.err.Error(), answer.Say+lockSilent
	}
	return answer, err
}
