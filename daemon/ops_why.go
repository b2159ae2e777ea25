package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// Why decides a tap that is only a question: one of now, of another time, or one
// that was.
func (g *gateway) Why(ctx context.Context, q control.Question) (a control.Answer, err error) {
	if q.Event != "" {
		return g.whyEvent(ctx, q.Event)
	}
	err = g.atMoment(ctx, q.At, func(m standpoint) error {
		if g.doors.find(q.Door) == nil && !m.rights.HasDoor(q.Door) {
			_, err := g.findDoor(q.Door)
			return err
		}
		decision, err := g.decideQuestion(ctx, q, &m)
		if err != nil {
			return err
		}
		a, err = g.answer(ctx, q.Door, m, decision)
		return err
	})
	return a, err
}

// decideQuestion decides what was asked.
func (g *gateway) decideQuestion(ctx context.Context, q control.Question, m *standpoint) (access.Decision, error) {
	tap := access.Tap{Door: q.Door, Presence: q.Presence, At: m.at}
	if q.Person == "" {
		read, err := questionRead(q)
		if err != nil {
			return access.Decision{}, err
		}
		asked := scene{moment: m.moment, door: q.Door, anyClock: m.rights.PolicyOf(q.Door).Residential}
		if m.past { // what was used up since then does not matter
			made, _ := g.offers.judge(read, asked)
			tap = made.tap
		} else {
			tap = g.offers.ask(read, asked)
		}
		tap.Presence = q.Presence
		return g.decideAt(ctx, tap, m)
	}
	holder, err := g.findHolder(ctx, q.Person)
	if err != nil {
		return access.Decision{}, err
	}
	credential, has := m.rights.CredentialOf(holder)
	if !has {
		m.note = "this person has no card or code; the answer is for one that would be theirs"
		return m.rights.DecideHolder(holder, tap, m.facts), nil
	}
	tap.Credential = credential
	return g.decideAt(ctx, tap, m)
}

// decideAt decides with what the journal knows of the credential at the door.
func (g *gateway) decideAt(ctx context.Context, tap access.Tap, m *standpoint) (access.Decision, error) {
	last, err := g.lastPassage(ctx, tap.Door, m.rights.PolicyOf(tap.Door).Passback, tap.Credential, m.at)
	if err != nil {
		return access.Decision{}, err
	}
	facts := m.facts
	facts.LastPassage = last
	tap, facts = access.Exact(tap, facts)
	return m.rights.Decide(tap, facts), nil
}

// answer puts a decision into words, with names and the age of the rights.
func (g *gateway) answer(ctx context.Context, door string, m standpoint, d access.Decision) (control.Answer, error) {
	a := control.Answer{
		Explanation: m.rights.Explain(d), Door: door, DoorName: m.rights.DoorName(door), At: m.at, Note: m.note, RightsOf: m.of,
		Sources: []control.Sync{},
	}
	if err := g.putInWords(ctx, &a, ""); err != nil || m.past {
		return a, err
	}
	var err error
	a.Sources, err = g.SyncStatus(ctx)
	return a, err
}

// putInWords fills in what people read: the name, the sentence, and what Kisi knows.
func (g *gateway) putInWords(ctx context.Context, a *control.Answer, code string) error {
	if a.Holder != "" {
		names, err := g.cache.Names(ctx, []string{a.Holder})
		if err != nil {
			return err
		}
		a.Name = names[a.Holder]
	}
	a.Say = a.Explanation.Say(a.At, g.clock.moment().at, g.zone(), code)
	a.Kisi = kisiKnows(&a.Explanation)
	return nil
}

// zone is where the clock hangs that people at the site read.
func (g *gateway) zone() *time.Location { return g.inForce().Site.Zone }

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
