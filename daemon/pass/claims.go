package pass

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/tilegate/tilegate/daemon/access"
)

// Mode says how a pass is used up.
type Mode uint8

// The modes. Their numbers are in passes that people hold.
const (
	Single Mode = 1 // one grant, at whichever door
	Multi  Mode = 2 // so many grants
	Live   Mode = 3 // redrawn by a phone; each drawing is one grant a door
)

var modeNames = [...]string{Single: "single", Multi: "multi", Live: "live"}

// String is the label of the mode.
func (m Mode) String() string {
	if m < Single || m > Live {
		return "unknown_mode"
	}
	return modeNames[m]
}

// What the form of a pass allows.
const (
	minID      = 8
	maxID      = 16
	maxDoors   = 16
	maxDoorID  = 63
	maxSite    = 63
	longestUse = 400 * 24 * time.Hour // a year and its delays: how long uses must be remembered
	longestNow = 5 * time.Minute      // of a live pass, or it would be none
)

// How far the clocks of issuer and gateway may be apart.
const (
	liveSkew    = 30 * time.Second
	printedSkew = 120 * time.Second
	// tooEarly is how far ahead a pass may begin to be believed by a gateway
	// that does not know the time.
	tooEarly = 24 * time.Hour
)

// Claims are what a pass says. Times are cut to seconds.
type Claims struct {
	Site    string // the id of the only site where it counts
	Subject []byte // whom the pass stands for: 8 to 16 bytes
	ID      []byte // of this pass alone: 8 to 16 random bytes
	From    time.Time
	Until   time.Time // the instant itself is outside
	Mode    Mode
	MaxUses uint16   // of Multi: 1 and more; of the others 0
	Doors   []string // the ids of the only doors where it counts; nil: all of the site
}

// wire is the claims set of a CWT (RFC 8392 §3.1). The numbers below -65536 are
// for private use there. A claim that is not listed refuses the pass: it may be
// a limit that we do not know of.
type wire struct {
	Issuer    string          `cbor:"1,keyasint,omitempty"`
	Subject   cbor.ByteString `cbor:"2,keyasint"`
	Audience  string          `cbor:"3,keyasint"`
	Expires   int64           `cbor:"4,keyasint"`
	NotBefore int64           `cbor:"5,keyasint"`
	IssuedAt  int64           `cbor:"6,keyasint,omitempty"`
	ID        cbor.ByteString `cbor:"7,keyasint"`
	Mode      uint8           `cbor:"-65537,keyasint"`
	MaxUses   uint16          `cbor:"-65538,keyasint,omitempty"`
	Doors     []string        `cbor:"-65539,keyasint,omitzero"`
}

// strictMode refuses everything that could be read in two ways, or at length:
// duplicate keys, lengths that are not said, tags, null and undefined, deep
// nesting, long lists. Trailing bytes are refused by Unmarshal itself.
func strictMode() (cbor.DecMode, error) {
	var simple []func(*cbor.SimpleValueRegistry) error
	for _, value := range []cbor.SimpleValue{20, 21, 22, 23} { // false, true, null, undefined
		simple = append(simple, cbor.WithRejectedSimpleValue(value))
	}
	values, err := cbor.NewSimpleValueRegistryFromDefaults(simple...)
	if err != nil {
		return nil, err
	}
	return cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: maxDoors, MaxMapPairs: 16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, SimpleValues: values,
		NaN: cbor.NaNDecodeForbidden, Inf: cbor.InfDecodeForbidden,
	}.DecMode()
}

// readClaims takes the claims out of the payload of a pass and checks their form.
func readClaims(strict cbor.DecMode, payload []byte) (Claims, error) {
	var w wire
	if err := strict.Unmarshal(payload, &w); err != nil {
		return Claims{}, err
	}
	c := Claims{
		Site: w.Audience, Subject: []byte(w.Subject), ID: []byte(w.ID), Mode: Mode(w.Mode), MaxUses: w.MaxUses, Doors: w.Doors,
	}
	var err error
	if c.From, err = numericDate(w.NotBefore); err != nil {
		return Claims{}, err
	}
	if c.Until, err = numericDate(w.Expires); err != nil {
		return Claims{}, err
	}
	return c, c.check()
}

// numericDate is a time in seconds (RFC 8392 §2), up to the year 9999.
func numericDate(seconds int64) (time.Time, error) {
	const year10000 = 253402300800
	if seconds <= 0 || seconds >= year10000 {
		return time.Time{}, fmt.Errorf("time %d: out of range", seconds)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// check says what is wrong with the form of claims.
func (c *Claims) check() error {
	lasts := c.Until.Sub(c.From)
	switch {
	case len(c.Subject) < minID || len(c.Subject) > maxID:
		return fmt.Errorf("subject: %d bytes, want %d to %d", len(c.Subject), minID, maxID)
	case len(c.ID) < minID || len(c.ID) > maxID:
		return fmt.Errorf("id: %d bytes, want %d to %d", len(c.ID), minID, maxID)
	case c.Site == "" || len(c.Site) > maxSite:
		return fmt.Errorf("site: %d bytes, want 1 to %d", len(c.Site), maxSite)
	case lasts <= 0:
		return fmt.Errorf("it ends %v before it begins", -lasts)
	case c.Mode == Live && lasts > longestNow:
		return fmt.Errorf("a live pass of %v, want at most %v", lasts, longestNow)
	case lasts > longestUse:
		return fmt.Errorf("it lasts %v, want at most %v", lasts, longestUse)
	case c.Mode < Single || c.Mode > Live:
		return fmt.Errorf("mode %d: want 1, 2 or 3", c.Mode)
	case (c.Mode == Multi) != (c.MaxUses > 0):
		return fmt.Errorf("%d uses of a %s pass: want 1 and more for multi, none for others", c.MaxUses, c.Mode)
	}
	return c.checkDoors()
}

func (c *Claims) checkDoors() error {
	if c.Doors != nil && (len(c.Doors) == 0 || len(c.Doors) > maxDoors) {
		return fmt.Errorf("%d doors, want 1 to %d or no list", len(c.Doors), maxDoors)
	}
	for _, id := range c.Doors {
		if id == "" || len(id) > maxDoorID {
			return fmt.Errorf("the id of a door has %d bytes, want 1 to %d", len(id), maxDoorID)
		}
	}
	return nil
}

// assurance is how hard a pass is to copy: what can be used again is a photo.
func (m Mode) assurance() access.Assurance {
	if m == Multi {
		return access.LowAssured
	}
	return access.MediumAssured
}

// skew is how far the clocks may be apart.
func (m Mode) skew() time.Duration {
	if m == Live {
		return liveSkew
	}
	return printedSkew
}

// uses is how many grants a pass may bring: a live one so many at each door.
func (c *Claims) uses() uint32 {
	if c.Mode == Multi {
		return uint32(c.MaxUses)
	}
	return 1
}

// when says whether the time is right, or why not. What has certainly ended is
// refused by any clock. What an untrusted clock cannot decide is refused, but
// not at a door that never refuses for its clock; there a pass that begins more
// than a day ahead is still none.
func (c *Claims) when(o Offer) access.Reason {
	trusted := o.Clock.Trusted()
	switch skew := c.Mode.skew(); {
	case !o.At.Before(c.Until.Add(skew)):
		return access.Expired
	case c.Mode == Live && o.Clock != access.ClockSynced, !trusted && !o.AnyClock:
		return access.Clock
	case trusted && o.At.Before(c.From.Add(-skew)), o.At.Before(c.From.Add(-tooEarly)):
		return access.NotYet
	}
	return access.Granted
}
