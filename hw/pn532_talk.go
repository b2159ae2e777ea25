package hw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilegate/tilegate/hw/pn532"
)

// setUp wakes the chip, puts it into the mode in which it drives a field, and
// keeps it from looking for a card without end.
func (c *pn532Chip) setUp(ctx context.Context) (pn532.Firmware, error) {
	c.spoke = time.Time{}
	if _, err := c.say(ctx, pn532.SAMConfiguration(), pn532Time, nil); err != nil {
		return pn532.Firmware{}, err
	}
	if err := c.lineTest(ctx); err != nil {
		return pn532.Firmware{}, err
	}
	data, err := c.ask(ctx, pn532.GetFirmwareVersion(), pn532Time)
	if err != nil {
		return pn532.Firmware{}, err
	}
	firmware, err := pn532.ParseFirmware(data)
	if err != nil {
		return firmware, c.malformed(err)
	}
	_, err = c.ask(ctx, pn532.MaxRetries(0xFF, 0x01, 0x01), pn532Time)
	return firmware, err
}

// list looks for so many targets.
func (c *pn532Chip) list(ctx context.Context, most byte) ([]pn532.Target, error) {
	data, err := c.ask(ctx, pn532.ListTargets(most), pn532Time)
	if err != nil {
		return nil, err
	}
	targets, err := pn532.ParseTargets(data)
	if err != nil {
		return nil, c.malformed(err)
	}
	return targets, nil
}

// listTwice looks for one target and has the answer said twice: a UID has no
// check of its own.
func (c *pn532Chip) listTwice(ctx context.Context) ([]pn532.Target, error) {
	command := pn532.ListTargets(1)
	data, err := c.ask(ctx, command, pn532Time)
	if err != nil {
		return nil, err
	}
	targets, err := pn532.ParseTargets(data)
	if err != nil {
		return nil, c.malformed(err)
	}
	if len(targets) == 0 {
		return nil, nil
	}
	return targets, c.confirm(ctx, command, data)
}

// confirm has the chip say its answer once more. The sum of a frame does not see
// two bits that flip against each other.
func (c *pn532Chip) confirm(ctx context.Context, command pn532.Command, data []byte) error {
	c.doubt = true
	again, err := c.repeat(ctx, command.Code(), nil)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(again, data):
		return c.malformed(errors.New("it said two different things when asked once"))
	}
	c.doubt = false
	return nil
}

// exchange says something to a card and brings what it answers; twice, where the
// answer has no check of its own. A pn532.Status and errCardSlow are errors of the
// card; errPN532 is behind one of the chip.
func (c *pn532Chip) exchange(ctx context.Context, target byte, out []byte, twice bool) ([]byte, error) {
	var all []byte
	for range pn532Pieces {
		if time.Now().After(c.patience) {
			return nil, errCardSlow
		}
		command, err := pn532.Exchange(target, out)
		if err != nil {
			return nil, err
		}
		data, err := c.ask(ctx, command, pn532CardTime)
		if errors.Is(err, errPN532NoAnswer) && c.lineTest(ctx) == nil {
			return nil, pn532.StatusTimeout // the chip is well: it waits for its card
		}
		if err == nil && twice {
			err = c.confirm(ctx, command, data)
		}
		if err != nil {
			return nil, err
		}
		said, more, err := pn532.ParseExchange(data)
		if errors.Is(err, pn532.ErrMalformed) {
			return nil, c.malformed(err)
		}
		if err != nil {
			return nil, err
		}
		if all = append(all, said...); !more {
			return all, nil
		}
		out = nil // the rest
	}
	return nil, c.malformed(fmt.Errorf("an answer of more than %d pieces", pn532Pieces))
}

// release lets all targets go. They stay mute, most of them, until they leave
// the field.
func (c *pn532Chip) release(ctx context.Context) error {
	_, err := c.ask(ctx, pn532.Release(), pn532Time)
	return err
}

// restart takes the field away for a moment, so that a card which stopped in the
// middle begins anew.
func (c *pn532Chip) restart(ctx context.Context) error {
	if _, err := c.ask(ctx, pn532.Field(false), pn532Time); err != nil {
		return err
	}
	if err := pause(ctx, pn532Recover); err != nil {
		return err
	}
	_, err := c.ask(ctx, pn532.Field(true), pn532Time)
	return err
}

func (c *pn532Chip) malformed(err error) error {
	c.drops.add(pn532DropMalformed)
	return fmt.Errorf("%w: %w", errPN532Malformed, err)
}
