package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong in a settings file.
type Mistake struct {
	Path string // of the settings file
	Line int    // where; 0: nowhere in particular, something is missing
	Key  string // in full, as in door[1].reader.port; empty: the whole file
	What string // what is wrong
	Hint string // what to do about it; may be empty
}

// Error is the mistake on one line: file, line, key, what is wrong, what to do.
func (m *Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.Path)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d", m.Line)
	}
	b.WriteString(": ")
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.What)
	if m.Hint != "" {
		b.WriteString("; " + m.Hint)
	}
	return b.String()
}

// Mistakes are the mistakes that an error of this package holds, by line. An
// error that holds none gives nil.
func Mistakes(err error) []*Mistake {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		var all []*Mistake
		for _, one := range joined.Unwrap() {
			all = append(all, Mistakes(one)...)
		}
		return all
	}
	if one, ok := errors.AsType[*Mistake](err); ok {
		return []*Mistake{one}
	}
	return nil
}

// join makes one error of all mistakes, in the order of the file, or nil.
func join(mistakes []*Mistake) error {
	sorted := slices.Clone(mistakes)
	slices.SortStableFunc(sorted, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	all := make([]error, len(sorted))
	for i, m := range sorted {
		all[i] = m
	}
	return errors.Join(all...)
}
