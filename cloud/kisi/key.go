package kisi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/cloud/secret"
)

// Key is a Kisi API key. It shows itself to nobody: printed, logged or
// marshalled it is "[kisi key]".
type Key string

const shownKey = "[kisi key]"

// String hides the key.
func (Key) String() string { return shownKey }

// GoString hides the key.
func (Key) GoString() string { return shownKey }

// MarshalText hides the key from JSON and TOML.
func (Key) MarshalText() ([]byte, error) { return []byte(shownKey), nil }

// Secret is something that opens doors for whoever holds it. It shows itself
// to nobody; string(s) takes it out.
type Secret string

const shownSecret = "[kisi secret]"

// String hides the secret.
func (Secret) String() string { return shownSecret }

// GoString hides the secret.
func (Secret) GoString() string { return shownSecret }

// MarshalText hides the secret from JSON and TOML.
func (Secret) MarshalText() ([]byte, error) { return []byte(shownSecret), nil }

// KeySource gives the key, each time it is needed, so that it can be changed
// while the gateway runs. Its errors say what to do.
type KeySource func() (Key, error)

// ErrNoKey says that there is no key: no file, or an empty one.
var ErrNoKey = errors.New("there is no Kisi API key")

// KeyFile is a key in a file that only its owner may read, read at each use.
// White space around the key does not matter.
func KeyFile(path string) KeySource {
	return func() (Key, error) {
		raw, err := secret.Read(path)
		if errors.Is(err, secret.ErrNone) {
			return "", fmt.Errorf("%w: %w", ErrNoKey, err)
		}
		if err != nil {
			return "", fmt.Errorf("kisi key: %w", err)
		}
		return parseKey(path, raw)
	}
}

const maxKey = 512 // bytes; Kisi's secrets have about 32

// parseKey takes a key out of the content of a file, which errors never repeat.
func parseKey(path, raw string) (Key, error) {
	key := strings.TrimSpace(raw)
	key = strings.TrimSpace(strings.TrimPrefix(key, "KISI-LOGIN "))
	if key == "" {
		return "", fmt.Errorf("%w: %s is empty: write the key into it", ErrNoKey, path)
	}
	odd := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(raw) > maxKey || odd >= 0 {
		return "", fmt.Errorf("kisi key: %s does not hold a key: it must be one line of letters and digits and nothing else", path)
	}
	return Key(key), nil
}
