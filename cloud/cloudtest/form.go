package cloudtest

import (
	"encoding/json"
	"net/http"
	"time"
)

// form is the object of a request body, out of its wrapper.
type form struct {
	fields map[string]json.RawMessage
	errs   map[string][]string
}

// form opens the wrapper {"user":{...}} of a body, as every create and update wants it.
func (c *call) form(key string) (*form, *reply) {
	var outer map[string]json.RawMessage
	f := &form{errs: map[string][]string{}}
	if json.Unmarshal(c.raw, &outer) != nil || json.Unmarshal(outer[key], &f.fields) != nil || f.fields == nil {
		r := fail(http.StatusBadRequest, "000400", "The parameter "+key+" is missing.")
		return nil, &r
	}
	return f, nil
}

func (f *form) wrong(name, what string) { f.errs[name] = append(f.errs[name], what) }

// given says that a field is there, even if it is null.
func (f *form) given(name string) bool {
	_, there := f.fields[name]
	return there
}

// has says that a field is there and not null.
func (f *form) has(name string) bool {
	raw, there := f.fields[name]
	return there && string(raw) != "null"
}

func read[T any](f *form, name string) (v T) {
	if !f.has(name) {
		return v
	}
	if json.Unmarshal(f.fields[name], &v) != nil {
		f.wrong(name, "is invalid")
	}
	return v
}

func (f *form) text(name string) string { return read[string](f, name) }

func (f *form) integer(name string) int { return read[int](f, name) }

func (f *form) any(name string) any { return read[any](f, name) }

func (f *form) flag(name string, standard bool) bool {
	if !f.has(name) {
		return standard
	}
	return read[bool](f, name)
}

func (f *form) instant(name string) time.Time { return read[time.Time](f, name) }

func (f *form) window() Window {
	w := Window{From: f.instant("valid_from"), Until: f.instant("valid_until")}
	if !w.From.IsZero() && !w.Until.IsZero() && !w.From.Before(w.Until) {
		f.wrong("valid_until", "must be after valid from")
	}
	return w
}

// required is a text that must not be blank.
func (f *form) required(name string) string {
	s := f.text(name)
	if s == "" {
		f.wrong(name, "can't be blank")
	}
	return s
}
