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
// rights, no network. systemd runs it after the daemon ended, however it ended.
func OutputsOff(ctx context.Context, o *config.Options, log hclog.Logger) error {
	lines := hw.NewLines()
	var failures []error
	for _, d := range o.Doors {
		strike, err := d.Strike.Open(lines, log.With("door", d.ID))
		if err == nil {
			err = errors.Join(rest(ctx, strike), strike.Close())
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("door %s: %w", d.ID, err))
		}
	}
	return errors.Join(append(failures, lines.Close())...)
}
