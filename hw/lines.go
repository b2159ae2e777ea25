package hw

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Lines holds one session for each serial port, shared by the devices on it: a
// bus with eight readers is opened once. Sessions are opened by the first
// device that asks and closed by Close.
type Lines struct {
	mu       sync.Mutex // guards sessions
	sessions map[string]shared
}

type shared struct {
	use     PortUse
	session io.Closer
}

// NewLines makes an empty set.
func NewLines() *Lines { return &Lines{sessions: map[string]shared{}} }

// Session is the session of a port, made by open if it is the first. Asking
// again with another protocol or other settings is an error.
func Session[T io.Closer](l *Lines, use PortUse, open func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var none T
	path := use.Settings.Path
	if have, ok := l.sessions[path]; ok {
		session, same := have.session.(T)
		if !same || have.use.Protocol != use.Protocol || have.use.Settings != use.Settings {
			return none, fmt.Errorf("port %s: already used for %s with other settings", path, have.use.Protocol)
		}
		return session, nil
	}
	session, err := open()
	if err != nil {
		return none, fmt.Errorf("port %s: %w", path, err)
	}
	l.sessions[path] = shared{use: use, session: session}
	return session, nil
}

// ClosePort closes the session of one port, if there is one. The devices on it
// must be closed before.
func (l *Lines) ClosePort(path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.sessions[path]
	if !ok {
		return nil
	}
	delete(l.sessions, path)
	if err := s.session.Close(); err != nil {
		return fmt.Errorf("port %s: %w", path, err)
	}
	return nil
}

// Close closes every session. Devices must be closed before.
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
