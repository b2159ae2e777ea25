package serial

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// Waiting is how many bytes have arrived that nobody has read. It does not wait.
func (p *Port) Waiting() (int, error) {
	var waiting int
	err := control(p.raw, func(fd uintptr) (err error) {
		waiting, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		return err
	})
	if err == nil {
		return waiting, nil
	}
	err = p.say(context.Background(), err)
	p.report(err)
	return 0, err
}

var errSpeedChange = errors.New("the line changes its speed")

// SetBaud gives the line another speed. An open port is closed, and opened with
// it by the next Up or Try.
func (l *Line) SetBaud(baud int) {
	l.mu.Lock()
	l.settings.Baud = baud
	session, open := l.session, l.port != nil
	l.mu.Unlock()
	if open {
		l.Lost(session, errSpeedChange)
		l.mu.Lock()
		l.next = l.tried // it was we who closed it: no back-off
		l.wait = firstWait
		l.mu.Unlock()
	}
}
