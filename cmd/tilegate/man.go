//go:build docs

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// builders are commands for the build: go run -tags docs ./cmd/tilegate man DIR.
func builders(t *tool) []*cobra.Command { return []*cobra.Command{newMan(t)} }

func newMan(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "write the manual pages",
		Long:    "Writes the manual pages of all commands into a directory. Their date is that of\nSOURCE_DATE_EPOCH, or of 1 January 1970.",
		Example: "  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) tilegate man build/man",
		Hidden:  true,
		Args:    takes("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return err
			}
			root := cmd.Root()
			addExits(root)
			header := doc.GenManHeader{Date: &date, Source: "tilegate", Manual: "tilegate"}
			return doc.GenManTree(root, &header, args[0])
		},
	}
}

// addExits moves the exit statuses to where the generator finds them.
func addExits(cmd *cobra.Command) {
	cmd.Long += "\n\n# EXIT STATUS\n```\n" + exitText(cmd) + "\n```\n"
	cmd.DisableAutoGenTag = true
	for _, c := range cmd.Commands() {
		addExits(c)
	}
}

func sourceDate(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
