package config

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// errNoted says that the mistakes are already in the document.
var errNoted = errors.New("its settings hold mistakes")

// document is one settings file while it is read: its lines and what is wrong
// with it so far.
type document struct {
	path     string
	lines    map[string]int
	misread  map[string]bool // keys whose value could not be taken at all
	mistakes []*Mistake
	foreign  bool // not the settings: no section of theirs is the home of a key
}

// line is where a key stands, or else the nearest thing around it that stands
// somewhere.
func (d *document) line(key string) int {
	for key != "" {
		if line, ok := d.lines[key]; ok {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

// blame notes a mistake at a key. A value that could not be taken at all is
// not blamed again for what it then lacks.
func (d *document) blame(key, hint, what string, args ...any) {
	if d.misread[key] {
		return
	}
	d.mistakes = append(d.mistakes, &Mistake{Path: d.path, Line: d.line(key), Key: hide(key), What: oneLine(fmt.Sprintf(what, args...)), Hint: hint})
}

// table is one table of the file, kept to be decoded by whoever owns it.
type table struct {
	path string
	keys map[string]any // nil: not in the file
}

func (t table) present() bool { return t.keys != nil }

// has says whether the table sets a key.
func (t table) has(key string) bool { _, ok := t.keys[key]; return ok }

// without is the table less some keys that are not its owner's.
func (t table) without(keys ...string) table {
	rest := maps.Clone(t.keys)
	for _, key := range keys {
		delete(rest, key)
	}
	return table{path: t.path, keys: rest}
}

// tables is one table or a list of them.
type tables []table

// decode fills the struct that into points to and notes every unknown key and
// every value of a wrong kind. It does not use the TOML reader's own list of
// unknown keys: that list forgets which element of a list a key belongs to, so
// that a key that one door's driver knows would pass at every other door.
func (d *document) decode(t table, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decode %s into %T: want a pointer to a struct", t.path, into)
	}
	before := len(d.mistakes)
	d.fillStruct(t.path, t.keys, target.Elem())
	if len(d.mistakes) > before {
		return errNoted
	}
	return nil
}

func (d *document) fillStruct(path string, keys map[string]any, into reflect.Value) {
	known := map[string]reflect.Value{}
	fieldsOf(into, known)
	names := slices.Sorted(maps.Keys(known))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		full := below(path, key)
		if field, ok := known[key]; ok {
			d.fill(full, keys[key], field)
			continue
		}
		d.blame(full, d.suggestion(path, key, names), "unknown key")
	}
}

// suggestion says what to write in place of an unknown key.
func (d *document) suggestion(path, key string, known []string) string {
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if home := homeOf(key); home != "" && home != path && !d.foreign {
		return fmt.Sprintf("%s belongs into %s", key, home)
	}
	if len(known) == 0 {
		return "no key is known here"
	}
	return "known here: " + strings.Join(known, ", ")
}

// fieldsOf finds the settable fields by their keys. Fields of an embedded
// struct without a key of its own count as the outer struct's.
func fieldsOf(value reflect.Value, into map[string]reflect.Value) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		switch {
		case name == "-":
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			fieldsOf(value.Field(i), into)
		case !field.IsExported():
		case name == "":
			into[strings.ToLower(field.Name)] = value.Field(i)
		default:
			into[name] = value.Field(i)
		}
	}
}

func (d *document) fill(path string, value any, into reflect.Value) {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch target := into.Addr().Interface().(type) {
	case *table:
		keys, ok := value.(map[string]any)
		if !ok {
			d.wrongKind(path, value, "a table, as in { driver = \"…\" }")
			return
		}
		*target = table{path: path, keys: keys}
	case *tables:
		d.fillTables(path, value, target)
	case *time.Duration:
		d.fillDuration(path, value, target)
	case encoding.TextUnmarshaler:
		text, ok := value.(string)
		if !ok {
			d.wrongKind(path, value, "text in quotes")
		} else if err := target.UnmarshalText([]byte(text)); err != nil {
			d.refuse(path, "", "%v", err)
		}
	default:
		d.fillKind(path, value, into)
	}
}

// fillTables takes one table where there may be several.
func (d *document) fillTables(path string, value any, into *tables) {
	if keys, one := value.(map[string]any); one {
		*into = tables{{path: path, keys: keys}}
		return
	}
	var list []table
	d.fillList(path, value, reflect.ValueOf(&list).Elem())
	*into = list
}

// fillDuration takes "5s" and nothing else: the TOML reader takes a bare 5 as
// five nanoseconds, which nobody ever meant.
func (d *document) fillDuration(path string, value any, into *time.Duration) {
	text, ok := value.(string)
	if !ok {
		d.wrongKind(path, value, `a duration with its unit in quotes, as in "5s" or "15m"`)
		return
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		d.refuse(path, `write it as "5s", "500ms", "15m" or "1h30m"`, "%q is not a duration", text)
		return
	}
	*into = duration
}

func (d *document) fillKind(path string, value any, into reflect.Value) {
	switch into.Kind() {
	case reflect.Struct:
		if keys, ok := value.(map[string]any); ok {
			d.fillStruct(path, keys, into)
			return
		}
		d.wrongKind(path, value, "a table")
	case reflect.Map:
		d.fillMap(path, value, into)
	case reflect.Slice:
		d.fillList(path, value, into)
	case reflect.Interface:
		into.Set(reflect.ValueOf(value))
	default:
		d.fillScalar(path, value, into)
	}
}

func (d *document) fillScalar(path string, value any, into reflect.Value) {
	switch v := value.(type) {
	case string:
		if into.Kind() == reflect.String {
			into.SetString(v)
			return
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(v)
			return
		}
	case int64:
		switch {
		case into.CanFloat():
			into.SetFloat(float64(v))
			return
		case into.CanInt() && !into.OverflowInt(v):
			into.SetInt(v)
			return
		case into.CanUint() && v >= 0 && !into.OverflowUint(uint64(v)):
			into.SetUint(uint64(v))
			return
		case into.CanInt() || into.CanUint():
			d.refuse(path, "", "%d is out of range", v)
			return
		}
	case float64:
		if into.CanFloat() {
			into.SetFloat(v)
			return
		}
	}
	d.wrongKind(path, value, wanted(into))
}

func (d *document) fillMap(path string, value any, into reflect.Value) {
	keys, ok := value.(map[string]any)
	if !ok || into.Type().Key().Kind() != reflect.String {
		d.wrongKind(path, value, "a table")
		return
	}
	filled := reflect.MakeMap(into.Type())
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		one := reflect.New(into.Type().Elem()).Elem()
		d.fill(below(path, key), keys[key], one)
		filled.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), one)
	}
	into.Set(filled)
}

func (d *document) fillList(path string, value any, into reflect.Value) {
	elements, ok := listOf(value)
	if !ok {
		d.wrongKind(path, value, "a list in brackets")
		return
	}
	filled := reflect.MakeSlice(into.Type(), len(elements), len(elements))
	for i, one := range elements {
		d.fill(element(path, i), one, filled.Index(i))
	}
	into.Set(filled)
}

// listOf is the elements of a list, however the TOML reader holds them.
func listOf(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case []map[string]any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = v[i]
		}
		return all, true
	}
	return nil, false
}

// oneLine keeps a mistake on its line, also when a driver's error had several.
func oneLine(text string) string { return strings.Join(strings.Split(text, "\n"), "; ") }

// refuse notes a value that cannot be taken.
func (d *document) refuse(path, hint, what string, args ...any) {
	d.blame(path, hint, what, args...)
	d.misread[path] = true
}

func (d *document) wrongKind(path string, value any, want string) {
	d.refuse(path, "", "this is %s; it must be %s", kindOf(value), want)
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64:
		return "a whole number"
	case float64:
		return "a number"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	}
	return "a date or time"
}

func wanted(into reflect.Value) string {
	switch {
	case into.Kind() == reflect.String:
		return "text in quotes"
	case into.Kind() == reflect.Bool:
		return "true or false, without quotes"
	case into.CanInt() || into.CanUint():
		return "a whole number, without quotes"
	case into.CanFloat():
		return "a number, without quotes"
	}
	return "something else"
}
