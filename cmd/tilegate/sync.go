package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/control"
)

func newSync(t *tool) *cobra.Command {
	return noun("sync", "fetch the rights, and how old they are", "Fetches the rights from their sources, and shows how old they are.",
		`  tilegate sync status
  tilegate sync now
  tilegate sync approve kisi`,
		newSyncNow(t), newSyncStatus(t), newSyncApprove(t))
}

func newSyncStatus(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "how old the rights are",
		Long: `Shows for every source of rights when it was last heard of and what came of it,
which removals wait for a second look, and which rows were left out and why.`,
		Example: `  tilegate sync status
  tilegate sync status --json | jq -r '.[] | [.source, .contact] | @tsv'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			syncs, err := t.look().SyncStatus(cmd.Context())
			if err != nil {
				return err
			}
			if t.asJSON {
				return t.sayJSON(syncs)
			}
			t.saySync(syncs, t.now())
			return nil
		},
	}
}

func newSyncNow(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "now [SOURCE]",
		Short: "fetch the rights now and wait",
		Long: `Fetches the rights from one source, or from all, and waits until they are in
use. This can take minutes. It needs the operate socket.`,
		Example: `  tilegate sync now
  tilegate sync now kisi`,
		Annotations: exits(`0    the rights are as the source says
1    it failed: the rights are as they were
2    the command line is wrong
10   fetched, but removals are held until it is sure that they are meant
130  interrupted`),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return wrong(cmd, "%s: one source, or none for all", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			source := ""
			if len(args) > 0 {
				source = args[0]
			}
			syncs, err := t.act().SyncNow(cmd.Context(), source)
			if err != nil {
				return err
			}
			return t.saySynced(syncs)
		},
	}
}

func newSyncApprove(t *tool) *cobra.Command {
	return &cobra.Command{
		Use:   "approve SOURCE",
		Short: "let the removals pass that are held",
		Long: `Lets the removals of one source pass that are held now, and only those, and
fetches again so that they take effect. Look at them first: tilegate sync status
lists who would lose which door. It needs the operate socket and is recorded.`,
		Example: "  tilegate sync approve kisi",
		Annotations: exits(`0    the rights are as the source says
1    it failed: the rights are as they were
2    the command line is wrong
10   fetched, but other removals are held now
130  interrupted`),
		Args:              takes("SOURCE"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			syncs, err := t.act().ApproveSync(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return t.saySynced(syncs)
		},
	}
}

// saySynced shows what came of a sync, and makes an exit status of it.
func (t *tool) saySynced(syncs []control.Sync) error {
	if t.asJSON {
		return firstError(t.sayJSON(syncs), synced(syncs))
	}
	t.saySync(syncs, t.now())
	return synced(syncs)
}

// synced is an error if a source could not be fetched, and errNo if something
// of one is held.
func synced(syncs []control.Sync) error {
	var held error
	for _, s := range syncs {
		switch {
		case s.Result == "failed":
			return &control.Error{Code: control.Failed, Message: fmt.Sprintf("%s: %s", s.Source, s.Err), Hint: "tilegate status"}
		case s.Result == "held" || len(s.Held) > 0:
			held = errNo
		}
	}
	return held
}

// saySources is one line for each source.
func (t *tool) saySources(syncs []control.Sync, now time.Time) {
	rows := t.table("SOURCE", "LAST HEARD OF", "LAST SYNC", "RESULT")
	for _, s := range syncs {
		heard := ago(s.Contact, now)
		if s.Ageless {
			heard += " (never goes stale)"
		}
		tried := ago(s.Tried, now)
		if s.Running {
			tried = "running"
			if s.Total > 0 {
				tried = fmt.Sprintf("running, %d of %d", s.Done, s.Total)
			}
		}
		result := s.Result
		if s.Err != "" {
			result += ": " + s.Err
		}
		rows.row(s.Source, heard, tried, result)
	}
	rows.end()
}

// saySync is saySources with what is held and what was left out.
func (t *tool) saySync(syncs []control.Sync, now time.Time) {
	t.saySources(syncs, now)
	for _, s := range syncs {
		if len(s.Held) > 0 {
			t.say("")
			t.say("%s: removals that wait until they are surely meant:", s.Source)
		}
		for _, line := range s.Held {
			t.say("  %s", line)
		}
		if len(s.Dropped) > 0 {
			t.say("")
			t.say("%s: left out, since they point at nothing:", s.Source)
		}
		for _, row := range s.Dropped {
			t.say("  %s", row.String())
		}
	}
}
