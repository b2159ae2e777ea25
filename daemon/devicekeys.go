package daemon

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/tilegate/tilegate/hw"
)

// deviceKeys keeps the keys of devices, one file for each, below keys/devices in
// the state directory.
type deviceKeys struct{ dir string }

// keyFile is such a file. It is as secret as the keys in it.
type keyFile struct {
	Current  string `json:"current,omitempty"`
	Pending  string `json:"pending,omitempty"`
	Identity string `json:"identity,omitempty"`
}

func deviceKeysIn(stateDir string) deviceKeys {
	return deviceKeys{filepath.Join(stateDir, "keys", "devices")}
}

// keyName is what may name a key: it becomes the name of a file.
var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$`)

func (k deviceKeys) path(name string) (string, error) {
	if !keyName.MatchString(name) {
		return "", fmt.Errorf("key %q: use letters, digits, dots, hyphens and underscores", name)
	}
	return filepath.Join(k.dir, name+".json"), nil
}

// Keys are those of a device; the zero value when there are none.
func (k deviceKeys) Keys(name string) (hw.DeviceKeys, error) {
	path, err := k.path(name)
	if err != nil {
		return hw.DeviceKeys{}, err
	}
	text, err := os.ReadFile(path) //nolint:gosec // a checked name below our own state directory
	if errors.Is(err, fs.ErrNotExist) {
		return hw.DeviceKeys{}, nil
	}
	if err != nil {
		return hw.DeviceKeys{}, err
	}
	var kept keyFile
	if err := json.Unmarshal(text, &kept); err != nil {
		return hw.DeviceKeys{}, fmt.Errorf("key %s: damaged; restore it from a backup, or pair the device again", path)
	}
	current, wrong := hex.DecodeString(kept.Current)
	pending, also := hex.DecodeString(kept.Pending)
	if wrong != nil || also != nil {
		return hw.DeviceKeys{}, fmt.Errorf("key %s: damaged; restore it from a backup, or pair the device again", path)
	}
	return hw.DeviceKeys{Current: orNil(current), Pending: orNil(pending), Identity: kept.Identity}, nil
}

func orNil(key []byte) hw.Key {
	if len(key) == 0 {
		return nil
	}
	return key
}

// Keep replaces them, and returns when they are durable.
func (k deviceKeys) Keep(name string, keys hw.DeviceKeys) error {
	path, err := k.path(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(keyFile{hex.EncodeToString(keys.Current), hex.EncodeToString(keys.Pending), keys.Identity})
	if err != nil {
		return err
	}
	return writeDurably(path, append(text, '\n'))
}
