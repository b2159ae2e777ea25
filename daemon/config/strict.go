package config

import "github.com/BurntSushi/toml"

// Strict is a TOML file of another kind, read as strictly as the settings are:
// every unknown key and every value of a wrong kind is a mistake with its line.
type Strict struct{ document }

// ReadStrict fills the struct that into points to. The path is for messages. The
// error is that the text is no TOML at all; all other mistakes are kept for Err.
func ReadStrict(path string, text []byte, into any) (*Strict, error) {
	keys := map[string]any{}
	if _, err := toml.Decode(string(text), &keys); err != nil {
		return nil, syntax(path, err)
	}
	s := &Strict{document{path: path, lines: positions(string(text)), misread: map[string]bool{}, foreign: true}}
	if err := s.decode(table{keys: keys}, into); err != nil && len(s.mistakes) == 0 {
		return nil, err
	}
	return s, nil
}

// Blame notes a mistake of the key that stands at a path, as in tap[3].at.
func (s *Strict) Blame(key, hint, what string, args ...any) { s.blame(key, hint, what, args...) }

// Line is where a key stands, or else what is around it; 0: nowhere.
func (s *Strict) Line(key string) int { return s.line(key) }

// Err holds every mistake so far, as Mistakes tells, or is nil.
func (s *Strict) Err() error { return join(s.mistakes) }
