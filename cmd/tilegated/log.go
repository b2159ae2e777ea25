package main

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
)

// newLogger speaks to the journal with priorities, to a terminal with times,
// or JSON, as the settings say. "auto" looks where standard error goes.
func newLogger(settings config.Log, out io.Writer) hclog.Logger {
	options := &hclog.LoggerOptions{
		Name: "tilegated", Level: hclog.LevelFromString(settings.Level), Output: out, IndependentLevels: false,
	}
	switch {
	case settings.Format == "json":
		options.JSONFormat = true
	case settings.Format == "journal", settings.Format != "plain" && stderrIsJournal():
		options.Output = priorityWriter{out}
		options.DisableTime = true
	}
	return hclog.New(options)
}

// priorityWriter puts the syslog priority before each line, as sd-daemon(3)
// asks, so that "journalctl -p warning" works.
type priorityWriter struct{ out io.Writer }

// Write writes a line without a level.
func (w priorityWriter) Write(p []byte) (int, error) { return w.LevelWrite(hclog.Info, p) }

// LevelWrite writes a line with its level.
func (w priorityWriter) LevelWrite(level hclog.Level, p []byte) (int, error) {
	priority := 6
	switch level {
	case hclog.Error:
		priority = 3
	case hclog.Warn:
		priority = 4
	case hclog.Debug, hclog.Trace:
		priority = 7
	default:
	}
	if _, err := fmt.Fprintf(w.out, "<%d>%s", priority, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// stderrIsJournal compares standard error with what systemd says it is.
func stderrIsJournal() bool {
	var device, inode uint64
	if _, err := fmt.Sscanf(os.Getenv("JOURNAL_STREAM"), "%d:%d", &device, &inode); err != nil {
		return false
	}
	var stat syscall.Stat_t
	return syscall.Fstat(2, &stat) == nil && stat.Dev == device && stat.Ino == inode
}
