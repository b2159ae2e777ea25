package casefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// span is a length of time: "7d", "24h +1us", "1h 30m".
type span time.Duration

var units = []struct {
	name string
	unit time.Duration
}{ // the longer name first, where one begins another
	{"us", time.Microsecond},
	{"ms", time.Millisecond},
	{"s", time.Second},
	{"m", time.Minute},
	{"h", time.Hour},
	{"d", 24 * time.Hour},
}

// UnmarshalText reads parts with a unit each, that are added up.
func (s *span) UnmarshalText(text []byte) error {
	var sum time.Duration
	parts := strings.Fields(string(text))
	if len(parts) == 0 {
		return errors.New(`empty; a length of time reads "5m", "7d" or "24h +1us"`)
	}
	for _, part := range parts {
		one, err := readPart(part)
		if err != nil {
			return err
		}
		sum += one
	}
	*s = span(sum)
	return nil
}

func readPart(part string) (time.Duration, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(part, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if most := int64(1<<63-1) / int64(u.unit); err == nil && n <= most && n >= -most {
			return time.Duration(n) * u.unit, nil
		}
	}
	return 0, fmt.Errorf("%q is no length of time; write a whole number with us, ms, s, m, h or d", part)
}

const timeHint = `write it as "2026-11-02 09:00", with seconds if they matter, and "+1us" or "-1us" behind it for the instant beside; or as RFC 3339`

// readTime reads a time on the wall, "2026-10-25 02:30 first +1us", in a zone; a
// time may name another zone than the site's. RFC 3339 says itself what it means.
func readTime(text string, zone *time.Location) (time.Time, error) {
	var shift time.Duration
	which := ""
	words := strings.Fields(text)
	if len(words) > 0 {
		if at, err := time.Parse(time.RFC3339Nano, words[0]); err == nil {
			shift, err = readShift(words[1:])
			return at.Add(shift), err
		}
	}
	if len(words) < 2 {
		return time.Time{}, fmt.Errorf("%q is no time", text)
	}
	rest := words[2:]
	for len(rest) > 0 && !strings.ContainsAny(rest[0][:1], "+-") {
		switch word := rest[0]; word {
		case "first", "second":
			which = word
		default:
			named, err := time.LoadLocation(word)
			if err != nil || word == "Local" {
				return time.Time{}, fmt.Errorf("%q is neither first, second nor a time zone", word)
			}
			zone = named
		}
		rest = rest[1:]
	}
	shift, err := readShift(rest)
	if err != nil {
		return time.Time{}, err
	}
	at, err := onTheWall(words[0]+" "+words[1], which, zone)
	return at.Add(shift), err
}

func readShift(words []string) (time.Duration, error) {
	if len(words) == 0 {
		return 0, nil
	}
	var s span
	err := s.UnmarshalText([]byte(strings.Join(words, " ")))
	return time.Duration(s), err
}

// onTheWall is the instant at which the clock on the wall of a zone shows a time;
// in the autumn there may be two, in the spring none.
func onTheWall(text, which string, zone *time.Location) (time.Time, error) {
	var shown time.Time
	var err error
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if shown, err = time.ParseInLocation(form, text, time.UTC); err == nil {
			break
		}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time", text)
	}
	found := access.InstantsOf(shown, zone)
	switch {
	case len(found) == 0:
		return time.Time{}, fmt.Errorf("%s does not exist in %s: the clock on the wall skips it", text, zone)
	case len(found) > 1 && which == "":
		return time.Time{}, fmt.Errorf(`%s comes twice in %s; say "%s first" or "%s second"`, text, zone, text, text)
	case len(found) == 1 && which != "":
		return time.Time{}, fmt.Errorf("%s comes only once in %s; leave %q away", text, zone, which)
	case which == "second":
		return found[1], nil
	}
	return found[0], nil
}
