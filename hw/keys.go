package hw

import (
	"errors"
	"fmt"
)

// Key is the secret key of a device. It never shows itself.
type Key []byte

// String hides the key.
func (Key) String() string { return "[key]" }

// GoString hides the key.
func (Key) GoString() string { return "[key]" }

// Format hides the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key]")) }

// MarshalText refuses: who keeps keys writes them by intent.
func (Key) MarshalText() ([]byte, error) { return nil, errors.New("a key is not written by accident") }

// DeviceKeys is what is kept of a device that speaks under a key.
type DeviceKeys struct {
	Current Key // that it answered to; nil: never paired
	// Pending was made to become Current and may or may not have arrived: it
	// is kept before it is sent, and tried first afterwards.
	Pending Key
	// Identity is who the device was when it was paired: vendor, model, serial.
	Identity string
}

// KeyRing keeps the keys of devices by name. Its methods may be called at once
// for different names.
type KeyRing interface {
	// Keys are those of a device; the zero value when there are none.
	Keys(name string) (DeviceKeys, error)
	// Keep replaces them, and returns when they are durable.
	Keep(name string, keys DeviceKeys) error
}

// noKeys is the ring of who has none.
type noKeys struct{}

func (noKeys) Keys(string) (DeviceKeys, error) { return DeviceKeys{}, nil }

func (noKeys) Keep(string, DeviceKeys) error {
	return errors.New("there is no place to keep a key")
}
