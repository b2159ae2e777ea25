package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/hw"
)

// OutputsOff brings every strike to rest and does nothing else: no journal, no
// rights, no network. systemd runs it after the daemon ended, however it ended,
// and not for long: no door waits for the board of another.
func OutputsOff(ctx context.Context, o *config.Options, log hclog.Logger) error {
	loops := newCrew(ctx, log)
	lines := hw.NewLines(hw.Host{Run: loops.start, Keys: deviceKeysIn(o.State.Dir)})
	err := together(len(o.Doors), func(i int) error {
		d := o.Doors[i]
		strike, err := d.Strike.Open(lines, log.With("door", d.ID))
		if err == nil {
			err = errors.Join(rest(ctx, strike), strike.Close())
		}
		if err != nil {
			return fmt.Errorf("door %s: %w", d.ID, err)
		}
		return nil
	})
	return errors.Join(err, lines.Close(), loops.stop(stopPatience))
}
