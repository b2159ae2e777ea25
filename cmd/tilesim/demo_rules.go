package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// cleanersHours has a group open by its hours in Kisi, and says when.
func (m *morning) cleanersHours(ctx context.Context) error {
	begin := m.ids.cleaning
	if err := m.tap(ctx, "front", "Faye, two hours early", cardFaye, access.OutsideHours); err != nil {
		return err
	}
	why, err := m.daemon.view.Why(ctx, control.Question{Door: "front", Person: "Faye Adeyemi"})
	if err != nil {
		return err
	}
	if !why.Works.Equal(begin) {
		return fmt.Errorf("the hours begin at %v, and why says that it works at %v", begin, why.Works)
	}
	m.say(`tilegate why --door front --person "Faye Adeyemi":`)
	m.say("  to the member: %s", why.Say)
	now := time.Now().Truncate(time.Minute)
	m.kisi.AddSchedule(cloudtest.OnGroup(m.ids.cleaners), cloudtest.Schedule{Name: "Today earlier", From: now, Until: begin})
	return errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Faye, whose hours were changed", cardFaye, access.Granted))
}

// askAgain asks why the tap in the lockdown was refused, now that it is over.
func (m *morning) askAgain(ctx context.Context) error {
	refused, err := m.daemon.view.Events(ctx, control.EventQuery{Kind: "decision", Reason: access.LockedDown.String()})
	if err != nil {
		return err
	}
	was := refused[len(refused)-1]
	why, err := m.daemon.view.Why(ctx, control.Question{Event: was.ID})
	if err != nil {
		return err
	}
	if why.Replay == nil || why.Replay.Verdict != control.Agrees {
		return fmt.Errorf("why of event %d, decided again, does not agree: %+v", was.Seq, why.Replay)
	}
	m.say("tilegate why --event %s, the code that Ann's refusal had:", was.Code())
	m.say("  to the member: %s", why.Say)
	m.say("  decided again by the rights and the lockdown of then: %s", why.Replay.Verdict)
	return nil
}
