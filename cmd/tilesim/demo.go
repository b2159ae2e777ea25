package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func demoCommand() *cobra.Command {
	serve, keep := false, ""
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "a morning in a building with four doors",
		Long: `demo puts up a fake Kisi, tiles and relay boards on pseudo-terminals and the
real daemon, walks a morning through them, prints each tap with its decision,
and exits non-zero if anything was not as told.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), serve, keep)
		},
	}
	cmd.Flags().BoolVar(&serve, "serve", false, "leave everything up to play with, until Ctrl-C")
	cmd.Flags().StringVar(&keep, "dir", "", "the scratch directory; it is kept (default: a new one, removed at the end)")
	return cmd
}

func demo(ctx context.Context, serve bool, dir string) (err error) {
	if dir == "" {
		// The sockets below it must fit in 108 bytes.
		if dir, err = os.MkdirTemp("", "tilesim-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // scratch
	}
	b, err := newBuilding(ctx, dir, everyDoor()...)
	if err != nil {
		return err
	}
	defer b.close()
	m := &morning{building: b}
	defer func() {
		if m.daemon != nil {
			err = errors.Join(err, m.daemon.stop())
		}
	}()
	if err := m.walk(ctx); err != nil {
		return err
	}
	fmt.Printf("\n%d taps, all as told.\n", m.taps)
	if !serve {
		return nil
	}
	return m.stayUp(ctx)
}

// stayUp leaves the building to a person.
func (m *morning) stayUp(ctx context.Context) error {
	m.kisi.Faults().Clear()
	if err := m.syncNow(ctx); err != nil {
		return err
	}
	bin, err := os.Executable()
	if err != nil {
		return err
	}
	bin = filepath.Dir(bin)
	fmt.Printf(`
The building stays up until Ctrl-C. In another terminal:
  %[1]s/tilesim tap front %[3]s            Ann's card
  %[1]s/tilesim tap front TG-BEN-7731               Ben's code
  %[1]s/tilesim tap front pass                      a new pass for one entry; used-pass: the same once more
  %[1]s/tilesim tap lab %[3]s              at a serial card reader
  %[1]s/tilesim tap studio %[3]s           at an OSDP reader
  %[1]s/tilesim tap workshop pkoc                   a card that proves its key, at a PN532
  %[1]s/tilesim tap workshop tag                    an NTAG 424; replay: what it said, once more; copy: its number
  %[1]s/tilegate --socket %[2]s/run status
  %[1]s/tilegate --socket %[2]s/run why --door front --person "Dan Weber"
  %[1]s/tilegate --socket %[2]s/run reader list
  %[1]s/tilegate --socket %[2]s/run who --door front --all
  %[1]s/tilegate --socket %[2]s/run event follow
`, bin, m.dir, cardAnn)
	return serveTaps(ctx, m.building, m.daemon)
}

// morning is the story: each scene is told, played and checked.
type morning struct {
	*building
	daemon *process
	taps   int

	begins time.Time  // Cleo's booking
	failed chan error // what became of a sync in the dark
	before uint64     // the newest event before the studio's door was left open
	opened time.Time  // when it was
}

func (m *morning) walk(ctx context.Context) error {
	for _, scene := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"The gateway starts and fetches its rights from Kisi", m.startUp},
		{"Members come in", m.membersComeIn},
		{"Others do not, and are told why", m.othersDoNot},
		{"The cleaners come in their hours, which Kisi has", m.cleanersHours},
		{"The studio's reader and strike get keys of their own", m.studioIsPaired},
		{"Somebody is at the studio's reader", m.readerIsSwapped},
		{"The internet is cut", m.internetIsCut},
		{"The workshop opens for what proves itself, and needs no cloud", m.workshop},
		{"A visitor shows a pass for one entry", m.visitor},
		{"The studio's door still stands open", m.stillOpen},
		{"A booking begins in the dark", m.bookingBegins},
		{"The internet is back; Kisi takes Eve's right away", m.rightIsRevoked},
		{"Kisi locks the building down", m.lockdown},
		{"The desk locks the whole site down; the internet goes, and the daemon is killed", m.lockedThroughAKill},
		{"The lockdown is over", m.lockdownEnds},
		{"What the journal says", m.journal},
	} {
		fmt.Printf("\n%s\n", scene.title)
		if err := scene.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(scene.title[:1])+scene.title[1:], err)
		}
	}
	return nil
}

// tap plays one tap and checks it against what was told.
func (m *morning) tap(ctx context.Context, door, who, value string, want access.Reason) error {
	if err := m.locked(ctx, door); err != nil {
		return err
	}
	got, err := m.present(ctx, m.daemon, door, value)
	if err != nil {
		return err
	}
	m.taps++
	fmt.Println(sentence(door, who, got))
	if got.Event.Reason != want {
		return fmt.Errorf("%s at %s: decided %s, told %s", who, door, got.Event.Reason, want)
	}
	if got.Opened != (want == access.Granted) {
		return fmt.Errorf("%s at %s: decided %s, but the relay says open=%v", who, door, got.Event.Reason, got.Opened)
	}
	return nil
}

// locked waits until the door has locked itself again.
func (m *morning) locked(ctx context.Context, door string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !m.doors[door].relay.Await(ctx, false) {
		return fmt.Errorf("door %s did not lock again", door)
	}
	return nil
}

func (m *morning) say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

func (m *morning) startUp(ctx context.Context) (err error) {
	start := time.Now()
	if m.daemon, err = startDaemon(m.dir, m.settings()); err != nil {
		return err
	}
	// The studio's devices are new, and nobody has paired them yet.
	err = m.daemon.ready(ctx, func(s control.Status) bool { return stocked(s) && upBut("studio")(s) })
	if err != nil {
		return err
	}
	status, err := m.daemon.view.Status(ctx)
	if err != nil {
		return err
	}
	m.say("after %d ms: %s", time.Since(start).Milliseconds(), status.Line)
	m.say("%d people, %d cards and codes, %d rights, %d doors", status.Counts.Holders, status.Counts.Credentials, status.Counts.Grants, len(status.Doors))
	return nil
}

// stocked says whether every source has given its rights.
func stocked(s control.Status) bool {
	return s.Counts.Credentials > 0 && !slices.ContainsFunc(s.Sources, func(one control.Sync) bool { return one.Result == "never" })
}

// allUp says whether all devices of all doors are there.
func allUp(s control.Status) bool { return upBut("")(s) }

// upBut says so of all doors but one.
func upBut(door string) func(control.Status) bool {
	return func(s control.Status) bool {
		for _, d := range s.Doors {
			if d.ID != door && (!d.Strike.Up || slices.ContainsFunc(d.Readers, func(r control.Device) bool { return !r.Up })) {
				return false
			}
		}
		return true
	}
}
