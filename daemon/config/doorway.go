package config

import (
	"time"

	"github.com/tilegate/tilegate/hw"
)

// The bounds of how long a door may stand open.
const (
	leastHeldAfter = 5 * time.Second
	mostHeldAfter  = 24 * time.Hour
)

// doorway checks how long a door stays unlocked and may stand open.
func (c *checker) doorway(t table, door *doorTable) {
	if t.has("extended_hold") {
		if door.ExtendedHold < door.Hold {
			c.blame(t.path+".extended_hold", "give people who need longer at least what everybody has",
				"%s is shorter than the hold of %s", short(door.ExtendedHold), short(door.Hold))
		} else {
			c.within(t.path+".extended_hold", door.ExtendedHold, hw.MinPulse, hw.MaxPulse)
		}
	}
	c.needContact(t, door)
	c.within(t.path+".held_after", door.HeldAfter, leastHeldAfter, mostHeldAfter)
	switch {
	case door.HeldAfter < leastHeldAfter: // told already
	case door.HeldAfter < min(max(door.Hold, door.ExtendedHold), hw.MaxPulse):
		c.blame(t.path+".held_after", "let a door stand open at least for as long as it stays unlocked",
			"%s is shorter than the door stays unlocked", short(door.HeldAfter))
	case t.has("held_warning") && (door.HeldWarning < 0 || door.HeldWarning >= door.HeldAfter):
		c.blame(t.path+".held_warning", "it is how long before held_after the tile warns; 0s: it does not",
			"%s is not between 0s and held_after, which is %s", short(door.HeldWarning), short(door.HeldAfter))
	}
	if !t.has("held_warning") {
		door.HeldWarning = min(door.HeldWarning, door.HeldAfter/2)
	}
}

// needContact refuses what cannot be without a contact. To switch off what is off
// anyway is no mistake.
func (c *checker) needContact(t table, door *doorTable) {
	if door.Contact.present() {
		return
	}
	for _, one := range []struct {
		key   string
		asked bool
	}{
		{"relock_on_open", door.RelockOnOpen},
		{"forced_alarm", door.ForcedAlarm != nil && *door.ForcedAlarm},
		{"held_after", t.has("held_after")},
		{"held_warning", t.has("held_warning")},
	} {
		if one.asked {
			c.blame(t.path+"."+one.key, `add contact = { driver = "…", port = "…" }, or leave it away`,
				"without a contact nobody knows whether the door is open")
		}
	}
}

// forcedAlarm says whether an opening that nobody let happen is an alarm. Where
// nobody can tell who goes out by the handle from who came in by force, it is
// none, unless the settings say so.
func forcedAlarm(door *doorTable) bool {
	if door.ForcedAlarm != nil {
		return *door.ForcedAlarm
	}
	return door.Contact.present() && (door.ExitButton.present() || len(door.Reader) > 1)
}
