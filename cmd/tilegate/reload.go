package main

import "github.com/spf13/cobra"

func newReload(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "take the changed settings file into use",
		Long: `Makes the gateway take its settings file into use, waits until it has, and shows
what changed. A file with a mistake changes nothing: the old settings stay in
force. It needs the operate socket.`,
		Example: `  tilegate config check && tilegate reload`,
		Annotations: exits(`0    the settings in use are those of the file
1    it failed: the old settings are in force
2    the command line is wrong
130  interrupted: the reload may have happened`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			reloaded, err := t.act().Reload(cmd.Context())
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(reloaded)
			}
			if len(reloaded.Changed) == 0 {
				t.say("Nothing changed.")
			}
			for _, change := range reloaded.Changed {
				t.say("%s", change)
			}
			return nil
		},
	}
}
