package daemon

import (
	"fmt"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// notifier tells systemd how the daemon is. Without systemd it does nothing.
type notifier struct{ log hclog.Logger }

func (n notifier) send(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		n.log.Warn("cannot tell systemd how we are", "error", err)
	}
}

// ready says that decisions are possible, with one line for people.
func (n notifier) ready(status string) {
	n.send(systemd.SdNotifyReady + "\nSTATUS=" + oneLine(status))
}

// status changes the line for people.
func (n notifier) status(status string) { n.send("STATUS=" + oneLine(status)) }

// stopping says that the daemon is on its way out.
func (n notifier) stopping() { n.send(systemd.SdNotifyStopping) }

// reloading must carry the monotonic time in the same datagram, else systemd
// takes the next READY for an older one.
func (n notifier) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		n.log.Warn("cannot read the monotonic clock", "error", err)
		return
	}
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, now.Nano()/1000))
}

// alive feeds the watchdog.
func (n notifier) alive() { n.send(systemd.SdNotifyWatchdog) }

// watchdogEvery is how often systemd wants to hear from us, or 0.
func watchdogEvery() (time.Duration, error) { return systemd.SdWatchdogEnabled(false) }

// oneLine keeps a newline from ending the datagram's field early.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
