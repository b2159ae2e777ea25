package serial

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SetDTR raises or lowers DTR, which powers some readers and resets others. A
// device without modem lines stays as it is, and that is no error. It does not
// wait.
func (p *Port) SetDTR(on bool) error {
	way := LineOff
	if on {
		way = LineOn
	}
	err := control(p.raw, func(fd uintptr) error { return moveModem(int(fd), Settings{DTR: way}) })
	if err != nil {
		return p.openErr(err, "DTR")
	}
	return nil
}

// RestingDTR is how the settings want DTR to stand; the kernel raises it.
func (p *Port) RestingDTR() bool { return p.dtr != LineOff }

// moveModem brings DTR and RTS to where the settings want them.
func moveModem(fd int, s Settings) error {
	raise, lower := modemBits(s)
	if lower != 0 {
		if err := ignoreNoModem(unix.IoctlSetPointerInt(fd, unix.TIOCMBIC, lower)); err != nil {
			return err
		}
	}
	if raise != 0 {
		return ignoreNoModem(unix.IoctlSetPointerInt(fd, unix.TIOCMBIS, raise))
	}
	return nil
}

// modemBits are the lines to raise and those to lower.
func modemBits(s Settings) (raise, lower int) {
	for bit, way := range map[int]ModemLine{unix.TIOCM_DTR: s.DTR, unix.TIOCM_RTS: s.RTS} {
		switch way {
		case LineOn:
			raise |= bit
		case LineOff:
			lower |= bit
		case LineAsOpened:
		}
	}
	return raise, lower
}

// ignoreNoModem passes over what a device says that has no such lines: ENOTTY,
// and EINVAL on kernels before 6.0.
func ignoreNoModem(err error) error {
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return ignoreUnsupported(err)
}
