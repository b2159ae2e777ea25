package cloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

var _ = register("file", checkFile)

// maxRosterFile is how long a roster file may be: 500,000 people with a card, a
// name and four groups each need about 100 MB.
const maxRosterFile = 512 << 20

// fileOptions is [file] in the settings.
type fileOptions struct {
	// Path is the roster file; it must be absolute.
	Path string `toml:"path"`
}

type filePlan struct{ fileOptions }

func checkFile(decode Decode) (Plan, error) {
	var p filePlan
	if err := decode(&p.fileOptions); err != nil {
		return nil, err
	}
	if p.Path == "" || p.Path[0] != '/' {
		return nil, fmt.Errorf("path: name the roster file in full, as in /etc/tilegate/roster.json, not %q", p.Path)
	}
	return p, nil
}

// Open makes the source; the file need not exist yet.
func (p filePlan) Open(d Deps) (Source, error) { return &fileSource{path: p.Path, deps: d}, nil }

// fileSource is a roster in a file, for a site without a cloud. It is refused
// whole when anything in it is wrong, and never goes stale.
type fileSource struct {
	path string
	deps Deps
}

// Name is "file".
func (*fileSource) Name() string { return "file" }

// Ageless is true: what the file says holds until somebody changes it.
func (*fileSource) Ageless() bool { return true }

// Fetch says whether the file changed since the cursor. Its rows are read as they
// are taken.
func (s *fileSource) Fetch(ctx context.Context, cursor Cursor) (Fetched, error) {
	f, now, err := s.open()
	if err != nil {
		return Fetched{}, err
	}
	if err := errors.Join(f.Close(), ctx.Err()); err != nil {
		return Fetched{}, err
	}
	fetched := Fetched{At: time.Now(), Cursor: now, Unchanged: now == cursor}
	if !fetched.Unchanged {
		fetched.Rows = func(ctx context.Context, into Intake) error { return s.read(ctx, now, into) }
	}
	return fetched, nil
}

// read reads the file whole, if it still is what it was.
func (s *fileSource) read(ctx context.Context, was Cursor, into Intake) error {
	f, now, err := s.open()
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if now == was {
		if err := newRosterReader(s.path, f, s.deps, into).read(ctx); err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("roster: %w", err)
		}
		now = stamp(info)
	}
	if now != was {
		return fmt.Errorf("roster %s: it changed while it was read; it is read again: write a new file and rename it over the old one", s.path)
	}
	return nil
}

// Test reads the file and says what is in it. Whether its rows stand side by side
// is found when they are taken into use.
func (s *fileSource) Test(ctx context.Context) (Report, error) {
	report := Report{Organisation: s.path}
	var n rowCount
	fetched, err := s.Fetch(ctx, "")
	if err == nil {
		err = fetched.Rows(ctx, &n)
	}
	if err != nil {
		report.Lines = []CheckLine{{What: "read the roster file", Note: err.Error()}}
		return report, err
	}
	report.Lines = []CheckLine{
		{What: "read the roster file", OK: true},
		{What: "people", OK: true, Note: fmt.Sprintf("%d people, %d of their credentials in all forms, %d rights", n.people, n.credentials, n.rights)},
		{What: "doors", OK: true, Note: fmt.Sprintf("%d doors in %d groups", n.doors, n.groups)},
	}
	return report, nil
}

// rowCount counts rows and keeps none.
type rowCount struct{ people, credentials, rights, doors, groups int }

// Add counts.
func (t *rowCount) Add(r access.Roster, _ int, _ bool) error {
	t.people += len(r.Holders)
	t.credentials += len(r.Assignments)
	t.rights += len(r.Grants)
	t.doors += len(r.Doors)
	t.groups += len(r.Groups)
	return nil
}

// Wrong finds nothing.
func (*rowCount) Wrong(context.Context, func(int, string, string, string) bool) error { return nil }

// open opens the file and checks who may touch it: the owner may write, the
// group may read, which is how root keeps a file that the service only reads
// (root:tilegated, 0640). Who may write it may open doors, and who may read it
// may copy cards, so everybody else is kept out.
func (s *fileSource) open() (*os.File, Cursor, error) {
	f, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for who writes
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", fmt.Errorf("roster %s: there is no such file: write one; roster.json among the examples is complete: %w", s.path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return nil, "", fmt.Errorf("roster %s: the gateway may not read it: run chown root:tilegated and chmod 0640 on it: %w", s.path, fs.ErrPermission)
	case err != nil:
		return nil, "", fmt.Errorf("roster: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = s.fit(info)
	}
	if err != nil {
		_ = f.Close()
		return nil, "", err
	}
	return f, stamp(info), nil
}

func (s *fileSource) fit(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return fmt.Errorf("roster %s: it is not a file", s.path)
	case mode.Perm()&0o007 != 0:
		return fmt.Errorf("roster %s: everybody on this machine may touch it (mode %04o), and it holds card numbers: run chmod 0640 on it", s.path, mode.Perm())
	case mode.Perm()&0o020 != 0:
		return fmt.Errorf("roster %s: its group may write it (mode %04o), and who writes it opens doors: run chmod 0640 on it", s.path, mode.Perm())
	case info.Size() > maxRosterFile:
		return fmt.Errorf("roster %s: it has %d bytes, more than %d", s.path, info.Size(), maxRosterFile)
	}
	return nil
}

// stamp changes whenever the file does: which file it is, its size, when it
// was written and when anything about it changed, which a copy that keeps the
// old time of writing cannot hide.
func stamp(info fs.FileInfo) Cursor {
	var inode uint64
	var changed int64
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode, changed = st.Ino, st.Ctim.Nano()
	}
	return Cursor(fmt.Sprintf("%d %d %d %d", inode, info.Size(), info.ModTime().UnixNano(), changed))
}

var _ Source = (*fileSource)(nil)
