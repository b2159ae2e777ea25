package main

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// built is what this program is.
type built struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "what this program is",
		Long:    "Shows the version of this program. That of the gateway is in tilegate status.",
		Example: "  tilegate version",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			b := built{
				Version: versionOf(version), Revision: revision(),
				Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			if t.asJSON {
				return t.sayJSON(b)
			}
			t.say("tilegate %s (%s, %s)", b.Version, b.Go, b.Platform)
			if b.Revision != "" {
				t.say("revision %s", b.Revision)
			}
			return nil
		},
	}
}

// versionOf is a version, also of a program that was built without one.
func versionOf(stamped string) string { return cmp.Or(stamped, "devel") }

// revision is the commit that the Go command built from, if it knew.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
