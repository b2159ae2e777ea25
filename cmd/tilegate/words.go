package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// stamp is how a time is shown: with seconds and the zone's name, so that
// nobody is misled on a gateway whose own clock shows UTC.
const stamp = "2006-01-02 15:04:05 MST"

// when is a time in a zone, or a dash for never.
func when(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return "-"
	}
	return at.In(zone).Format(stamp)
}

// ago is how long before now something was, in words.
func ago(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	d := now.Sub(at)
	switch {
	case d < -time.Second:
		return "in " + span(-d)
	case d < 5*time.Second:
		return "just now"
	}
	return span(d) + " ago"
}

// span is a length of time, rounded down: to the minute up to two days, for people
// plan by it, else to the day.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		if minutes := d % time.Hour / time.Minute; minutes > 0 {
			return fmt.Sprintf("%d h %d min", d/time.Hour, minutes)
		}
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// article stands before a word.
func article(word string) string {
	if strings.ContainsRune("AEIOU", unicode.ToUpper(rune(word[0]))) {
		return "an"
	}
	return "a"
}

// clean replaces what would move the cursor or change the colours of a
// terminal: names come from the cloud, and anybody may be called anything.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, text)
}

// cleanLines is clean, line by line.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	return strings.Join(lines, "\n")
}

// say writes a line whose texts are clean.
func (t *tool) say(format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = clean(text)
		}
	}
	_, _ = fmt.Fprintf(t.out, format+"\n", args...)
}

// sayJSON writes a value for a script.
func (t *tool) sayJSON(value any) error {
	enc := json.NewEncoder(t.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// table lays out rows in columns.
type table struct{ to *tabwriter.Writer }

func (t *tool) table(head ...string) *table {
	out := &table{to: tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)}
	out.row(head...)
	return out
}

// row adds cells; an empty one is a dash.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		if cell == "" {
			cell = "-"
		}
		cells[i] = clean(cell)
	}
	_, _ = fmt.Fprintln(t.to, strings.Join(cells, "\t")) // the error is kept by output
}

// end writes the table.
func (t *table) end() { _ = t.to.Flush() }
