package control

import (
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func current(t *testing.T) *user.User {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// otherGroup is a group this user may give a socket to; for root it is not its
// own.
func otherGroup(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "daemon"
	}
	own, err := user.LookupGroupId(current(t).Gid)
	if err != nil {
		t.Fatal(err)
	}
	return own.Name
}

func TestListenSetsModeAndGroup(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	group := otherGroup(t)
	listener, note, err := Listen(path, SocketMode, group)
	if err != nil || note != "" {
		t.Fatalf("note %q, error %v", note, err)
	}
	defer func() { _ = listener.Close() }()
	if got, want := modeOf(t, path), os.FileMode(0o660); got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
	if got := NewClient(path).group(); got != group {
		t.Errorf("group %s, want %s", got, group)
	}
}

func TestAMissingGroupIsNotedAndNoError(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	listener, note, err := Listen(path, SocketMode, "no-such-group-here")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if !strings.Contains(note, "no group no-such-group-here") || !strings.Contains(note, path) {
		t.Errorf("note %q does not say which group and which socket", note)
	}
	if got, want := modeOf(t, path), os.FileMode(0o660); got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
}

func TestASocketIsClosedToOthersFromItsFirstMoment(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(socketDir(t), "s")
	listener, err := bind(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if got, want := modeOf(t, path), os.FileMode(0o600); got != want {
		t.Errorf("mode %v before the group is set, want %v", got, want)
	}
}

func TestASocketLeftByTheDeadIsReplaced(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	listener, _, err := Listen(path, SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after Close the socket is still there: %v", err)
	}
}

func TestWhatIsInTheWayIsNeverRemoved(t *testing.T) {
	dir := socketDir(t)
	file, link, living, target := filepath.Join(dir, "f"), filepath.Join(dir, "l"), filepath.Join(dir, "s"), filepath.Join(dir, "t")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	other, _, err := Listen(living, SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tests := []struct{ name, path, want string }{
		{"a file", file, "not a socket"},
		{"a link", link, "not a socket"},
		{"a socket that answers", living, "another gateway answers"},
		{"a path too long", filepath.Join(dir, strings.Repeat("x", 120)), "a unix socket can have 107"},
		{"a directory that is not there", filepath.Join(dir, "no", "s"), "its directory does not exist"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, _ := os.Lstat(test.path)
			_, _, err := Listen(test.path, SocketMode, "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			after, _ := os.Lstat(test.path)
			if before != nil && !os.SameFile(before, after) {
				t.Error("it was removed or replaced")
			}
		})
	}
}

func TestACallerIsWhoTheKernelSays(t *testing.T) {
	listener, _, err := Listen(filepath.Join(socketDir(t), "s"), SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var dialer net.Dialer
	near, err := dialer.DialContext(context.Background(), "unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = near.Close() }()
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	caller, err := peer(far)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := caller.UID, uint32(os.Getuid()); got != want {
		t.Errorf("uid %d, want %d", got, want)
	}
	if got, want := caller.Name, current(t).Username; got != want {
		t.Errorf("name %q, want %q", got, want)
	}
}

func TestACallerWithoutALoginNameGoesByNumber(t *testing.T) {
	if got, want := named(4242424), (Caller{UID: 4242424, Name: "4242424"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
