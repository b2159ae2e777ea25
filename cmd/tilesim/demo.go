package main

import (
	"slices"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		Short: "a morning in a building with two doors",
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
	b, err := newBuilding(ctx, dir)
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
  %[1]s/tilegate --socket %[2]s/run status
  %[1]s/tilegate --socket %[2]s/run why --door front --person "Dan Weber"
  %[1]s/tilegate --socket %[2]s/run event follow
`, bin, m.dir, cardAnn)
	return serveTaps(ctx, m.building, m.daemon)
}

// morning is the story: each scene is told, played and checked.
type morning struct {
	*building
	daemon *process
	taps   int
}

func (m *morning) walk(ctx context.Context) error {
	for _, scene := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"The gateway starts and fetches its rights from Kisi", m.startUp},
		{"Members come in", m.membersComeIn},
		{"Others do not, and are told why", m.othersDoNot},
		{"The internet is cut; a booking begins in the dark", m.internetIsCut},
		{"The internet is back; Kisi takes Eve's right away", m.rightIsRevoked},
		{"Kisi locks the building down", m.lockdown},
		{"The internet goes again, and the daemon is killed in mid-morning", m.killed},
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
	got, err := m.present(ctx, m.daemon, door, kindOf(value), value)
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
	return m.relock(ctx, door)
}

// relock waits until the door has locked itself again.
func (m *morning) relock(ctx context.Context, door string) error {
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
	err = m.daemon.ready(ctx, func(s control.Status) bool { return s.Counts.Credentials > 0 && allUp(s) })
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

func allUp(s control.Status) bool {
	for _, d := range s.Doors {
		if !d.Strike.Up || slices.ContainsFunc(d.Readers, func(r control.Device) bool { return !r.Up }) {
			return false
		}
	}
	return true
}

func (m *morning) membersComeIn(ctx context.Context) error {
	return errors.Join(
		m.tap(ctx, "front", "Ann's card", cardAnn, access.Granted),
		m.tap(ctx, "front", "Ben's QR code", codeBen, access.Granted),
		m.tap(ctx, "lab", "Ann's card", cardAnn, access.Granted),
	)
}

func (m *morning) othersDoNot(ctx context.Context) error {
	if err := errors.Join(
		m.tap(ctx, "front", "a card nobody knows", "04DEADBEEF0180", access.Unknown),
		m.tap(ctx, "front", "Dan, whose pass has ended", cardDan, access.Expired),
		m.tap(ctx, "lab", "Eve, who has no right there", cardEve, access.NoGrant),
	); err != nil {
		return err
	}
	why, err := m.daemon.view.Why(ctx, control.Question{Door: "front", Person: "Dan Weber"})
	if err != nil {
		return err
	}
	m.say(`tilegate why --door front --person "Dan Weber":`)
	for _, miss := range why.Misses {
		m.say("  %s: %s (group %s, until %s)", miss.Reason, miss.Words, miss.Grant.ScopeName, miss.Grant.Until.Format("2 Jan 15:04"))
	}
	return nil
}

// internetIsCut proves that windows are cached, not memberships: a booking that
// was known before the cut begins on time during it.
func (m *morning) internetIsCut(ctx context.Context) error {
	begins := time.Now().Add(12 * time.Second).Truncate(time.Second)
	m.book(begins, time.Hour)
	if err := m.syncNow(ctx); err != nil {
		return err
	}
	m.kisi.Faults().Cut()
	m.say("Cleo has booked from %s. Kisi is unreachable from now on.", begins.Format("15:04:05"))
	if err := errors.Join(
		m.tap(ctx, "front", "Cleo, before her booking", cardCleo, access.NotYet),
		m.tap(ctx, "lab", "Ann's card", cardAnn, access.Granted),
	); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- m.syncNow(ctx) }()
	select {
	case <-time.After(time.Until(begins)):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := m.tap(ctx, "front", "Cleo, as her booking begins", cardCleo, access.Granted); err != nil {
		return err
	}
	if err := <-failed; err == nil {
		return errors.New("a sync went through although Kisi is cut off")
	}
	return nil
}

func (m *morning) syncNow(ctx context.Context) error {
	_, err := m.daemon.act.SyncNow(ctx, "kisi")
	return err
}

func (m *morning) rightIsRevoked(ctx context.Context) error {
	m.kisi.Faults().Clear()
	if err := errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Eve's card", cardEve, access.Granted)); err != nil {
		return err
	}
	m.kisi.RemoveAssignment(m.ids.eveAssignment)
	if err := m.syncNow(ctx); err != nil {
		return err
	}
	m.say("revoked in Kisi, fetched")
	return m.tap(ctx, "front", "Eve's card", cardEve, access.NoGrant)
}

func (m *morning) lockdown(ctx context.Context) error {
	m.kisi.LockDownPlace(m.ids.place)
	if err := errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Ann's card", cardAnn, access.LockedDown)); err != nil {
		return err
	}
	m.kisi.CancelPlaceLockdown(m.ids.place)
	return errors.Join(m.syncNow(ctx), m.tap(ctx, "front", "Ann's card", cardAnn, access.Granted))
}

func (m *morning) killed(ctx context.Context) (err error) {
	m.kisi.Faults().Cut()
	m.daemon.kill()
	start := time.Now()
	if m.daemon, err = startDaemon(m.dir, m.settings()); err != nil {
		return err
	}
	if err := m.daemon.ready(ctx, allUp); err != nil {
		return err
	}
	m.say("killed with -9, up again after %d ms, deciding from disk", time.Since(start).Milliseconds())
	return errors.Join(
		m.tap(ctx, "front", "Ben's QR code", codeBen, access.Granted),
		m.tap(ctx, "front", "Eve's card", cardEve, access.NoGrant),
	)
}

func (m *morning) journal(ctx context.Context) error {
	events, err := m.daemon.view.Events(ctx, control.EventQuery{After: 1, Limit: 1000, Kind: "decision"})
	if err != nil {
		return err
	}
	if len(events) != m.taps {
		return fmt.Errorf("the journal has %d taps, there were %d", len(events), m.taps)
	}
	granted := 0
	for _, e := range events {
		if e.Reason == access.Granted {
			granted++
		}
	}
	m.say("%d taps recorded, %d of them let in; none was lost by the kill", len(events), granted)
	return nil
}
