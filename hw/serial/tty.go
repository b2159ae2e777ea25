package serial

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawMode is the line as bytes and nothing else: no echo, no line editing, no
// signal, no waiting for a carrier. It is set before tarm/serial gets the port:
// a port left in cooked mode echoes, and on RS-485 an echo is a collision.
func rawMode(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = unix.IGNPAR, 0, 0
	t.Cflag |= unix.CREAD | unix.CLOCAL
	t.Cflag &^= unix.CRTSCTS | unix.HUPCL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 0, 1
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// finish sets what tarm/serial leaves out and says how the line now stands.
// Without INPCK an 8250 hands out bytes of wrong parity as good ones; without
// IGNBRK a break on the wire, such as a pulled plug, is read as a zero byte.
func finish(fd int, parity Parity) (unix.Termios, error) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return unix.Termios{}, err
	}
	t.Iflag |= unix.IGNBRK
	if parity == EvenParity || parity == OddParity {
		t.Iflag |= unix.INPCK
	}
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return unix.Termios{}, err
	}
	if t, err = unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return unix.Termios{}, err
	}
	return *t, nil
}

// alike tells whether two settings mean the same line.
func alike(a, b *unix.Termios) bool {
	return a.Iflag == b.Iflag && a.Oflag == b.Oflag && a.Cflag == b.Cflag && a.Lflag == b.Lflag &&
		a.Cc[unix.VMIN] == b.Cc[unix.VMIN] && a.Cc[unix.VTIME] == b.Cc[unix.VTIME]
}

// rs485 is struct serial_rs485 of linux/serial.h.
type rs485 struct {
	flags uint32
	_     [7]uint32 // delays before and after sending, reserved
}

// Flags of struct serial_rs485.
const (
	rs485Enabled   = 1 << 0
	rs485RTSOnSend = 1 << 1
)

// switchDirection asks the kernel to key the RS-485 driver by RTS. Delays that
// the device tree gave are kept. Most USB adapters switch by themselves and
// say ENOTTY, which is no error.
func switchDirection(fd uintptr) error {
	var r rs485
	if err := ioctl(fd, unix.TIOCGRS485, &r); err != nil {
		return ignoreUnsupported(err)
	}
	r.flags |= rs485Enabled | rs485RTSOnSend
	return ignoreUnsupported(ioctl(fd, unix.TIOCSRS485, &r))
}

// serialStruct is struct serial_struct of linux/serial.h.
type serialStruct struct {
	_     [4]int32 // type, line, port, irq
	flags int32
	_     [3]int32 // xmit_fifo_size, custom_divisor, baud_base
	_     uint16   // close_delay
	_     [2]byte  // io_type, reserved
	_     int32    // hub6
	_     [2]uint16
	_     uintptr // iomem_base
	_     uint16
	_     uint32
	_     uintptr // iomap_base
}

const asyncLowLatency = 1 << 13

// lowLatency asks the driver to hand bytes up at once. An FTDI adapter holds
// short packets for 16 ms otherwise. Many devices have no such knob and some
// want a privilege; a line that stays slower is no error.
func lowLatency(fd uintptr) {
	var s serialStruct
	if ioctl(fd, unix.TIOCGSERIAL, &s) != nil || s.flags&asyncLowLatency != 0 {
		return
	}
	s.flags |= asyncLowLatency
	_ = ioctl(fd, unix.TIOCSSERIAL, &s)
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.ENOTTY) {
		return nil
	}
	return err
}

// ioctl passes a struct of the kernel; layout_test.go holds its layout.
func ioctl[T rs485 | serialStruct](fd, request uintptr, arg *T) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(arg))); errno != 0 { //nolint:gosec // the only way to give the kernel a struct
		return errno
	}
	return nil
}

// pollNow asks what the terminal has for us, without waiting.
func pollNow(fd uintptr, events int16) (int16, error) {
	for {
		ask := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
		_, err := unix.Poll(ask[:], 0)
		if !errors.Is(err, unix.EINTR) {
			return ask[0].Revents, err
		}
	}
}

const hungUp = unix.POLLHUP | unix.POLLERR | unix.POLLNVAL

// control runs do on the descriptor of f while it is certainly open.
func control(f syscall.RawConn, do func(fd uintptr) error) error {
	var err error
	if outer := f.Control(func(fd uintptr) { err = do(fd) }); outer != nil {
		return outer
	}
	return err
}

// vanished tells whether err is what a terminal says whose device is no more.
func vanished(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}

func missing(err error) bool { return errors.Is(err, os.ErrNotExist) || vanished(err) }
