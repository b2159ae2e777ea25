// Command tilegated is the gateway daemon: it reads the settings, runs the
// doors until it is told to stop, and says so to systemd.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // a gateway may lack Debian's tzdata

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon"
	"github.com/tilegate/tilegate/daemon/config"
)

// version is set by the linker.
var version = "dev"

// The exit statuses, as in design and manual page.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// exitSettings is EX_CONFIG of sysexits.h. The unit does not start the
	// gateway again after it: nothing but a person mends a settings file.
	exitSettings = 78
)

func main() { os.Exit(run()) }

func run() int {
	path, outputsOff := "", false
	command := &cobra.Command{
		Use:   "tilegated --config FILE",
		Short: "the gateway that opens the doors",
		Long: `tilegated reads tiles, decides on the box who may enter, opens the door and
writes down what it did. It is started by systemd; people use tilegate(1).

SIGTERM and SIGINT stop it, a second one at once. SIGHUP reads the settings
again; a file that is wrong leaves the old settings in force.

EXIT STATUS
  0   stopped as told
  1   could not go on; the reason is on standard error
  2   the command line is wrong
  78  the settings have mistakes, which are on standard error`,
		Example:       "  tilegated --config /etc/tilegate/tilegate.toml",
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	command.Flags().StringVar(&path, "config", "/etc/tilegate/tilegate.toml", "the settings file")
	command.Flags().BoolVar(&outputsOff, "outputs-off", false, "bring every strike to rest and exit; for ExecStopPost")
	usage := true
	command.RunE = func(*cobra.Command, []string) error {
		usage = false
		return serve(path, outputsOff)
	}
	err := command.Execute()
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "tilegated:", err)
	if usage {
		fmt.Fprintln(os.Stderr, "Try: tilegated --help")
		return exitUsage
	}
	if len(config.Mistakes(err)) > 0 {
		return exitSettings
	}
	return exitFailed
}

func serve(path string, outputsOff bool) error {
	tune()
	settings, err := config.Load(path)
	if err != nil {
		return err
	}
	log := newLogger(settings.Log, os.Stderr)
	for _, text := range settings.Warnings {
		log.Warn("settings", "note", text)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A second signal ends the process at once: the first gave the default back.
	context.AfterFunc(ctx, stop)
	if outputsOff {
		return daemon.OutputsOff(ctx, settings, log)
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	err = daemon.Run(ctx, daemon.Options{
		Settings: settings, Version: version, Built: built(), Log: log, Clock: daemon.SystemClock(), Reload: reload,
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// built is when this program was made, where the build says so.
func built() time.Time {
	if buildTime != "" {
		if t, err := time.Parse(time.RFC3339, buildTime); err == nil {
			return t
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				t, _ := time.Parse(time.RFC3339, s.Value)
				return t
			}
		}
	}
	return time.Time{}
}

// buildTime is set by the linker, RFC 3339.
var buildTime string
