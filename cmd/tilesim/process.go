package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tilegate/tilegate/daemon/control"
)

// process is the real daemon.
type process struct {
	cmd  *exec.Cmd
	done chan error
	log  *os.File
	view *control.Client
	act  *control.Client
}

// daemonPath is the daemon beside this program, as both are built together.
func daemonPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "tilegated")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the daemon is not beside this program: %w; try: make build", err)
	}
	return path, nil
}

// startDaemon starts the daemon on a building's settings, without waiting.
func startDaemon(dir, settings string, environment ...string) (*process, error) {
	path, err := daemonPath()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "tilegated.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{
		cmd:  exec.Command(path, "--config", settings), //nolint:noctx // stop and kill end it
		done: make(chan error, 1), log: log,
		view: control.NewClient(filepath.Join(dir, "run", "view.sock")),
		act:  control.NewClient(filepath.Join(dir, "run", "operate.sock")),
	}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), environment...)
	// The daemon ends with us, whatever becomes of us. It is in a group of its
	// own: Ctrl-C is for us, and the daemon would take our SIGTERM for a second one.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { p.done <- p.cmd.Wait() }()
	return p, nil
}

// ready waits until the daemon answers and want says that it is well.
func (p *process) ready(ctx context.Context, want func(control.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var last error
	for {
		status, err := p.view.Status(ctx)
		if err == nil && want(status) {
			return nil
		}
		if err == nil {
			err = errors.New(status.Line)
		}
		last = err
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("the daemon ended (%w); its last words:\n%s", errors.Join(err, errEnded), p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("the daemon is not as expected after 30 s (%w); its last words:\n%s", last, p.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var errEnded = errors.New("before it was ready")

// lastWords is the end of the daemon's log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// kill ends the daemon as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done //nolint:errcheck // it says that it was killed
	_ = p.log.Close()
}

// stop ends the daemon as systemd would.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	defer p.log.Close() //nolint:errcheck // nothing more is written
	select {
	case err := <-p.done:
		return err
	case <-time.After(15 * time.Second):
		p.kill()
		return errors.New("the daemon did not stop within 15 s")
	}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the loopback does not wait
	if err != nil {
		return 0, err
	}
	defer listener.Close() //nolint:errcheck // only its number was wanted
	return listener.Addr().(*net.TCPAddr).Port, nil
}
