package main

import (
	"context"
	"errors"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

// away is how long something must be away from a tile to count again.
const away = 2 * time.Second

// workshop has a door that opens for nothing that can be copied. For a reader the
// copy of a number is the card that had it, so it comes when that was away.
func (m *morning) workshop(ctx context.Context) error {
	start := time.Now()
	if err := errors.Join(
		m.tap(ctx, "workshop", "Hana's NTAG 424", thingTag, access.Granted),
		m.tap(ctx, "workshop", "Gus's card, which has a key", thingPKOC, access.Granted),
	); err != nil {
		return err
	}
	if err := pause(ctx, away+away/4-time.Since(start)); err != nil {
		return err
	}
	return errors.Join(
		m.tap(ctx, "workshop", "a card with Hana's number", thingCopy, access.LowAssurance),
		m.tap(ctx, "workshop", "what Hana's said, once more", thingReplay, access.Replayed),
	)
}

// visitor has a pass that is used up by its first entry.
func (m *morning) visitor(ctx context.Context) error {
	return errors.Join(
		m.tap(ctx, "front", "Ivo's QR pass", thingPass, access.Granted),
		m.tap(ctx, "front", "a photo of it", thingUsedPass, access.Replayed),
	)
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
