package kisi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	return func() (Key, error) { return readKey(path) }
}

const maxKey = 512 // bytes of a key file; Kisi's secrets have about 32

func readKey(path string) (Key, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w: %s does not exist: write the key into it (mode 0600)", ErrNoKey, path)
	}
	if err != nil {
		return "", fmt.Errorf("kisi key: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	if err := onlyOwnerReads(f); err != nil {
		return "", err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return "", fmt.Errorf("kisi key: %w", err)
	}
	return parseKey(path, string(raw))
}

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

func onlyOwnerReads(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("kisi key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("kisi key: %s is not a file", f.Name())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !credential(f.Name()) {
		return fmt.Errorf("kisi key: %s may be read by others (mode %04o): run chmod 600 on it, and make a new key if this is a shared machine", f.Name(), mode)
	}
	return nil
}

// credential says whether systemd put the file there. Such files are in memory
// and for this service only, but the access list that lets its user read them
// shows up as a mode that the group can read, 0440 (systemd.exec, Credentials).
func credential(path string) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && filepath.Dir(path) == filepath.Clean(dir)
}
