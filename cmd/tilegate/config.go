package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw"
)

// settingsFile is where the settings of a gateway are.
const settingsFile = "/etc/tilegate/tilegate.toml"

func newConfig(t *tool) *cobra.Command {
	return noun("config", "check the settings file", "Checks the settings file.",
		`  tilegate config check`,
		newConfigCheck(t))
}

// checked is what a check of a settings file found.
type checked struct {
	Path     string    `json:"path"`
	OK       bool      `json:"ok"`
	Doors    int       `json:"doors"`
	Sources  []string  `json:"sources"`
	Mistakes []mistake `json:"mistakes"`
	Warnings []mistake `json:"warnings"`
}

// mistake is one thing in a settings file that is wrong or probably not meant.
type mistake struct {
	Path string `json:"path,omitempty"`
	Line int    `json:"line,omitempty"`
	Key  string `json:"key,omitempty"`
	What string `json:"what"`
	Hint string `json:"hint,omitempty"`
}

func newConfigCheck(t *tool) *cobra.Command {
	path := settingsFile
	cmd := &cobra.Command{
		Use:   "check",
		Short: "find every mistake in the settings file",
		Long: `Checks a settings file as the gateway does before it takes it into use, without
a gateway, hardware or network, and shows every mistake with its line. A secret
that is missing or cannot be read is only a warning: doors need no cloud. The
readers are tried on examples of what they send: those of their preset, and
those that the settings give.`,
		Example: `  tilegate config check
  tilegate config check --config ./tilegate.toml`,
		Annotations: exits(`0    the settings are good, perhaps with warnings
1    the settings have mistakes, or cannot be read
2    the command line is wrong`),
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			found, err := checkSettings(path)
			if err != nil {
				return err
			}
			if t.asJSON {
				if err := t.sayJSON(found); err != nil {
					return err
				}
			} else {
				t.sayChecked(found)
			}
			if !found.OK {
				return &control.Error{
					Code: control.Failed, Message: fmt.Sprintf("%s: %s", path, count(len(found.Mistakes), "mistake", "mistakes")),
					Hint: "correct the file and check again; a running gateway keeps its old settings",
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&path, "config", settingsFile, "the settings `FILE`")
	return cmd
}

// checkSettings checks a file, and first what it may refer to. Mistakes in the
// file are no error of the check.
func checkSettings(path string) (checked, error) {
	if err := errors.Join(hw.SelfTestPresets()...); err != nil {
		return checked{}, fmt.Errorf("this program's own reader presets are wrong, please report it: %w", err)
	}
	found := checked{Path: path, Sources: []string{}, Mistakes: []mistake{}, Warnings: []mistake{}}
	options, err := config.Load(path)
	if err != nil {
		found.Mistakes = mistakesOf(err)
		if len(found.Mistakes) == 0 {
			return found, err
		}
		return found, nil
	}
	found.Mistakes = tried(path, options)
	found.OK = len(found.Mistakes) == 0
	found.Doors = len(options.Doors)
	for _, source := range options.Sources {
		found.Sources = append(found.Sources, source.Name)
	}
	for _, warning := range options.Warnings {
		found.Warnings = append(found.Warnings, mistake{Path: path, What: warning})
	}
	found.Warnings = append(found.Warnings, mistakesOf(options.CheckSecrets())...)
	return found, nil
}

// tried are the readers that do not make of their examples what they should.
func tried(path string, options *config.Options) []mistake {
	wrong := []mistake{}
	for _, door := range options.Doors {
		for _, reader := range door.Readers {
			test, ok := reader.Plan.(hw.SelfTester)
			if !ok {
				continue
			}
			if err := test.SelfTest(); err != nil {
				wrong = append(wrong, mistake{
					Path: path, What: fmt.Sprintf("door %s, reader %s: %s", door.ID, reader.Name, strings.ReplaceAll(err.Error(), "\n", "; ")),
					Hint: "compare its tables with what the reader sends; an example says in bytes what came, and in want what it is",
				})
			}
		}
	}
	return wrong
}

func mistakesOf(err error) []mistake {
	out := []mistake{}
	for _, m := range config.Mistakes(err) {
		out = append(out, mistake{Path: m.Path, Line: m.Line, Key: m.Key, What: m.What, Hint: m.Hint})
	}
	return out
}

// String is the mistake on one line, as compilers write them.
func (m mistake) String() string {
	text := m.What
	if m.Key != "" {
		text = m.Key + ": " + text
	}
	if m.Line > 0 {
		text = fmt.Sprintf("%d: %s", m.Line, text)
		return m.Path + ":" + text
	}
	return m.Path + ": " + text
}

func (t *tool) sayChecked(found checked) {
	for _, m := range found.Mistakes {
		t.say("%s", m.String())
		if m.Hint != "" {
			t.say("    %s", m.Hint)
		}
	}
	for _, m := range found.Warnings {
		t.say("warning: %s", m.String())
		if m.Hint != "" {
			t.say("    %s", m.Hint)
		}
	}
	if found.OK {
		t.say("%s: good: %s, rights from %s", found.Path, count(found.Doors, "door", "doors"), listed(found.Sources))
	}
}

// listed is a list in words.
func listed(all []string) string {
	switch len(all) {
	case 0:
		return "nowhere"
	case 1:
		return all[0]
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " and " + all[last]
}
