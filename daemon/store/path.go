package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// SQLite keeps these beside a file; together they are the database.
var companions = [...]string{"-wal", "-shm", "-journal"}

// networkSystems are file systems on which a lock or a sync may lie.
var networkSystems = []int64{
	unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
	unix.CODA_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC,
}

// safePath makes a path absolute and refuses what must not hold a database. It
// never opens the file: closing any descriptor of a database drops the locks
// that the whole process holds on it.
func safePath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", path, err)
	}
	if err := safeDirectory(filepath.Dir(path)); err != nil {
		return "", err
	}
	for _, name := range append([]string{path}, beside(path)...) {
		if err := safeFile(name); err != nil {
			return "", err
		}
	}
	return path, nil
}

func safeDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("%w: anybody may write to %s; chmod 0700 it", ErrUnsafePath, dir)
	}
	var system unix.Statfs_t
	if err := unix.Statfs(dir, &system); err != nil {
		return fmt.Errorf("file system of %s: %w", dir, err)
	}
	return safeSystem(dir, int64(system.Type))
}

func safeSystem(dir string, magic int64) error {
	if slices.Contains(networkSystems, magic) {
		return fmt.Errorf("%w: %s is on a network file system; use a local disk", ErrUnsafePath, dir)
	}
	return nil
}

func safeFile(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file (%s)", ErrUnsafePath, name, info.Mode().Type())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return fmt.Errorf("%w: %s has %d names (hard links); remove the others", ErrUnsafePath, name, stat.Nlink)
	}
	return nil
}

func beside(path string) []string {
	var all []string
	for _, c := range companions {
		all = append(all, path+c)
	}
	return all
}

// create makes an empty file that only we may read, if there is none. SQLite
// gives its companions the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.Chmod(path, 0o600)
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// What is set aside is named by the time.
const (
	asideMark  = ".damaged-"
	asideStamp = "20060102T150405Z"
)

// SetAside moves a database with its companions into a directory of its own
// beside it and returns that directory. Close the database first. The log goes
// first: a log left behind would be replayed into the next file of that name. The
// directory sorts behind all that were set aside before, whatever the clock shows.
func SetAside(path string, now time.Time) (string, error) {
	last := strings.TrimPrefix(newestAside(path), path+asideMark)
	if was, err := time.Parse(asideStamp, last[:min(len(last), len(asideStamp))]); err == nil && !now.After(was.Add(time.Second)) {
		now = was.Add(time.Second) // the clock went back, and the newest is found by its name
	}
	base := path + asideMark + now.UTC().Format(asideStamp)
	dir := base
	for n := 2; ; n++ {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) || n > 1000 {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
	for _, name := range append(beside(path), path) {
		err := os.Rename(name, filepath.Join(dir, filepath.Base(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
	}
	return dir, errors.Join(syncDirectory(dir), syncDirectory(filepath.Dir(path)))
}

// asides are the directories into which a database was set aside, oldest first.
func asides(path string) ([]string, error) {
	found, err := filepath.Glob(globEscape(path) + asideMark + "*")
	slices.Sort(found)
	return found, err
}

// newestAside is the last of them, or "".
func newestAside(path string) string {
	found, err := asides(path)
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// keepAside removes all but the newest few of what was set aside.
func keepAside(path string, keep int) error {
	found, err := asides(path)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range found[:max(0, len(found)-keep)] {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

func globEscape(path string) string {
	out := make([]byte, 0, len(path))
	for _, c := range []byte(path) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}
