package hw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/osdp"
)

// osdpReaderOptions are the keys of the driver "osdp" of a reader.
type osdpReaderOptions struct {
	osdpOptions
	cardOptions
	Codes     bool             `toml:"codes"`     // the reader has a camera too, and sends codes as text
	Assurance access.Assurance `toml:"assurance"` // when the reader proves cards by keys of its own
	HoldOff   span             `toml:"hold_off"`
	Rate      int              `toml:"rate"` // different credentials a second; more is nobody's hand
	Signals   signalTable      `toml:"signals"`
}

type osdpReaderPlan struct {
	use       PortUse
	tie       osdpTie
	card      cardOptions
	codes     bool
	assurance access.Assurance
	holdOff   time.Duration
	rate      int
	shows     shows
}

var _ = registerReader("osdp", checkOSDPReader)

// checkOSDPReader checks the options of a reader on an OSDP line.
func checkOSDPReader(decode Decode) (ReaderPlan, error) {
	o := osdpReaderOptions{HoldOff: span(defaultHoldOff), Rate: defaultRate, Signals: usualSignals()}
	if err := decode(&o); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	use, tie, err := o.tie("")
	if err != nil {
		return nil, err
	}
	shows, err := o.Signals.shows()
	if err != nil {
		return nil, err
	}
	hold := time.Duration(o.HoldOff)
	if hold > time.Minute {
		return nil, fmt.Errorf("hold_off %s: use 0s to 1m", hold)
	}
	if o.Rate < 1 || o.Rate > mostRate {
		return nil, fmt.Errorf("rate %d: use 1 to %d", o.Rate, mostRate)
	}
	if tie.insecure && o.Assurance > access.LowAssured {
		return nil, errors.New("assurance: what a reader says in clear text, anybody on the wire can say; leave it away, or insecure")
	}
	return &osdpReaderPlan{
		use: use, tie: tie, card: o.cardOptions, codes: o.Codes, assurance: o.Assurance, holdOff: hold, rate: o.Rate, shows: shows,
	}, nil
}

// Port is the line, which other readers may share.
func (p *osdpReaderPlan) Port() PortUse { return p.use }

// Assures is what the settings say that the reader proves of cards.
func (p *osdpReaderPlan) Assures() access.Assurance { return max(p.assurance, access.LowAssured) }

// Caution tells of clear text.
func (p *osdpReaderPlan) Caution() string { return p.tie.caution() }

// Open makes the reader, which is spoken to from now on.
func (p *osdpReaderPlan) Open(lines *Lines, _ hclog.Logger) (Reader, error) {
	device, release, err := osdpSession(lines, p.use, p.tie)
	if err != nil {
		return nil, err
	}
	r := &osdpReader{
		plan: p, device: device, release: release, reads: make(chan Read, 16), closed: make(chan struct{}),
		hold: holdOff{wait: p.holdOff}, rate: rate.NewLimiter(rate.Limit(p.rate), p.rate), faults: rate.NewLimiter(1, 1),
	}
	device.bus.mu.Lock()
	device.reader = r
	device.bus.mu.Unlock()
	return r, nil
}

// osdpReader is a reader on a line. What the bus hears of it waits in reads.
type osdpReader struct {
	plan    *osdpReaderPlan
	device  *osdpDevice
	release func() error
	reads   chan Read
	closed  chan struct{} // closed by Close

	// Guarded by the bus.
	keys   keypad
	hold   holdOff
	rate   *rate.Limiter
	faults *rate.Limiter
	shut   bool
}

// Format shows the address and nothing else: a reader remembers cards and digits.
func (r osdpReader) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "osdp reader at %s, address %d", r.plan.use.Settings.Path, r.plan.tie.address)
}

// take makes reads of what the device said. The bus holds its mu.
func (r *osdpReader) take(event osdp.Event) {
	switch e := event.(type) {
	case osdp.CardRead:
		kind, value, err := r.plan.meaning(e.Card)
		r.offer(e.At, kind, value, err)
	case osdp.VendorSaid:
		if !r.plan.codes && r.plan.card.As != "qr" {
			r.drop(osdpDropVendor)
			return
		}
		kind, value, err := code(e.Vendor.Data.Bytes())
		r.offer(e.At, kind, value, err)
	case osdp.KeysPressed:
		for _, read := range r.keys.press(e.At, e.Keypad.Digits.Bytes()) {
			r.put(read)
		}
	case osdp.CharsRead: // only readers of before 2008 send these
		r.drop(osdpDropText)
	}
}

// mostRate of credentials a second; nobody needs more.
const mostRate = 100

// mostBits of a card; what is longer can only be a code.
const mostBits = 96

// meaning is what the bits of a card are, as the settings say.
func (p *osdpReaderPlan) meaning(card osdp.Card) (access.Kind, Value, error) {
	bits := card.Bits.Bytes()
	if p.codes && card.Count > mostBits {
		return code(bits)
	}
	how := p.card
	if card.Coding == osdp.CodingUID && how.As == "wiegand" {
		how = cardOptions{As: "uid"} // the reader says so itself
	}
	return how.value(bits, card.Count)
}

// code is the text of an optical code.
func code(text []byte) (access.Kind, Value, error) {
	how := decodeOptions{As: "qr", Min: shortestCode}
	return how.credential(text, "")
}

// offer hands on what was held to the reader, once while it stays there.
func (r *osdpReader) offer(at time.Time, kind access.Kind, value Value, err error) {
	seen := decoded{at: at, kind: kind, value: value, ok: err == nil}
	switch {
	case err != nil:
		r.drop(osdpDropDecode)
		if r.faults.AllowN(at, 1) {
			r.put(Read{At: at, Fault: access.Unreadable})
		}
	case r.hold.stays(seen):
		r.drop(osdpDropRepeat)
	case !r.rate.AllowN(at, 1):
		r.drop(osdpDropRate)
	default:
		r.keys.clear() // whoever pressed them has gone, or holds a card now
		r.hold.note(seen)
		r.put(Read{Kind: kind, Value: value, Assurance: r.plan.assurance, At: at})
	}
}

func (r *osdpReader) drop(word string) { r.device.drops[word]++ }

// put never waits: a door that does not take its reads has lost them.
func (r *osdpReader) put(read Read) {
	select {
	case r.reads <- read:
	default:
		r.drop(osdpDropFull)
	}
}

// Read is as the contract says.
func (r *osdpReader) Read(ctx context.Context) (Read, error) {
	select {
	case <-r.closed:
		return Read{}, os.ErrClosed
	default:
	}
	select {
	case read := <-r.reads:
		return read, nil
	case <-r.closed:
		return Read{}, os.ErrClosed
	case <-ctx.Done():
		return Read{}, ctx.Err()
	}
}

// Stats are those of the device.
func (r *osdpReader) Stats() Stats { return r.device.stats() }

// Pair gives the reader a key of its own.
func (r *osdpReader) Pair(ctx context.Context, say func(step string)) error {
	return r.device.pair(ctx, say)
}

// Move gives the reader another address, and its whole line another speed.
func (r *osdpReader) Move(ctx context.Context, address, baud int, say func(step string)) error {
	return r.device.move(ctx, address, baud, say)
}

// Close ends a waiting Read and gives the line back.
func (r *osdpReader) Close() error {
	mu := &r.device.bus.mu
	mu.Lock()
	if !r.shut {
		r.shut = true
		close(r.closed)
		r.device.reader = nil
	}
	mu.Unlock()
	return r.release()
}
