package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tilegate/tilegate/daemon/control"
)

// The severities of a trouble.
const (
	critical = "critical" // somebody must act now
	warning  = "warning"  // somebody should look today
	note     = "note"     // good to know
)

// troubleKind is one thing a person should know, declared once: its words, how
// bad it is, what hides it and how long it must last before it is shown.
type troubleKind struct {
	severity  string
	title     string
	text      string        // what it means and what to do; the detail follows
	dependsOn []string      // hidden while one of these is shown for the same subject or for all
	patience  time.Duration // how long it must last
}

// The codes are metric labels and runbook headings.
const (
	troubleReaderDown    = "reader_down"
	troubleStrikeDown    = "strike_down"
	troubleSyncFailed    = "sync_failed"
	troubleSyncHeld      = "sync_held"
	troubleRowsDropped   = "rows_dropped"
	troubleRightsOld     = "rights_old"
	troubleRightsStale   = "rights_stale"
	troubleNoRights      = "no_rights"
	troubleJournal       = "journal_failing"
	troubleJournalReset  = "journal_reset"
	troubleCacheReset    = "cache_reset"
	troubleFileDamaged   = "file_damaged"
	troubleClock         = "clock_untrusted"
	troubleDrift         = "clock_drift"
	troubleClash         = "credential_clash"
	troubleHours         = "hours_missing"
	troubleUnlock        = "unlock_schedule_off"
	troubleZone          = "zone_unknown"
	troubleReloadRefused = "reload_refused"
	troubleAlertFailed   = "alert_failed"
	troubleMetrics       = "metrics_down"
	troubleForced        = "door_forced"
	troubleHeld          = "door_held"
	troubleTamper        = "tamper"
	troubleReaderPower   = "reader_power"
	troubleLineIntruder  = "line_intruder"
	troubleKeypadOff     = "keypad_off"
	troublePassKeys      = "pass_keys"
	troubleInputDown     = "input_down"
	troubleFire          = "fire"
	troubleMainsFail     = "mains_fail"
	troubleBattery       = "battery"
	troubleEnclosure     = "enclosure"
)

// troubleKinds is written once, here and for alarms in trouble_alarm.go;
// docs/RUNBOOK.md has a heading for each.
var troubleKinds = withAlarms(map[string]troubleKind{
	troubleReaderDown: {
		severity: critical, title: "Reader is silent", patience: 5 * time.Second,
		text: "The tile at this door cannot be heard, so nobody can open it with a card. Check its cable and power; it is taken up again by itself.",
	},
	troubleStrikeDown: {
		severity: critical, title: "Strike does not answer", patience: 5 * time.Second,
		text: "The relay of this door cannot be reached, so the door stays locked. Check its cable and power; it is taken up again by itself.",
	},
	troubleSyncFailed: {
		severity: warning, title: "Rights cannot be fetched", patience: 2 * time.Minute,
		text: "The doors go on with the rights they have. New rights and revocations do not arrive until this ends.",
	},
	troubleSyncHeld: {
		severity: critical, title: "A large removal is held back",
		text: "The cloud says that many people have lost their rights at once. Nobody was removed. Look at them with tilegate sync status; if they are meant, let them pass with tilegate sync approve.",
	},
	troubleRowsDropped: {
		severity: warning, title: "Some rights could not be used", patience: 30 * time.Minute,
		text: "The cloud sent rows that point at nothing. They were left out; the rest is in force.",
	},
	troubleRightsOld: {
		severity: warning, title: "Rights are old", dependsOn: []string{troubleRightsStale},
		text: "The source has not been heard of for more than an hour. The doors go on with the rights they have.",
	},
	troubleRightsStale: {
		severity: critical, title: "Rights are too old",
		text: "The source has not been heard of for more than a day. Open-ended rights end on high-security doors after 24 hours and on all others after 7 days; rights with an end of their own run to it.",
	},
	troubleNoRights: {
		severity: critical, title: "Nobody has any rights", patience: time.Minute,
		text: "The gateway knows no credential at all, so every tap is refused. Is the source configured and was it reached once?",
	},
	troubleJournal: {
		severity: critical, title: "The journal cannot be written",
		text: "Taps are still decided, but may not be recorded. Look at the disk: is it full, read-only or failing?",
	},
	troubleJournalReset: {
		severity: warning, title: "The journal was damaged",
		text: "The damaged file was set aside and a new journal begun. Keep the old file; it holds the record until today. This is shown until the gateway starts again.",
	},
	troubleCacheReset: {
		severity: warning, title: "The copy of the rights was damaged",
		text: "It was set aside and is fetched anew. Until then nobody is known.",
	},
	troubleFileDamaged: {
		severity: critical, title: "A file is damaged",
		text: "The daily look found damage in this file; the storage may be dying. Copy the state directory away now and replace the card or disk.",
	},
	troubleClock: {
		severity: critical, title: "The clock is wrong", patience: 30 * time.Second,
		text: "The gateway does not know what time it is. Rights and passes with a beginning or an end, and hours, are refused until it does, but for rights that run for long and at doors marked residential. Check the network time: timedatectl status.",
	},
	troubleDrift: {
		severity: warning, title: "The clock is off", dependsOn: []string{troubleClock},
		text: "The clock of this machine and that of the cloud are more than 30 seconds apart, so windows and hours begin and end at the wrong time by as much. Check the network time: timedatectl status.",
	},
	troubleClash: {
		severity: warning, title: "Two people have the same card",
		text: "A card that belongs to two people opens for neither. Take it from one of them.",
	},
	troubleHours: {
		severity: warning, title: "Limited to hours, but has none",
		text: "These groups or doors are limited to hours and have no schedule that allows any, so they open for nobody. Give them a schedule in Kisi, or switch the time restriction off there.",
	},
	troubleUnlock: {
		severity: note, title: "An unlock schedule is not followed",
		text: "There is a schedule by which this door stands open, and the settings do not say whether it should here, so it stays locked. Say unlock_schedules = true at the door, or false to silence this.",
	},
	troubleZone: {
		severity: warning, title: "A time zone is not known",
		text: "A source names a time zone that this machine does not know, so hours in it are never open. Is the name right, and is the package tzdata up to date?",
	},
	troubleReloadRefused: {
		severity: warning, title: "New settings were refused",
		text: "The settings file is wrong, so the old settings stay in force. Mend it and reload.",
	},
	troublePassKeys: {
		severity: warning, title: "Passes or tags cannot be verified",
		text: "A key that the settings name cannot be read, so what it would prove is refused. Put the key where the settings say, then: tilegate reload.",
	},
	troubleMetrics: {
		severity: warning, title: "The numbers cannot be shown",
		text: "Prometheus cannot be answered; the doors are not affected. Does another program hold the address, or is web_config_file wrong? It is tried again by itself.",
	},
	troubleAlertFailed: {
		severity: warning, title: "Nobody could be told",
		text: "Mail or webhook could not be delivered. It is tried again.",
	},
})

// troubles is the board of what is wrong now. Any goroutine may write on it.
type troubles struct {
	mono func() time.Duration
	wall func() time.Time
	mu   sync.Mutex // guards open
	open map[troubleKey]openTrouble
}

type troubleKey struct{ code, subject string }

type openTrouble struct {
	detail string
	since  time.Time
	mono   time.Duration
}

func newTroubles(clock Clock) *troubles {
	return &troubles{mono: clock.Mono, wall: clock.Wall, open: map[troubleKey]openTrouble{}}
}

// set raises a trouble, or changes its detail, when on; otherwise it ends it.
func (t *troubles) set(on bool, code, subject, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := troubleKey{code, subject}
	if !on {
		delete(t.open, key)
		return
	}
	trouble, ok := t.open[key]
	if !ok {
		trouble = openTrouble{since: t.wall(), mono: t.mono()}
	}
	trouble.detail = detail
	t.open[key] = trouble
}

// forget ends every trouble of a subject, when a reload took it away.
func (t *troubles) forget(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.open {
		if key.subject == subject {
			delete(t.open, key)
		}
	}
}

// declared says whether a trouble is open, shown or not: a part that is in a
// declared trouble does not hold up the watchdog.
func (t *troubles) declared(code, subject string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.open[troubleKey{code, subject}]
	return ok
}

// ripe says whether a trouble has lasted for as long as makes it one to show.
func (t *troubles) ripe(code, subject string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	trouble, ok := t.open[troubleKey{code, subject}]
	return ok && t.mono()-trouble.mono >= troubleKinds[code].patience
}

// shown lists what has lasted long enough and is not explained by another
// trouble, the worst first.
func (t *troubles) shown() []control.Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.mono()
	ripe := func(key troubleKey) bool {
		trouble, ok := t.open[key]
		return ok && now-trouble.mono >= troubleKinds[key.code].patience
	}
	var all []control.Trouble
	for key, trouble := range t.open {
		kind := troubleKinds[key.code]
		if !ripe(key) || slices.ContainsFunc(kind.dependsOn, func(code string) bool {
			return ripe(troubleKey{code, key.subject}) || ripe(troubleKey{code, ""})
		}) {
			continue
		}
		text := kind.text
		if trouble.detail != "" {
			text += " (" + trouble.detail + ")"
		}
		all = append(all, control.Trouble{
			Code: key.code, Subject: key.subject, Severity: kind.severity, Title: kind.title, Text: text, Since: trouble.since,
		})
	}
	rank := map[string]int{critical: 0, warning: 1, note: 2}
	slices.SortFunc(all, func(a, b control.Trouble) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), a.Since.Compare(b.Since),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

// line is the one line that says how the gateway is.
func statusLine(doors int, rights string, shown []control.Trouble) string {
	line := fmt.Sprintf("%d doors, %s", doors, rights)
	if doors == 1 {
		line = "1 door, " + rights
	}
	for i, trouble := range shown {
		if i == 3 {
			return line + fmt.Sprintf(", and %d more", len(shown)-i)
		}
		line += ", " + trouble.Title
		if trouble.Subject != "" {
			line += " (" + trouble.Subject + ")"
		}
	}
	return line
}
