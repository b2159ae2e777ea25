package kisi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// span is an X-Collection-Range: "10-19/15" for the rows from 10 on of 15 (the
// end comes from the limit and is not cut to the total), "*/0" for none.
type span struct {
	start, end, total int
	empty             bool
}

var errNoRange = errors.New("there is no X-Collection-Range header")

// parseRange reads the header exactly; nothing is guessed.
func parseRange(s string) (span, error) {
	if s == "" {
		return span{}, errNoRange
	}
	bad := fmt.Errorf("the header X-Collection-Range %.40q is not of the form start-end/total", s)
	rows, totalText, ok := strings.Cut(s, "/")
	total, totalOK := count(totalText)
	if !ok || !totalOK {
		return span{}, bad
	}
	if rows == "*" {
		if total != 0 {
			return span{}, bad
		}
		return span{empty: true}, nil
	}
	startText, endText, ok := strings.Cut(rows, "-")
	start, startOK := count(startText)
	end, endOK := count(endText)
	if !ok || !startOK || !endOK || end < start {
		return span{}, bad
	}
	return span{start: start, end: end, total: total}, nil
}

// count reads a number of up to nine digits and nothing else.
func count(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
