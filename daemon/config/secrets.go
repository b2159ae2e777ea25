package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/tilegate/tilegate/cloud/secret"
)

// Secret is a file with a secret that the settings name.
type Secret struct {
	Key  string // the key that names it, in full
	Line int
	Path string // in full
}

// SecretPath is the full path of a secret: a relative one lies in the
// credentials directory. An empty path stays empty.
func (s State) SecretPath(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.CredentialsDir, path)
}

// secrets checks every key of a table that names a secret, which are those
// that end in _file.
func (c *checker) secrets(t table) {
	for _, key := range slices.Sorted(maps.Keys(t.keys)) {
		if path, ok := t.keys[key].(string); ok && strings.HasSuffix(key, "_file") {
			c.secretFile(below(t.path, key), path)
		}
	}
}

// pasted is what a secret looks like and the name of a file does not.
var pasted = regexp.MustCompile(`^((0x)?[0-9a-fA-F]{24,}|https?://.*)$`)

// secretFile notes a secret and refuses it when others can read it. One that
// does not exist yet is not a mistake of the settings: the doors work without
// it, from what is known, and CheckSecrets says what to do.
func (c *checker) secretFile(key, path string) {
	if path == "" {
		return
	}
	if pasted.MatchString(path) {
		c.blame(key, "put it into a file of its own and name the file here", "this looks like the secret itself")
		return
	}
	full := c.options.State.SecretPath(path)
	c.options.Secrets = append(c.options.Secrets, Secret{Key: key, Line: c.line(key), Path: full})
	info, err := os.Stat(full)
	if err != nil {
		return
	}
	if what, hint := secret.Exposed(full, info); what != "" {
		c.blame(key, hint, "%s", what)
	}
}

// CheckSecrets says which secrets are missing, empty, or not readable by whoever
// runs this; to root it says which the user tilegated cannot read. It reads none
// of them. The daemon starts without them all the same, since its doors need no
// cloud; this is for who sets the gateway up.
func (o *Options) CheckSecrets() error {
	var mistakes []*Mistake
	reader := gatewayUser()
	for _, named := range o.Secrets {
		if what, hint := usable(named.Path, reader); what != "" {
			mistakes = append(mistakes, &Mistake{Path: o.Path, Line: named.Line, Key: named.Key, What: what, Hint: hint})
		}
	}
	return join(mistakes)
}

// gatewayUser is the number of the user whom the gateway runs as, or "" where
// that makes no difference: root reads everything and so sees nothing wrong,
// anybody else sees it by trying.
func gatewayUser() string {
	if os.Geteuid() != 0 || os.Getenv("CREDENTIALS_DIRECTORY") != "" {
		return ""
	}
	known, err := user.Lookup("tilegated")
	if err != nil {
		return ""
	}
	return known.Uid
}

// usable says what keeps a secret from being read by the user with the number
// reader, if given, and by whoever runs this.
func usable(path, reader string) (what, hint string) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no " + path + " yet",
			"make it with: sudo install -m 0600 -o tilegated -g tilegated /dev/stdin " + path + " (paste the secret, then Enter and Ctrl-D)"
	}
	if err != nil {
		return fmt.Sprintf("%s cannot be looked at: %v", path, reason(err)), "run this as root or as the user tilegated"
	}
	if info.Size() == 0 {
		return path + " is empty", "put the secret into it, on one line"
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && reader != "" && strconv.FormatUint(uint64(owner.Uid), 10) != reader {
		return path + " does not belong to the user tilegated, so the gateway cannot read it", "chown tilegated: " + path
	}
	file, err := os.Open(path) //nolint:gosec // the settings name the file
	if err != nil {
		return fmt.Sprintf("%s cannot be read: %v", path, reason(err)), "chown tilegated: " + path
	}
	if err := file.Close(); err != nil {
		return fmt.Sprintf("%s cannot be read: %v", path, reason(err)), ""
	}
	return "", ""
}

// reason is why the system refused a file, without the path that is told anyway.
func reason(err error) error {
	if bad, ok := errors.AsType[*fs.PathError](err); ok {
		return bad.Err
	}
	return err
}
