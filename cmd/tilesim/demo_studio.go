package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// stranger is a reader that nobody has ever paired: it was bought, or brought.
func stranger() hwtest.OSDPIdentity {
	return hwtest.OSDPIdentity{Vendor: [3]byte{0x00, 0x06, 0x8E}, Model: 7, Version: 2, Serial: 0xBADC0DE, Firmware: [3]byte{4, 0, 1}}
}

// studioIsPaired begins with a reader and a module as they come from the factory:
// they are heard, and not believed.
func (m *morning) studioIsPaired(ctx context.Context) error {
	if err := m.troubled(ctx, "reader_down", "studio", "no key of its own"); err != nil {
		return err
	}
	if err := m.unheard(ctx, "studio", "Ann, before that", cardAnn); err != nil {
		return err
	}
	if err := m.pair(ctx, "in", "strike"); err != nil {
		return err
	}
	if err := m.tap(ctx, "studio", "Ann's card", cardAnn, access.Granted); err != nil {
		return err
	}
	m.doors["studio"].walk()
	return nil
}

// readerIsSwapped has the reader unscrewed and another one hung in its place.
func (m *morning) readerIsSwapped(ctx context.Context) error {
	reader, last, err := m.doors["studio"].reader, uint64(0), error(nil)
	if last, err = m.last(ctx); err != nil {
		return err
	}
	reader.Tamper(true)
	if err := m.alarm(ctx, last, time.Now(), access.ReaderTamper, "the reader is unscrewed"); err != nil {
		return err
	}
	reader.Tamper(false)
	reader.Swap(stranger())
	if err := m.troubled(ctx, "reader_down", "studio", "another device"); err != nil {
		return err
	}
	if err := m.unheard(ctx, "studio", "Ann, at the stranger's reader", cardAnn); err != nil {
		return err
	}
	m.say("it was the owner: the old reader is broken, and the new one is paired")
	return m.pair(ctx, "in")
}

// leaveOpen lets somebody in who does not shut the door.
func (m *morning) leaveOpen(ctx context.Context) (err error) {
	if m.before, err = m.last(ctx); err != nil {
		return err
	}
	if err := m.tap(ctx, "studio", "Ann's card, at the new reader", cardAnn, access.Granted); err != nil {
		return err
	}
	m.doors["studio"].leaf(true)
	m.opened = time.Now()
	m.say("she does not shut the studio's door behind her")
	return nil
}

// stillOpen has somebody told of it.
func (m *morning) stillOpen(ctx context.Context) error {
	if err := m.alarm(ctx, m.before, m.opened, access.HeldOpen, "nobody has shut it"); err != nil {
		return err
	}
	m.doors["studio"].leaf(false)
	return nil
}

// pair gives devices of the studio keys, one after the other, as staff would with
// tilegate reader pair.
func (m *morning) pair(ctx context.Context, devices ...string) error {
	for _, device := range devices {
		if err := m.daemon.act.PairReader(ctx, control.Pairing{Door: "studio", Device: device}, func(control.Step) error { return nil }); err != nil {
			return err
		}
	}
	if err := m.daemon.ready(ctx, allUp); err != nil {
		return err
	}
	all, err := m.daemon.view.Readers(ctx)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Door != "studio" {
			continue
		}
		if !one.Secure {
			return fmt.Errorf("the %s of the studio was paired, and does not speak under its key", one.Name)
		}
		m.say("%-6s speaks under a key of its own: %s", one.Name, one.Identity)
	}
	return nil
}

// unheard holds something to a tile that is not believed: nothing is decided and
// nothing opens.
func (m *morning) unheard(ctx context.Context, door, who, value string) error {
	last, err := m.last(ctx)
	if err != nil {
		return err
	}
	d := m.doors[door]
	moved := len(d.relay.History())
	away, err := d.tile.hold(value)
	if err != nil {
		return err
	}
	defer away()
	if err := pause(ctx, time.Second); err != nil { // far longer than any tap takes
		return err
	}
	events, err := m.daemon.view.Events(ctx, control.EventQuery{After: max(last, 1), Door: door, Kind: "decision", Limit: 1})
	if err != nil {
		return err
	}
	if len(events) > 0 || len(d.relay.History()) != moved {
		return fmt.Errorf("%s at %s: a tile that is not believed was heard", who, door)
	}
	fmt.Printf("  %-8s %-30s %s\n", door, who, "NOTHING  the reader is not believed, so nothing was tapped")
	return nil
}

// last is the number of the newest event.
func (m *morning) last(ctx context.Context) (uint64, error) {
	status, err := m.daemon.view.Status(ctx)
	return status.Journal.Last, err
}

// troubled waits for a trouble whose text has these words, and shows it.
func (m *morning) troubled(ctx context.Context, code, subject, words string) error {
	err := m.daemon.ready(ctx, func(s control.Status) bool {
		for _, t := range s.Troubles {
			if t.Code == code && t.Subject == subject && strings.Contains(t.Text, words) {
				_, why, _ := strings.Cut(strings.TrimSuffix(t.Text, ")"), " (")
				m.say("tilegate status: %s (%s): %s", t.Title, t.Subject, why)
				return true
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("nobody is told that %s: %w", words, err)
	}
	return nil
}

// alarm waits for the beginning of an alarm among the events after one, and shows
// it, with how long it took since what it is about.
func (m *morning) alarm(ctx context.Context, after uint64, since time.Time, want access.Alarm, what string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := m.daemon.view.Follow(ctx, control.EventQuery{After: max(after, 1), Kind: "alarm"}, func(e access.Event) error {
		if e.Detail != want.Detail(true) {
			return nil
		}
		fmt.Printf("  %-8s %-30s ALARM    %s: %s, after %.1f s\n", e.Door, what, want, want.Words(), e.At.Sub(since).Seconds())
		return errSeen
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%s: no alarm %s: %w", what, want, err)
	}
	return nil
}
