package serial

import "time"

// Age makes the session of l older by d.
func (l *Line) Age(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = l.since.Add(-d)
}

// BackOff is how long Up would wait after the next failure, at most.
func (l *Line) BackOff() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait
}

// OpenWhile does Open with something that happens just before tarm/serial gets
// the line.
func OpenWhile(s Settings, happens func()) error {
	side, err := openSide(s.Path)
	if err != nil {
		return err
	}
	defer func() { _ = side.Close() }()
	p := &Port{path: s.Path, side: side}
	if p.raw, err = side.SyscallConn(); err != nil {
		return err
	}
	happens()
	if err := control(p.raw, func(fd uintptr) error { return p.openLine(s, fd) }); err != nil {
		return err
	}
	return p.line.Close()
}

// Take does the first half of Open: it locks the line and makes it raw, before
// tarm/serial has it.
func Take(path string) (release func(), err error) {
	side, err := openSide(path)
	if err != nil {
		return nil, err
	}
	release = func() { _ = side.Close() }
	p := &Port{path: path, side: side}
	if p.raw, err = side.SyscallConn(); err != nil {
		return release, err
	}
	return release, control(p.raw, p.take)
}

// ModemBits are the modem lines that settings raise, and those they lower.
func ModemBits(s Settings) (raise, lower int) { return modemBits(s) }
