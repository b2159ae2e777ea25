package hwtest

import (
	"context"
	"sync"
	"testing"

	"github.com/tilegate/tilegate/hw"
)

// NewHost is what a gateway would lend to its hardware, for the time of a test:
// loops run until the test ends, and keys are kept in memory.
func NewHost(t testing.TB) hw.Host {
	ctx, stop := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	t.Cleanup(func() { stop(); loops.Wait() })
	return hw.Host{
		Run: func(name string, loop func(context.Context) error) {
			loops.Go(func() {
				if err := loop(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("loop of %s: %v", name, err)
				}
			})
		},
		Keys: NewKeys(),
	}
}

// keep puts keys on a ring before a test begins.
func keep(t *testing.T, ring hw.KeyRing, all map[string]hw.DeviceKeys) {
	t.Helper()
	for name, keys := range all {
		if err := ring.Keep(name, keys); err != nil {
			t.Fatal(err)
		}
	}
}

// Keys is a key ring in memory.
type Keys struct {
	mu    sync.Mutex // guards all
	all   map[string]hw.DeviceKeys
	fails error
}

// NewKeys makes an empty ring.
func NewKeys() *Keys { return &Keys{all: map[string]hw.DeviceKeys{}} }

// Keys are those of a device.
func (k *Keys) Keys(name string) (hw.DeviceKeys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[name], nil
}

// Keep replaces them.
func (k *Keys) Keep(name string, keys hw.DeviceKeys) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails != nil {
		return k.fails
	}
	k.all[name] = keys
	return nil
}

// Fail makes Keep fail from now on, as a full disk does; nil: no more.
func (k *Keys) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails = err
}
