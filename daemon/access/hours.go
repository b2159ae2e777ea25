package access

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// toldHours is how many parts of the hours are told, and of the exceptions.
const toldHours = 4

// hoursOf says in words which hours a miss was outside of, as in "Mon–Fri
// 08:00–18:00, Sat 09:00–13:00; not on 25 Dec 2026 (Europe/Rome)"; "" of others.
func (s *Snapshot) hoursOf(d *Decision, miss *Miss) string {
	switch {
	case miss.Reason == DoorHours:
		door := &s.doors[d.door]
		return door.allow.words(d.at, door.zone)
	case miss.Reason == OutsideHours && miss.grant >= 0:
		hours, zone := s.groupHours(s.term(miss.grant), d.door)
		return hours.words(d.at, zone)
	}
	return ""
}

// words is a calendar for people. What has passed is left out.
func (c *calendar) words(now int64, zone *time.Location) string {
	switch {
	case c == nil:
		return "no hours are set, so it never opens"
	case zone == nil:
		return "the time zone of its hours is not known, so it does not open"
	}
	open, shut := c.open.parts(now, zone), c.shut.parts(now, zone)
	if len(open) == 0 {
		return "none of its hours are still to come"
	}
	text := listed(open)
	if len(shut) > 0 {
		text += "; not on " + listed(shut)
	}
	return text + " (" + zone.String() + ")"
}

func listed(parts []string) string {
	more := len(parts) - toldHours
	if more > 0 {
		parts = parts[:toldHours]
	}
	text := strings.Join(parts, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// parts are the stretches in words: those of every week, from Monday on, and then
// what comes once, in its order.
func (h *hours) parts(now int64, zone *time.Location) []string {
	type dated struct {
		begins int64
		text   string
	}
	var later []dated
	for _, s := range h.once {
		if s.until > now {
			later = append(later, dated{s.from, onceWords(s, zone)})
		}
	}
	today := DateOf(time.UnixMicro(now).In(zone))
	for _, s := range h.dates {
		if run := (Dates{Date(s.from), Date(s.until - 1)}); run.Last >= today {
			later = append(later, dated{s.from * secondsADay * 1e6, run.words()})
		}
	}
	slices.SortStableFunc(later, func(a, b dated) int { return cmp.Compare(a.begins, b.begins) })
	parts := weekWords(&h.week)
	for _, d := range later {
		parts = append(parts, d.text)
	}
	return parts
}

func onceWords(s stretch, zone *time.Location) string {
	from, until := time.UnixMicro(s.from).In(zone), time.UnixMicro(s.until).In(zone)
	const full = "2 Jan 2006 15:04"
	if DateOf(from) == DateOf(until) {
		return from.Format(full) + until.Format("–15:04")
	}
	return from.Format(full) + " – " + until.Format(full)
}

func (d Dates) words() string {
	day := func(d Date) time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }
	first, last := day(d.First), day(d.Last)
	const full = "2 Jan 2006"
	switch {
	case d.First == d.Last:
		return first.Format(full)
	case first.Year() == last.Year() && first.Month() == last.Month():
		return first.Format("2–") + last.Format(full)
	}
	return first.Format(full) + " – " + last.Format(full)
}

const minutesAWeek = 7 * int(MinutesADay)

// shift is a time of the day that is the same on some days; an end before its
// beginning is on the next day.
type shift struct{ from, until int }

// weekWords is a week in words. Rows that overlap or touch are one, also over
// midnight and over the end of the week.
func weekWords(rows *[7][]stretch) (parts []string) {
	var week [minutesAWeek]bool // from Monday 00:00 on
	for day := range 7 {
		for _, r := range rows[(day+1)%7] {
			for m := r.from / 60; m < r.until/60; m++ {
				week[day*int(MinutesADay)+int(m)] = true
			}
		}
	}
	if !slices.Contains(week[:], false) {
		return []string{"always"}
	}
	daysOf := map[shift]uint8{} // bit 0 is Monday
	for m := range week {
		if week[m] && !week[(m+minutesAWeek-1)%minutesAWeek] {
			addShifts(daysOf, &week, m)
		}
	}
	shiftsOf := map[uint8][]shift{}
	for s, days := range daysOf {
		shiftsOf[days] = append(shiftsOf[days], s)
	}
	for _, days := range slices.SortedFunc(maps.Keys(shiftsOf), func(a, b uint8) int {
		return cmp.Or(cmp.Compare(bits.TrailingZeros8(a), bits.TrailingZeros8(b)), cmp.Compare(a, b))
	}) {
		shifts := shiftsOf[days]
		slices.SortFunc(shifts, func(a, b shift) int { return cmp.Compare(a.from, b.from) })
		var times []string
		for _, s := range shifts {
			times = append(times, s.words())
		}
		parts = append(parts, daysWords(days)+" "+strings.Join(times, " and "))
	}
	return parts
}

// addShifts cuts what is open from a minute of the week on into days. It is left
// in one piece over one midnight, if it is shorter than a day.
func addShifts(daysOf map[shift]uint8, week *[minutesAWeek]bool, begin int) {
	end := begin
	for week[end%minutesAWeek] {
		end++
	}
	const day = int(MinutesADay)
	for begin < end {
		from, today := begin%day, begin/day%7
		midnight := begin - from + day
		s := shift{from, min(end, midnight) - midnight + day}
		if from > 0 && end > midnight && end-begin < day {
			s.until, midnight = end-midnight, end
		}
		daysOf[s] |= 1 << today
		begin = midnight
	}
}

func (s shift) words() string {
	if s.from == 0 && s.until == int(MinutesADay) {
		return "all day"
	}
	return Minute(s.from).String() + "–" + Minute(s.until).String()
}

// dayNames are from Monday on, as people read a week.
var dayNames = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// daysWords is a set of days, as in "Mon–Wed & Fri": commas are between the parts.
func daysWords(days uint8) string {
	if days == 1<<7-1 {
		return "every day"
	}
	var runs []string
	for first := 0; first < len(dayNames); first++ {
		last := first
		for ; days&(1<<last) != 0; last++ {
		}
		switch last - first {
		case 0:
			continue
		case 1:
			runs = append(runs, dayNames[first])
		default:
			runs = append(runs, dayNames[first]+"–"+dayNames[last-1])
		}
		first = last
	}
	return strings.Join(runs, " & ")
}
