package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/hw"
)

// OutputsOff brings every strike to rest, and every relay that can take the power
// from a reader, and does nothing else: no journal, no rights, no network. systemd
// runs it after the daemon ended, however it ended, and not for long: no door
// waits for the board of another.
func OutputsOff(ctx context.Context, o *config.Options, log hclog.Logger) error {
	loops := newCrew(ctx, log)
	lines := hw.NewLines(hw.Host{Run: loops.start, Log: log, Keys: deviceKeysIn(o.State.Dir)})
	all := outputsOf(o)
	err := together(len(all), func(i int) error {
		out := all[i]
		strike, err := out.plan.Open(lines, log.With("door", out.door))
		if err == nil {
			err = errors.Join(rest(ctx, strike), strike.Close())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", out.name, err)
		}
		return nil
	})
	return errors.Join(err, lines.Close(), loops.stop(stopPatience))
}

// output is a relay of ours.
type output struct {
	door, name string
	plan       hw.StrikePlan
}

func outputsOf(o *config.Options) []output {
	var all []output
	for _, d := range o.Doors {
		all = append(all, output{d.ID, "door " + d.ID, d.Strike})
		for _, r := range d.Readers {
			if r.Power != nil {
				all = append(all, output{d.ID, "door " + d.ID + ", power of reader " + r.Name, r.Power})
			}
		}
	}
	return all
}
