package hw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// Lines holds one session for each serial port, shared by the devices on it: a
// bus with eight readers is opened once. A session is made by the first device
// that asks and closed by the last that gives it back.
type Lines struct {
	host Host

	mu       sync.Mutex // guards sessions
	sessions map[string]*shared
}

type shared struct {
	use     PortUse
	session io.Closer
	holders map[string]bool // by address
}

// Host is what the gateway lends to its hardware. Without one, devices that need
// it cannot be opened.
type Host struct {
	// Run runs the loop of a bus that must speak without being asked, until
	// the loop returns: when its session is closed, or when its context ends.
	Run func(name string, loop func(context.Context) error)
	// Keys keeps the keys of devices that speak under one.
	Keys KeyRing
	// Log is for what a line says that several devices share; nil: nowhere.
	Log hclog.Logger
	// GPIO is where lines of GPIO chips are had; nil: from the kernel.
	GPIO GPIO
}

// looper is a session with a loop of its own.
type looper interface {
	loop(ctx context.Context) error
}

// NewLines makes an empty set.
func NewLines(host Host) *Lines { return &Lines{host: host, sessions: map[string]*shared{}} }

// Keys is the key ring of the host, or one that has no key and keeps none.
func (l *Lines) Keys() KeyRing {
	if l.host.Keys == nil {
		return noKeys{}
	}
	return l.host.Keys
}

// log is for what a shared line says: it belongs to none of its devices.
func (l *Lines) log() hclog.Logger { return orSilent(l.host.Log) }

// Session is the session of a port, made by open if it is the first. Asking
// again with another protocol, other settings or an address that is taken is an
// error; a device without an address has its port alone. The device calls
// release once when it is closed; release may be called again to no effect, and
// closes the port when the device was the last on it.
func Session[T io.Closer](l *Lines, use PortUse, open func() (T, error)) (session T, release func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := use.Settings.Path
	have, ok := l.sessions[path]
	if !ok {
		if session, err = open(); err != nil {
			return session, nil, fmt.Errorf("port %s: %w", path, err)
		}
		if loop, ok := any(session).(looper); ok {
			if l.host.Run == nil {
				return session, nil, errors.Join(fmt.Errorf("port %s: nobody runs the loop that %s needs", path, use.Protocol), session.Close())
			}
			l.host.Run("port "+path, loop.loop)
		}
		have = &shared{use: use, session: session, holders: map[string]bool{use.Address: true}}
		l.sessions[path] = have
		return session, l.releaser(have, use), nil
	}
	session, same := have.session.(T)
	switch {
	case !same || have.use.Protocol != use.Protocol || have.use.Settings != use.Settings:
		err = fmt.Errorf("port %s: already used for %s with other settings", path, have.use.Protocol)
	case use.Address == "" || have.holders[""]:
		err = fmt.Errorf("port %s: already used by a device that needs the port alone", path)
	case have.holders[use.Address]:
		err = fmt.Errorf("port %s: already used by another device at %s", path, use.Address)
	}
	if err != nil {
		var none T
		return none, nil, err
	}
	have.holders[use.Address] = true
	return session, l.releaser(have, use), nil
}

func (l *Lines) releaser(have *shared, use PortUse) func() error {
	return sync.OnceValue(func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(have.holders, use.Address)
		if len(have.holders) > 0 || l.sessions[use.Settings.Path] != have {
			return nil
		}
		delete(l.sessions, use.Settings.Path)
		if err := have.session.Close(); err != nil {
			return fmt.Errorf("port %s: %w", use.Settings.Path, err)
		}
		return nil
	})
}

// Close closes every session that is left. Devices should be closed before.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []error
	for path, s := range l.sessions {
		if err := s.session.Close(); err != nil {
			all = append(all, fmt.Errorf("port %s: %w", path, err))
		}
		delete(l.sessions, path)
	}
	return errors.Join(all...)
}
