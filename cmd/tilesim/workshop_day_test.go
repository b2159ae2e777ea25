package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// TestATileThatHangsLosesItsPowerForAMoment: a PN532 that says nothing any more is
// healed by nothing else.
func TestATileThatHangsLosesItsPowerForAMoment(t *testing.T) {
	d := newDay(t, "workshop")
	d.begin()
	workshop := d.doors["workshop"]
	if got := d.listed("workshop", "in"); !strings.Contains(got.Identity, "PN532") || got.Pairable || got.Secure {
		t.Errorf("identity %q, pairable %t, secure %t; want PN532, false, false", got.Identity, got.Pairable, got.Secure)
	}
	workshop.chip.Fail(hwtest.PN532Hung, 1)
	d.told("reader_down", "workshop", "PN532 does not answer")
	hung := time.Now()
	d.until("the power is cut", workshop.power.Energised)
	cut := time.Now()
	d.over("reader_down", "workshop")
	t.Logf("its power was cut %v after it was told of, and it was well %v after that",
		cut.Sub(hung).Round(100*time.Millisecond), time.Since(cut).Round(100*time.Millisecond))
	d.tap("workshop", thingPKOC, access.Granted)
	if got := len(workshop.power.History()); got != 2 {
		t.Errorf("the relay of the power moved %d times, want twice: off and on again", got)
	}
	if !slices.ContainsFunc(d.events("system", 1), func(e access.Event) bool {
		return e.Door == "workshop" && strings.Contains(e.Detail, "power-cycled")
	}) {
		t.Error("the journal does not say that the tile was power-cycled")
	}
	if got := d.openings("workshop"); got != 1 {
		t.Errorf("the strike opened %d times, want once, for the card", got)
	}
}

// TestWhatIsUsedUpStaysUsedUpThroughAKill: the message of a tag and a pass for one
// entry, shown again to a daemon that was killed right after the first time.
func TestWhatIsUsedUpStaysUsedUpThroughAKill(t *testing.T) {
	d := newDay(t, "front", "workshop")
	d.begin()
	d.tap("workshop", thingTag, access.Granted)
	d.tap("front", thingPass, access.Granted)
	d.kill()
	d.launch()
	if err := d.daemon.ready(t.Context(), allUp); err != nil {
		t.Fatal(err)
	}
	d.locked("front")
	d.locked("workshop")
	d.tap("workshop", thingReplay, access.Replayed)
	d.tap("front", thingUsedPass, access.Replayed)
	d.tap("workshop", thingTag, access.Granted) // with its next message
	d.tap("front", thingPass, access.Granted)
}

// TestANumberIsNoProof: the workshop does not open for the number of a card that
// has a right, nor for a public key whose owner did not sign.
func TestANumberIsNoProof(t *testing.T) {
	d := newDay(t, "workshop")
	d.begin()
	d.tap("workshop", thingCopy, access.LowAssurance)
	d.pocket.pkoc.SetHabit(hwtest.PKOCWrongSign)
	if got := d.tap("workshop", thingPKOC, access.InvalidPass); got.Holder != "" {
		t.Errorf("a key that was not proved is in the journal as %s's", got.Holder)
	}
	d.pocket.pkoc.SetHabit(hwtest.PKOCHonest)
	time.Sleep(away + away/4)
	d.tap("workshop", thingPKOC, access.Granted)
}
