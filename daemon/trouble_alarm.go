package daemon

import (
	"fmt"
	"maps"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// withAlarms adds what the wiring of doors and building can say.
func withAlarms(kinds map[string]troubleKind) map[string]troubleKind {
	maps.Copy(kinds, map[string]troubleKind{
		troubleForced: {
			severity: critical, title: "Door was forced",
			text: "The door was opened, and nobody had let anybody in or out. Look who is there. It is shown for a quarter of an hour after the door was shut again.",
		},
		troubleHeld: {
			severity: warning, title: "Door stands open",
			text: "The door has stood open for longer than its settings allow. Shut it; if it is meant to stand open, hold it open with tilegate door hold.",
		},
		troubleTamper: {
			severity: critical, title: "Somebody is at the wiring",
			text: "A tamper circuit or a reader says that it was opened, or a circuit is cut or shorted. Look at it. It is shown for a quarter of an hour after all is well again.",
		},
		troubleReaderPower: {
			severity: warning, title: "The supply of a reader fails",
			text: "The reader says that its power is too low. Check its supply and the length of its cable.",
		},
		troubleLineIntruder: {
			severity: critical, title: "Somebody else is on the line of a reader",
			text: "Commands were heard on the line of this reader that the gateway did not send. Look along the cable for a second panel or a listening device. With a key of its own the reader gives nothing away. It is shown for a quarter of an hour after the last one.",
		},
		troubleKeypadOff: {
			severity: critical, title: "A keypad was switched off",
			text: "Somebody guesses PINs at it. Cards still work; a card that opens the door switches it on again, and so does tilegate reader enable. Look who stands there.",
		},
		troubleInputDown: {
			severity: critical, title: "An input cannot be heard",
			text: "Nothing is known of what hangs on it, and no alarm can come from it. Check its cable and power; it is taken up again by itself.",
		},
		troubleFire: {
			severity: critical, title: "The fire panel has freed the doors",
			text: "Doors stand open, and no alarm is raised for that. When the panel is reset, check that every door locks again.",
		},
		troubleMainsFail: {
			severity: critical, title: "The mains are gone",
			text: "The supply runs on its battery. When that is empty, magnets let go and strikes stay shut.",
		},
		troubleBattery: {
			severity: warning, title: "The battery of the supply is low",
			text: "It will not carry the doors through the next power cut. Replace it.",
		},
		troubleEnclosure: {
			severity: critical, title: "The box of the gateway is open",
			text: "Whoever opened it can reach relays and keys. Look who is there. It is shown for a quarter of an hour after it was shut again.",
		},
	})
	return kinds
}

// troubleOf is the trouble that an alarm is; empty: it is only recorded.
func troubleOf(alarm access.Alarm) string {
	switch alarm {
	case access.ForcedOpen:
		return troubleForced
	case access.HeldOpen:
		return troubleHeld
	case access.Tamper, access.ReaderTamper:
		return troubleTamper
	case access.ReaderPower:
		return troubleReaderPower
	case access.LineIntruder:
		return troubleLineIntruder
	case access.KeypadOff:
		return troubleKeypadOff
	case access.InputLost:
		return troubleInputDown
	case access.Fire:
		return troubleFire
	case access.MainsFail:
		return troubleMainsFail
	case access.Battery:
		return troubleBattery
	case access.Enclosure:
		return troubleEnclosure
	case access.HeldOpenSoon, access.NoEntry:
	}
	return ""
}

// lookAtAlarms puts the alarms of doors and building on the board, and takes off
// those that are over or whose door is gone.
func (w *watch) lookAtAlarms(doors []*openDoor) {
	before := w.alarms
	w.alarms = map[troubleKey]bool{}
	for _, d := range doors {
		why := map[string]string{}
		for _, in := range d.inputs {
			why[in.name] = in.Stats().Err
		}
		for _, n := range d.look().alarms {
			subject := d.id
			if n.subject != "" {
				subject += " " + n.subject
			}
			w.raise(n, subject, why[n.subject])
		}
	}
	if w.g.inputs != nil {
		why := map[string]string{}
		for _, in := range w.g.inputs.all() {
			why[in.settings.ID] = in.Stats().Err
		}
		for _, n := range w.g.inputs.notes() {
			w.raise(n, n.subject, why[n.subject])
		}
	}
	for key := range before {
		if !w.alarms[key] {
			w.g.troubles.set(false, key.code, key.subject, "")
		}
	}
}

// raise puts an alarm on the board.
func (w *watch) raise(n alarmNote, subject, why string) {
	code := troubleOf(n.alarm)
	if code == "" {
		return
	}
	detail := ""
	switch {
	case !n.on:
		detail = "it ended less than a minute ago"
		if over := w.g.clock.Mono() - n.ended; over >= time.Minute {
			detail = fmt.Sprintf("it ended %d min ago", int(over.Minutes()))
		}
	case n.alarm == access.InputLost:
		detail = why
	}
	w.alarms[troubleKey{code, subject}] = true
	w.g.troubles.set(true, code, subject, detail)
}

// lookAtClouds tells the tiles whether the gateway works from what it knows: a
// source was not heard of for as long as makes sync_failed a trouble.
func (w *watch) lookAtClouds() {
	away := false
	for _, s := range w.g.sources.all() {
		away = away || !s.source.Ageless() && w.g.troubles.ripe(troubleSyncFailed, s.settings.Name)
	}
	w.g.site.away.Store(away)
}
