package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/hw"
)

// maxSize is how long a settings file may be: a hundred doors need a tenth.
const maxSize = 256 << 10

// Load reads and checks a settings file. It opens no port and asks no network;
// of the secrets it looks only at who may read them. The error holds every
// mistake that was found, as Mistakes tells.
func Load(path string) (*Options, error) {
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Mistake{Path: path, What: "there is no such settings file", Hint: "copy /usr/share/tilegate/tilegate.toml there and edit it, or say where the file is with --config"}
	}
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return Parse(path, text)
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s: larger than %d KiB; this is no settings file", path, maxSize>>10)
	}
	return text, nil
}

// Parse checks the text of a settings file, as Load does. The path is for
// messages, and relative paths that are not secrets are relative to it.
func Parse(path string, text []byte) (*Options, error) {
	return parse(path, text, registered)
}

// parts is where drivers and sources are found by name.
type parts struct {
	reader func(driver string, decode hw.Decode) (hw.ReaderPlan, error)
	strike func(driver string, decode hw.Decode) (hw.StrikePlan, error)
	input  func(driver string, decode hw.Decode) (hw.InputPlan, error)
	source func(name string, decode cloud.Decode) (cloud.Plan, error)
}

// registered are the parts that are linked into the program.
var registered = parts{reader: hw.CheckReader, strike: hw.CheckStrike, input: hw.CheckInput, source: cloud.CheckSource}

func parse(path string, text []byte, from parts) (*Options, error) {
	keys := map[string]any{}
	if _, err := toml.Decode(string(text), &keys); err != nil {
		return nil, syntax(path, err)
	}
	c := &checker{
		document: document{path: path, lines: positions(string(text)), misread: map[string]bool{}},
		parts:    from,
		options:  &Options{Path: path},
	}
	file := defaults()
	_ = c.decode(table{keys: keys}, &file) // what is wrong is noted, and the rest is checked all the same
	c.check(&file)
	if err := join(c.mistakes); err != nil {
		return nil, err
	}
	return c.options, nil
}

// long is any word that could be a secret, pasted where it does not belong. No
// key of ours is as long.
var long = regexp.MustCompile(`[0-9A-Za-z+/=_-]{20,}`)

// hide leaves such words out of a message.
func hide(text string) string { return long.ReplaceAllString(text, "…") }

// syntax says where the text stops being TOML.
func syntax(path string, err error) error {
	bad, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return &Mistake{Path: path, What: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	return &Mistake{
		Path: path, Line: bad.Position.Line, Key: hide(bad.LastKey), What: hide(strings.TrimSuffix(bad.Message, ".")),
		Hint: `text stands in quotes, lists in brackets, each key = value on its own line, and each [section] once`,
	}
}
