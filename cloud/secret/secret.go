// Package secret reads secrets from files, the only place where the gateway
// takes them from: never the environment, never the settings. A file that
// others can read is no secret and is refused.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNone says that there is no secret: no file, or an empty one.
var ErrNone = errors.New("there is no secret")

// maxSize bounds a file; keys, passwords and URLs are far shorter.
const maxSize = 4096

// Read is the secret in a file, without the white space around it. It is meant
// to be called at each use, so that a secret can be changed while the gateway
// runs. No error repeats what the file holds.
func Read(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // named by the settings, which root wrote
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s does not exist; write it there (mode 0600)", ErrNone, path)
	}
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	if what, hint := Exposed(path, info); what != "" {
		return "", fmt.Errorf("secret: %s; %s", what, hint)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	if len(raw) > maxSize {
		return "", fmt.Errorf("secret: %s is longer than %d bytes; it must hold the secret and nothing else", path, maxSize)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", fmt.Errorf("%w: %s is empty; write it there", ErrNone, path)
	}
	return text, nil
}

// Exposed says what is wrong with the mode of a secret and what to do, or
// nothing. Files that systemd put into the credentials directory are left
// alone: they are in memory, for this service only, and their access list shows
// up as a mode that others can read (systemd.exec(5), Credentials).
func Exposed(path string, info fs.FileInfo) (what, hint string) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" && strings.HasPrefix(path, filepath.Clean(dir)+"/") {
		return "", ""
	}
	if !info.Mode().IsRegular() {
		return path + " is not a file", "name a file that holds the secret and nothing else"
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("others on this machine can read %s (mode %04o)", path, mode), "chmod 0600 " + path
	}
	return "", ""
}
