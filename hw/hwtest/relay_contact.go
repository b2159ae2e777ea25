package hwtest

// Sticking is how a relay's contact disobeys its coil.
type Sticking uint8

// The ways to stick. The board reads its coils back and notices none of them;
// Relay.Weld is for a board that does notice.
const (
	Free        Sticking = iota // the contact follows the coil
	StuckClosed                 // welded: what it switches stays on
	StuckOpen                   // burnt: what it switches stays off
)

// Powered is a simulated device whose supply can be cut.
type Powered interface {
	// PowerOff makes the device silent, at once; what it had in its memory
	// is lost.
	PowerOff()
	// PowerOn starts it anew. It does nothing to a device that has power.
	PowerOn()
}

// Stick makes the contact stay as said whatever the coil does; Free lets it
// follow again.
func (r *Relay) Stick(how Sticking) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sticking = how
	r.settle()
}

// Closed says how the contact between COM and NO stands: what the door feels.
func (r *Relay) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// WatchContact has f told how the contact between COM and NO stands, now and
// after each movement, in order. f must not ask the relay anything.
func (r *Relay) WatchContact(f func(closed bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.contacts = append(r.contacts, f)
	f(r.closed)
}

// FeedThroughNC runs a device's supply over the contact that is closed at rest:
// a pulse of the relay cuts the power for as long as it lasts.
func (r *Relay) FeedThroughNC(device Powered) { r.feed(device, false) }

// FeedThroughNO runs a device's supply over the contact that is open at rest.
func (r *Relay) FeedThroughNO(device Powered) { r.feed(device, true) }

func (r *Relay) feed(device Powered, whenClosed bool) {
	r.WatchContact(func(closed bool) {
		if closed == whenClosed {
			device.PowerOn()
		} else {
			device.PowerOff()
		}
	})
}

// settle moves the contact to where coil and luck put it.
func (r *Relay) settle() {
	closed := r.energised
	switch r.sticking {
	case StuckClosed:
		closed = true
	case StuckOpen:
		closed = false
	}
	if closed == r.closed {
		return
	}
	r.closed = closed
	for _, f := range r.contacts {
		f(closed)
	}
}
