package casefile

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// Tap is one tap of a case and what should become of it.
type Tap struct {
	Line  int    // in the file
	Note  string // what it shows
	Who   string // as the case names it
	Tap   access.Tap
	Facts access.Facts
	// Person is asked about without a credential; empty: the tap's credential counts.
	Person string

	silent time.Duration
	want   expected
}

// stands asks whether a door stands open by its schedules.
type stands struct {
	line    int
	note    string
	door    string
	at      time.Time
	clock   access.ClockState
	arrived time.Time
	open    bool // what should be
	silent  time.Duration
}

// expected is what should become of a tap.
type expected struct {
	granted string // the right that opens, or "any"; empty: refused
	warned  bool
	misses  []expectedMiss
	works   *time.Time // nil: not said; zero: never
	says    string
}

type expectedMiss struct {
	reason access.Reason
	by     string     // the right; empty: not said
	opens  *time.Time // nil: not said; zero: not by waiting
}

var keypads = map[string]access.PINState{
	"": access.PINMissing, "right": access.PINRight, "wrong": access.PINFailed, "locked": access.PINBlocked,
}

func (r *reader) readTap(key string, row *tapRow) {
	t := Tap{Line: r.strict.Line(key), Note: row.Note}
	t.Tap = access.Tap{Door: row.Door, At: r.time(key+".at", row.At)}
	if row.Door == "" {
		r.strict.Blame(key, `add door = "…"; a door that nobody knows is a case too`, "it must say at which door")
	}
	if row.At == "" {
		r.strict.Blame(key, timeHint, "it must say when: at")
	}
	r.readOffered(key, row, &t)
	if row.Presence != "" {
		r.label(key+".presence", row.Presence, &t.Tap.Presence)
	}
	r.readFacts(key, row, &t)
	r.readExpected(key, row, &t.want)
	r.out.taps = append(r.out.taps, t)
}

// readOffered reads who or what taps: exactly one of the keys.
func (r *reader) readOffered(key string, row *tapRow, t *Tap) {
	given := 0
	for _, one := range []struct {
		kind  access.Kind
		word  string
		value string
	}{
		{access.Card, "card", row.Card},
		{access.QR, "code", row.Code},
		{access.Pass, "pass", row.Pass},
		{access.PKOC, "key", row.Key},
		{access.PIN, "pin", row.PIN},
	} {
		if one.value == "" {
			continue
		}
		given++
		t.Who = fmt.Sprintf("%s %q", one.word, one.value)
		t.Tap.Credential = digests.Credential(one.kind, []byte(one.value))
	}
	if row.Person != "" {
		given++
		t.Who, t.Person = row.Person, row.Person
	}
	if row.Fault != "" {
		given++
		t.Who = "nobody who could be read"
		r.label(key+".fault", row.Fault, &t.Tap.Fault)
	}
	if given != 1 {
		r.strict.Blame(key, "", "say who taps with one of card, code, pass, key, pin, person and fault")
	}
	if row.Assurance != "" {
		r.label(key+".assurance", row.Assurance, &t.Tap.Credential.Assurance)
	}
}

// readFacts reads what the gateway knows at this tap, else of the world.
func (r *reader) readFacts(key string, row *tapRow, t *Tap) {
	world := &r.rows.World
	if clock := cmp.Or(row.Clock, world.Clock); clock != "" {
		r.label(key+".clock", clock, &t.Facts.Clock)
	}
	if past := cmp.Or(row.SurelyPast, world.SurelyPast); past != "" {
		t.Facts.Floor = r.time(key+".surely_past", past)
	}
	t.Facts.Untrusted = time.Duration(or(row.ClockLostFor, world.ClockLostFor))
	t.silent = time.Duration(or(row.Silent, world.Silent))
	state, ok := keypads[row.Keypad]
	if !ok {
		r.strict.Blame(key+".keypad", "say right, wrong or locked, or leave it away", "%q is no state of the keypad", row.Keypad)
	}
	t.Facts.PIN = state
	if row.LastUsed != nil {
		t.Facts.LastPassage = t.Tap.At.Add(-time.Duration(*row.LastUsed))
	}
}

func or(one *span, other span) span {
	if one != nil {
		return *one
	}
	return other
}

func (r *reader) readExpected(key string, row *tapRow, want *expected) {
	want.granted, want.warned, want.says = row.Granted, row.Warned, row.Says
	if (row.Granted == "") == (len(row.Refused) == 0) {
		r.strict.Blame(key, `granted = "the name of the right" (or "any"), or refused = ["reason", …]`, "say what should become of it: granted or refused")
		return
	}
	if row.Granted != "" {
		if row.Granted != "any" {
			r.refer("right", key+".granted", row.Granted)
		}
		if row.Works != "" || row.Says != "" {
			r.strict.Blame(key, "", "works and says are of a refusal")
		}
		return
	}
	if row.Warned {
		r.strict.Blame(key+".warned", "", "who is refused is not warned")
	}
	for i, text := range row.Refused {
		want.misses = append(want.misses, r.readMiss(fmt.Sprintf("%s.refused[%d]", key, i), text))
	}
	want.works = r.timeOrNever(key+".works", row.Works)
}

// readMiss reads "not_yet by Ann's booking opens 2026-11-03 09:00".
func (r *reader) readMiss(key, text string) (m expectedMiss) {
	text, opens, _ := strings.Cut(strings.TrimSpace(text), " opens ")
	label, by, _ := strings.Cut(text, " by ")
	r.label(key, strings.TrimSpace(label), &m.reason)
	if m.by = strings.TrimSpace(by); m.by != "" {
		r.refer("right", key, m.by)
	}
	m.opens = r.timeOrNever(key, strings.TrimSpace(opens))
	return m
}

func (r *reader) timeOrNever(key, text string) *time.Time {
	switch text {
	case "":
		return nil
	case "never":
		return new(time.Time)
	}
	at := r.time(key, text)
	return &at
}

func (r *reader) readStands(key string, row *standsRow) {
	s := stands{line: r.strict.Line(key), note: row.Note, door: row.Door, open: row.Open}
	s.silent = time.Duration(or(row.Silent, r.rows.World.Silent))
	r.refer("door", key+".door", row.Door)
	s.at, s.arrived = r.time(key+".at", row.At), r.time(key+".arrived", row.Arrived)
	if row.At == "" {
		r.strict.Blame(key, timeHint, "it must say when: at")
	}
	if clock := cmp.Or(row.Clock, r.rows.World.Clock); clock != "" {
		r.label(key+".clock", clock, &s.clock)
	}
	r.out.stands = append(r.out.stands, s)
}
