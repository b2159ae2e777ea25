package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Where the sockets are, unless the settings say otherwise.
const (
	RunDir        = "/run/tilegated"
	ViewSocket    = "view.sock"
	OperateSocket = "operate.sock"
)

// The groups that the sockets belong to.
const (
	ViewGroup    = "tilegate-view"
	OperateGroup = "tilegate-operate"
)

// SocketMode is the mode of both sockets: owner and group, nobody else.
const SocketMode fs.FileMode = 0o660

// maxSocketPath is what fits into sockaddr_un with its final zero.
const maxSocketPath = 107

// Listen makes the unix socket at path with the given mode and group. What a
// dead process left there is removed, but only a socket, and only when nobody
// answers it. There is no moment at which others than the owner could connect
// before the mode is set. A group that does not exist, or that may not be
// given, is no error: the socket keeps its own group and note says so. Closing
// the listener removes the socket.
func Listen(path string, mode fs.FileMode, group string) (listener net.Listener, note string, err error) {
	if len(path) > maxSocketPath {
		return nil, "", fmt.Errorf("socket %s: the path has %d characters, a unix socket can have %d", path, len(path), maxSocketPath)
	}
	if err := clearStale(path); err != nil {
		return nil, "", err
	}
	listener, err = bind(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("socket %s: its directory does not exist; make it, or correct [control] in the settings: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, "", fmt.Errorf("socket %s: %w", path, err)
	}
	note = giveToGroup(path, group)
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	return listener, note, nil
}

// bind makes the socket without any right for group and others, whatever the
// umask: Linux takes the mode of the socket's own inode over to the path.
func bind(path string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var chmod error
		if err := c.Control(func(fd uintptr) { chmod = unix.Fchmod(int(fd), 0o600) }); err != nil {
			return err
		}
		return chmod
	}}
	return config.Listen(context.Background(), "unix", path)
}

// clearStale removes a socket that nobody answers.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket %s: something that is not a socket lies there; move it away", path)
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(context.Background(), "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("socket %s: another gateway answers there; stop it first", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("socket %s: another gateway may be using it: %w", path, err)
	}
	return os.Remove(path)
}

// giveToGroup returns a note for a person if the socket keeps its own group.
func giveToGroup(path, group string) (note string) {
	if group == "" {
		return ""
	}
	known, err := user.LookupGroup(group)
	if err != nil {
		return fmt.Sprintf("socket %s keeps its own group: there is no group %s", path, group)
	}
	gid, err := strconv.Atoi(known.Gid)
	if err == nil {
		err = os.Chown(path, -1, gid)
	}
	if err != nil {
		return fmt.Sprintf("socket %s keeps its own group: it cannot be given to %s: %v", path, group, err)
	}
	return ""
}

// peer is who holds the other end of a connection, as the kernel says.
func peer(conn net.Conn) (Caller, error) {
	local, ok := conn.(syscall.Conn)
	if !ok {
		return Caller{}, errors.New("peer credentials: not a unix socket")
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return Caller{}, fmt.Errorf("peer credentials: %w", err)
	}
	var cred *unix.Ucred
	var getErr error
	if err := raw.Control(func(fd uintptr) {
		cred, getErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Caller{}, fmt.Errorf("peer credentials: %w", err)
	}
	if getErr != nil {
		return Caller{}, fmt.Errorf("peer credentials: %w", getErr)
	}
	return named(cred.Uid), nil
}

// named is the caller with a login name, or the number for want of one.
func named(uid uint32) Caller {
	number := strconv.FormatUint(uint64(uid), 10)
	if known, err := user.LookupId(number); err == nil && known.Username != "" {
		return Caller{UID: uid, Name: known.Username}
	}
	return Caller{UID: uid, Name: number}
}
