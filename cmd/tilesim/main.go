// Command tilesim is a building on a desk: a fake Kisi, tiles and relay boards
// on pseudo-terminals, and the real gateway daemon between them. It is for
// demonstrations, measurements and whole-daemon tests; it is not installed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:           "tilesim",
		Short:         "a building on a desk, around the real gateway",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(demoCommand(), tapCommand(), hardwareCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tilesim:", err)
		return 1
	}
	return 0
}
