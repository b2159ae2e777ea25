package access

import (
	"strings"
	"time"
)

// Say is the answer in a few plain sentences that a front desk can say to the
// member: what stands in the way, and when it would work. Times are told by the
// clock of the zone, as seen from now, which is when it is said; a tap of another
// day says when it was first. The short code of the event, if there is one, comes
// last. No id and no card is ever in it.
func (e *Explanation) Say(at, now time.Time, zone *time.Location, code string) string {
	s := saying{now: now.In(zone), e: e}
	if at = at.In(zone); DateOf(at) != DateOf(s.now) {
		s.dated = true
		day := s.when(at)
		s.add(strings.ToUpper(day[:1]) + day[1:] + ":")
	}
	if e.Granted {
		s.add(s.welcome())
	}
	for i := range e.Misses {
		m := &e.Misses[i]
		// Of the rights the nearest is told; what binds whatever the rights say is
		// told as well, so that nobody is sent away twice.
		if i == 0 || !m.Reason.ofGrant() {
			s.add(s.miss(m))
		}
	}
	if again := s.again(); !e.Granted && again != "" {
		s.add(again)
	}
	if code != "" && !e.Granted {
		s.add("The code of this tap is " + code + ".")
	}
	return strings.Join(s.said, " ")
}

// saying makes one answer.
type saying struct {
	now   time.Time
	dated bool // no day is called today, or by its name
	e     *Explanation
	said  []string
}

func (s *saying) add(sentence string) { s.said = append(s.said, sentence) }

// ofGrant says whether a reason is of one right among others.
func (r Reason) ofGrant() bool {
	switch r {
	case Stale, Clock, NotYet, Expired, Cancelled, OutsideHours, RemoteNotAllowed, NoGrant:
		return true
	default:
		return false
	}
}

func (s *saying) welcome() string {
	said := "The door opens"
	if g := s.e.Grant; g != nil {
		said += " by " + lower(right(g))
		if !g.Until.IsZero() {
			said += ", which ends " + s.when(g.Until)
		}
	}
	if s.e.Warned {
		return said + ". This card was used here a moment before: was it handed back?"
	}
	return said + "."
}

// miss is what stands in the way.
func (s *saying) miss(m *MissView) string {
	switch m.Reason {
	case LockedDown:
		return plainly[LockedDown] // what is locked down, and by whom, is for the staff
	case NotYet:
		if m.Grant == nil || m.Grant.From.IsZero() {
			return "Your pass does not count yet."
		}
		return right(m.Grant) + " begins " + s.begins(m.Grant.From) + "."
	case Expired:
		if m.Grant == nil || m.Grant.Until.IsZero() {
			return "Your pass has ended."
		}
		return right(m.Grant) + " ended " + s.when(m.Grant.Until) + "."
	case OutsideHours:
		if hours, ok := plainHours(m.Detail); ok {
			return right(m.Grant) + " counts " + hours + "."
		}
		return sentence(right(m.Grant)+" does not count at this time", m.Detail)
	case DoorHours:
		if hours, ok := plainHours(m.Detail); ok {
			return "Whoever comes, this door opens only " + hours + "."
		}
		return sentence("Whoever comes, this door does not open at this time", m.Detail)
	case Passback:
		if m.Opens.IsZero() {
			return "Your card was used at this door a moment before."
		}
		return "Your card was used at this door a moment before; it can be used again " + s.begins(m.Opens) + "."
	case Stale, Clock, Cancelled, RemoteNotAllowed, NotRecorded, PINWrong:
		return s.missOfRight(m)
	default:
		return plainly[m.Reason]
	}
}

// missOfRight is what stands in the way of one right.
func (s *saying) missOfRight(m *MissView) string {
	switch m.Reason {
	case Stale:
		return "The gateway has not heard from the cloud for too long to rely on " + lower(right(m.Grant)) + "."
	case Clock:
		return "The gateway does not know the time well enough to rely on " + lower(right(m.Grant)) + "."
	case Cancelled:
		return right(m.Grant) + " was cancelled."
	case RemoteNotAllowed:
		return right(m.Grant) + " opens only for somebody who stands at the door."
	default:
		return plainly[m.Reason]
	}
}

// plainly are the reasons that need no more than words.
var plainly = [reasonCount]string{
	NoCredential: "Nothing was held to the tile long enough to be read. Hold the card flat and still for a second.",
	Unreadable:   "Your card or code could not be read. Try again, slower.",
	InvalidPass:  "This pass is not valid at this door. Ask for a new one.",
	Replayed:     "This pass was already used. Ask for a new one.",
	Unknown:      "This card or code belongs to nobody we know. It has to be given to you first.",
	NotActivated: "Your card is not activated yet.",
	LockedDown:   "A lockdown shuts this door for everybody.",
	Suspended:    "Your access is suspended.",
	LowAssurance: "This door needs a card or a pass that is safer than this one.",
	PINWrong:     "The PIN was missing or wrong.",
	PINLocked:    "There were too many wrong PINs. Wait a few minutes.",
	NoGrant:      "You have no right for this door.",
	NotRecorded:  "The gateway could not write your entry down, and without that it must not open. Try again.",
}

// again is when the whole would work, unless that was said.
func (s *saying) again() string {
	works := s.e.Works
	if works.IsZero() || len(s.e.Misses) == 0 {
		return ""
	}
	first := &s.e.Misses[0]
	switch {
	case first.Reason == NotYet && first.Grant != nil && first.Grant.From.Equal(works),
		first.Reason == Passback && first.Opens.Equal(works):
		return ""
	case first.Reason == NotYet:
		return "It works " + s.begins(works) + "."
	}
	return "It works again " + s.begins(works) + "."
}

// right is whose right it is for what, at the front of a sentence.
func right(g *GrantView) string {
	if g == nil {
		return "Your right"
	}
	said := "Your right"
	switch g.Cause {
	case "booking", "plan", "pass", "contract", "desk", "visit":
		said = "Your " + g.Cause
	}
	switch {
	case g.ScopeID == "":
		return said + " for all doors"
	case g.ScopeName == "" || g.ScopeName == g.ScopeID: // it has no name that anybody knows
		return said + " for this " + g.Scope
	}
	return said + " for " + g.ScopeName
}

// plainHours are the hours of a Detail without their zone, which is that of the
// door at which the member stands; none where it says why there are no hours.
func plainHours(detail string) (hours string, ok bool) {
	at := strings.LastIndex(detail, " (")
	if at < 0 || !strings.HasSuffix(detail, ")") {
		return "", false
	}
	return detail[:at], true
}

func lower(said string) string { return strings.ToLower(said[:1]) + said[1:] }

func sentence(said, detail string) string {
	if detail != "" {
		said += ": " + detail
	}
	return said + "."
}

// begins is when something begins: never a minute that is still too soon.
func (s *saying) begins(t time.Time) string {
	return s.when(t.Add(time.Minute - time.Microsecond).Truncate(time.Minute))
}

// when is an instant as people say it: nearby days by name, others by date.
func (s *saying) when(t time.Time) string {
	t = t.In(s.now.Location())
	days := int(DateOf(t) - DateOf(s.now))
	clock := " at " + t.Format("15:04")
	switch {
	case s.dated: // by date
	case days == 0:
		return "today" + clock
	case days == 1:
		return "tomorrow" + clock
	case days == -1:
		return "yesterday" + clock
	case days > 1 && days < 7:
		return "on " + t.Weekday().String() + clock
	}
	if t.Year() == s.now.Year() {
		return "on " + t.Format("2 January") + clock
	}
	return "on " + t.Format("2 January 2006") + clock
}
