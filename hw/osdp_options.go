package hw

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tilegate/tilegate/hw/osdp"
)

// osdpOptions are the keys of every device on an OSDP line.
type osdpOptions struct {
	portOptions
	Address  int    `toml:"address"`  // of the device on the line, 0 to 126
	Poll     span   `toml:"poll"`     // how often it is asked
	Key      string `toml:"key"`      // names its key below keys/devices; by default made of port and address
	Insecure bool   `toml:"insecure"` // clear text, on the bench only: anybody on the wire opens the door
	Checksum bool   `toml:"checksum"` // for old devices without CRC; only with insecure
}

// How often a device may be asked. Some forget their panel when it does not ask
// for 400 ms.
const (
	shortestAsk = 10 * time.Millisecond
	longestAsk  = 300 * time.Millisecond
)

// osdpTie is how a device is tied to its line: what all that share a device must
// say alike.
type osdpTie struct {
	address  byte
	poll     time.Duration
	key      string
	insecure bool
	checksum bool
}

// caution tells of clear text.
func (t osdpTie) caution() string {
	if !t.insecure {
		return ""
	}
	return "insecure = true is for the bench: whoever reaches the cable opens the door, and learns every card; take it away and pair the device"
}

var osdpKeyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$`)

// tie checks the options. What is the device's own name on the line, such as
// "output 1", is added to its address.
func (o osdpOptions) tie(what string) (PortUse, osdpTie, error) {
	settings, err := o.settings(9600)
	if err != nil {
		return PortUse{}, osdpTie{}, err
	}
	if settings.DataBits != 8 || settings.Parity != "none" || settings.StopBits != 1 {
		return PortUse{}, osdpTie{}, errors.New("OSDP has 8 bits, no parity and one stop bit; leave data_bits, parity and stop_bits away")
	}
	if !osdpSpeed(settings.Baud) {
		return PortUse{}, osdpTie{}, fmt.Errorf("baud %d: OSDP has %v", settings.Baud, slices.Sorted(slices.Values(osdpSpeeds)))
	}
	if o.Address < 0 || o.Address > 126 {
		return PortUse{}, osdpTie{}, fmt.Errorf("address %d: use 0 to 126, as set on the reader", o.Address)
	}
	if o.Checksum && !o.Insecure {
		return PortUse{}, osdpTie{}, errors.New("checksum: a reader without CRC cannot be secured; it can only be used on the bench, with insecure = true")
	}
	poll := o.Poll.or(osdp.DefaultPoll)
	if poll < shortestAsk || poll > longestAsk {
		return PortUse{}, osdpTie{}, fmt.Errorf("poll %s: use %s to %s", poll, shortestAsk, longestAsk)
	}
	tie := osdpTie{address: byte(o.Address), poll: poll, key: o.Key, insecure: o.Insecure, checksum: o.Checksum}
	if tie.key == "" {
		tie.key = keyNameOf(o.Port, o.Address)
	}
	if !osdpKeyName.MatchString(tie.key) {
		return PortUse{}, osdpTie{}, fmt.Errorf("key %q: use letters, digits, dots, hyphens and underscores", o.Key)
	}
	device := fmt.Sprintf("address %d", o.Address)
	return PortUse{
		Settings: settings, Protocol: "osdp", Address: strings.TrimSpace(device + " " + what), Device: device,
		Tie: fmt.Sprintf("key = %q, poll = %q, insecure = %t, checksum = %t", tie.key, poll, tie.insecure, tie.checksum),
	}, tie, nil
}

// osdpSpeeds are those that readers have, in the order in which they are likely
// (SIA OSDP 2.2 §5.2). It is never written to.
var osdpSpeeds = []int{9600, 115200, 38400, 19200, 57600, 230400}

func osdpSpeed(baud int) bool { return slices.Contains(osdpSpeeds, baud) }

var notInKeyName = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// keyNameOf is the name of the key of a device that was given none.
func keyNameOf(port string, address int) string {
	base := strings.Trim(notInKeyName.ReplaceAllString(filepath.Base(port), "-"), "-._")
	if len(base) > 100 {
		base = base[:100]
	}
	return fmt.Sprintf("port-%s-%d", base, address)
}
