package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/control"
)

var update = flag.Bool("update", false, "write the golden files anew")

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// golden compares a text with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	goldenFile(t, filepath.Join("testdata", name+".golden"), got)
}

func goldenFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", path, diff)
	}
}

// site is a gateway's directory of sockets. It is short: a unix socket's path
// has 107 characters at most.
type site string

// noSite has no gateway.
func noSite(t *testing.T) site {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return site(dir)
}

// open serves a gateway on both sockets until the test ends.
func open(t *testing.T, g *gateway) site {
	t.Helper()
	s := noSite(t)
	server := control.NewServer(g.operations(), nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	for name, role := range map[string]control.Role{control.ViewSocket: control.View, control.OperateSocket: control.Operate} {
		listener, _, err := control.Listen(filepath.Join(string(s), name), control.SocketMode, "")
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- server.Serve(ctx, listener, role) }()
	}
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		}
	})
	return s
}

// told is what one run of the program said.
type told struct {
	out, err string
	code     int
}

// run runs the whole program in this process.
func (s site) run(t *testing.T, args ...string) told {
	t.Helper()
	return s.runWith(t.Context(), strings.NewReader(""), args...)
}

func (s site) runWith(ctx context.Context, in io.Reader, args ...string) told {
	var out, errs bytes.Buffer
	program := &tool{in: in, out: &output{to: &out}, err: &errs, now: func() time.Time { return noon }, zone: time.UTC}
	code := program.run(ctx, append([]string{"--socket", string(s)}, args...))
	return told{out: out.String(), err: errs.String(), code: code}
}

// transcript is a run as somebody at a terminal would see it.
func (s site) transcript(t *testing.T, args ...string) string {
	t.Helper()
	got := s.run(t, args...)
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \"*") {
			quoted[i] = "'" + arg + "'"
		}
	}
	text := fmt.Sprintf("$ tilegate %s\n%s%s[exit %d]\n\n", strings.Join(quoted, " "), got.out, got.err, got.code)
	return strings.ReplaceAll(text, string(s), control.RunDir)
}

func TestEveryCommandSpeaksJSON(t *testing.T) {
	s := open(t, morning())
	for _, args := range [][]string{
		{"status"},
		{"door", "list"},
		{"door", "open", "front"},
		{"door", "test", "front"},
		{"event", "list"},
		{"why", "--person", "Anna", "--door", "front"},
		{"why", "--event", "4711"},
		{"event", "show", "4711"},
		{"person", "seen"},
		{"tap", "simulate", "--card", "04A2B3C4", "--door", "front"},
		{"sync", "now"},
		{"sync", "status"},
		{"config", "check", "--config", "testdata/wrong.toml"},
		{"reload"},
		{"kisi", "test"},
		{"version"},
	} {
		got := s.run(t, append(args, "--json")...)
		if !json.Valid([]byte(got.out)) || strings.TrimSpace(got.out) == "" {
			t.Errorf("%v: output is not JSON:\n%s", args, got.out)
		}
		if got.err != "" && !json.Valid([]byte(got.err)) {
			t.Errorf("%v: error output is not JSON:\n%s", args, got.err)
		}
	}
}

func TestErrorsAreJSONForScripts(t *testing.T) {
	away := noSite(t)
	for _, test := range []struct {
		name string
		args []string
		code control.Code
		exit int
	}{
		{"nobody answers", []string{"status", "--json"}, control.NotRunning, exitFailed},
		{"no such flag, after --json", []string{"--json", "status", "--colour"}, usage, exitUsage},
		{"no such flag, before --json", []string{"status", "--colour", "--json"}, usage, exitUsage},
		{"no such verb", []string{"door", "kick", "--json"}, usage, exitUsage},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := away.run(t, test.args...)
			var failure control.Error
			if err := json.Unmarshal([]byte(got.err), &failure); err != nil {
				t.Fatalf("%v: %q", err, got.err)
			}
			if failure.Code != test.code || failure.Message == "" || failure.Hint == "" || got.code != test.exit {
				t.Errorf("exit %d, %+v, want exit %d and code %s with message and hint", got.code, failure, test.exit, test.code)
			}
		})
	}
}

func TestMistakesInTheCommandLineExitTwo(t *testing.T) {
	s := open(t, morning())
	for _, args := range [][]string{
		{"dor"},
		{"door"},
		{"door", "opn"},
		{"door", "open"},
		{"door", "open", "front", "rear"},
		{"door", "list", "front"},
		{"door", "open", "front", "--for", "5s"},
		{"status", "now"},
		{"sync", "now", "kisi", "file"},
		{"event", "list", "--limit", "many"},
		{"event", "list", "--limit", "10001"},
		{"event", "list", "--reason", "mood"},
		{"event", "list", "--since", "yesterday"},
		{"why", "--door", "front"},
		{"why", "--person", "Anna"},
		{"why", "--person", "Anna", "--card", "04A2", "--door", "front"},
		{"why", "--person", "", "--door", "front"},
		{"why", "--event", ""},
		{"why", "--event", "4711", "--door", "front"},
		{"why", "--event", "4711", "--at", "09:00"},
		{"why", "--event", "4711", "--person", "Anna"},
		{"why", "--person", "Anna", "--door", "front", "--presence", "somewhere"},
		{"who"},
		{"who", "--door", "front", "--at", "soon"},
		{"person"},
		{"person", "seen", "--since", "soon"},
		{"event", "show"},
		{"why", "--card", "not hex", "--door", "front"},
		{"why", "--person", "Anna", "--door", "front", "--at", "soon"},
		{"tap", "simulate", "--card", "04A2B3C4", "--door", "front", "--at", "09:00"},
		{"tap", "simulate", "--person", "Anna", "--door", "front"},
		{"help", "dor"},
		{"completion"},
		{"completion", "ksh"},
		{"completion", "bash", "zsh"},
	} {
		got := s.run(t, args...)
		if got.code != exitUsage {
			t.Errorf("%v: exit %d, want %d: %s", args, got.code, exitUsage, got.err)
		}
		if !strings.HasPrefix(got.err, "Error: ") || got.out != "" {
			t.Errorf("%v: output %q, error output %q, want only an error", args, got.out, got.err)
		}
	}
}

func TestMistakesAreAnsweredWithWhatToDo(t *testing.T) {
	s := noSite(t)
	var all strings.Builder
	for _, args := range [][]string{
		{"dor"},
		{"door"},
		{"door", "opn"},
		{"door", "open"},
		{"door", "open", "front", "rear"},
		{"status", "--colour"},
		{"why", "--door", "front"},
		{"why", "--person", "Anna"},
		{"why", "--card", "04:XY", "--door", "front"},
		{"event", "show"},
		{"kisi", "compare", "--days", "seven"},
		{"door", "hold", "front", "--for", "1d"},
		{"person", "seen", "--since", "+2h"},
		{"status"},
		{"reload"},
		{"kisi", "test"},
	} {
		all.WriteString(s.transcript(t, args...))
	}
	golden(t, "mistakes", all.String())
}

func TestInterruptedExits130(t *testing.T) {
	g := morning()
	g.stuck = make(chan struct{})
	s := open(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-g.stuck; cancel() }()
	if got := s.runWith(ctx, nil, "sync", "now"); got.code != exitInterrupted {
		t.Errorf("exit %d, want %d: %s", got.code, exitInterrupted, got.err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left on device") }

func TestAnOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	s := open(t, morning())
	for _, args := range [][]string{{"door", "list"}, {"door", "list", "--json"}, {"status"}, {"version"}} {
		var errs bytes.Buffer
		program := &tool{out: &output{to: full{}}, err: &errs, now: time.Now, zone: time.UTC}
		code := program.run(t.Context(), append([]string{"--socket", string(s)}, args...))
		if code != exitFailed || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%v: exit %d, %q, want %d and the reason", args, code, errs.String(), exitFailed)
		}
	}
}

func TestTheSocketFlagTakesADirectoryOrASocket(t *testing.T) {
	g := morning()
	s := open(t, g)
	dir := string(s)
	for _, test := range []struct {
		socket string
		args   []string
		exit   int
		want   string
	}{
		{dir, []string{"door", "open", "front"}, exitOK, ""},
		{filepath.Join(dir, control.OperateSocket), []string{"door", "open", "front"}, exitOK, ""},
		{filepath.Join(dir, control.OperateSocket), []string{"status"}, exitOK, ""},
		{filepath.Join(dir, control.ViewSocket), []string{"status"}, exitOK, ""},
		{filepath.Join(dir, control.ViewSocket), []string{"door", "open", "front"}, exitFailed, "tilegate-operate"},
		{filepath.Join(dir, "away.sock"), []string{"status"}, exitFailed, "away.sock: is tilegated running"},
		{filepath.Join(dir, "away"), []string{"status"}, exitFailed, "away/view.sock: is tilegated running"},
	} {
		got := site(test.socket).run(t, test.args...)
		if got.code != test.exit || !strings.Contains(got.err, test.want) {
			t.Errorf("--socket %s %v: exit %d, %q, want %d with %q", test.socket, test.args, got.code, got.err, test.exit, test.want)
		}
	}
}

// TestTheToolLinksNoDatabase keeps it small and quick to start, and its
// reviewers out of C.
func TestTheToolLinksNoDatabase(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("go list tells of %d packages only", len(deps))
	}
	for _, dep := range deps {
		for _, never := range []string{"database/sql", "github.com/mattn/go-sqlite3", "github.com/tilegate/tilegate/daemon/store", "html/template", "github.com/spf13/cobra/doc", "os/exec"} {
			if dep == never {
				t.Errorf("the tool links %s", dep)
			}
		}
	}
}
