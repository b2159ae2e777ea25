package hwtest

import (
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// osdpOffline is the silence after which a reader takes its panel for gone: it
// drops the session, the last reply and what was not reported (§5.7).
const osdpOffline = 8 * time.Second

// OSDPIdentity is who a simulated reader says it is: PDID, and the cUID of the
// secure channel.
type OSDPIdentity struct {
	Vendor   [3]byte // the IEEE number, as sent
	Model    byte
	Version  byte
	Serial   uint32
	Firmware [3]byte // major, minor, build
	Client   [8]byte // cUID
}

// OSDPCapability is one line of PDCAP.
type OSDPCapability struct{ Function, Level, Count byte }

// OSDPReader simulates a reader (PD) of OSDP v2.2 with secure channel. It was
// written from public descriptions of the protocol, not from any panel. It is put
// on an OSDPLine. Fields are set before the line runs; any goroutine may call the
// methods.
type OSDPReader struct {
	// Address is 0 to 7E. COMSET changes it.
	Address byte
	// Baud is its speed, 9600 from the factory. On a line that knows how fast
	// the panel speaks, the reader hears only what comes at this speed; it also
	// paces a line that is paced. COMSET changes it.
	Baud int
	// Identity is who it is; Capabilities what it says it can do.
	Identity     OSDPIdentity
	Capabilities []OSDPCapability
	// Key is its own key (SCBK), of 16 bytes. Without one it is in install
	// mode: it takes the default key and speaks in clear, until KEYSET.
	Key []byte
	// InstallForEver leaves the default key valid after KEYSET.
	InstallForEver bool
	// Lax lets a reader that has a key speak in clear as well.
	Lax bool
	// NoAES is a reader without a secure channel.
	NoAES bool
	// Forgetful readers do not keep their last reply, as libosdp up to v3.2.6:
	// a command that is repeated in clear is done again, and one that is
	// repeated in a session ends it. What was lost with the reply is gone.
	Forgetful bool
	// AcksAnything has OUT, LED and BUZ acknowledged though it cannot do them.
	AcksAnything bool
	// OutAnswersState has OUT answered with OSTATR.
	OutAnswersState bool
	// ReportsOutputs has an OSTATR sent unasked when an output moves.
	ReportsOutputs bool
	// RestartsBy04 has a reader that lost its session say NAK 04 with number 0
	// instead of NAK 06.
	RestartsBy04 bool
	// Status is the security status in RMAC_I: 1, or 0 after the IEC's text.
	Status byte
	// Think is how long it takes to answer.
	Think time.Duration
	// Marks is how many mark bytes come before a reply.
	Marks int
	// Random makes RND.B; crypto/rand.
	Random io.Reader
	// Maker answers the maker's own command (MFG) with the data of MFGREP; nil
	// is NAK 03, an empty answer is ACK.
	Maker func(data []byte) []byte

	mu       sync.Mutex // guards all below, and Address, Baud and Key while it runs
	number   int        // of the last command; -1: none since the start
	cached   osdpExchange
	session  *osdpSession
	heardAt  time.Time
	events   []osdpEvent
	status   osdpStatus
	outputs  []*osdpOutput
	panel    osdpFace
	takes    uint16 // what the panel can receive (ACURXSIZE); 0: not said
	mishaps  []*OSDPMishap
	chance   *osdpChance
	drawn    *OSDPMishap
	injected map[OSDPFault]int
	seen     OSDPSeen
	taps     []*OSDPTap
}

// osdpExchange is the last command and what was answered.
type osdpExchange struct {
	command []byte
	reply   []byte
	tap     *OSDPTap
}

// osdpStatus is what LSTAT, ISTAT and RSTAT ask for.
type osdpStatus struct {
	tamper, power bool
	inputs        []byte
	reader        byte
}

// NewOSDPReader makes a reader with two inputs and two outputs, in install mode.
func NewOSDPReader(address byte) *OSDPReader {
	r := &OSDPReader{
		Address: address, Baud: 9600, Status: 1, Marks: 1, Random: rand.Reader, number: -1,
		Identity: OSDPIdentity{
			Vendor: [3]byte{0x0A, 0x51, 0x3D}, Model: 1, Version: 1, Serial: 0x51300000 + uint32(address),
			Firmware: [3]byte{1, 2, 3}, Client: [8]byte{0x0A, 0x51, 0x3D, 0, 0, 0, 0, address},
		},
		Capabilities: []OSDPCapability{
			{1, 1, 2},
			{2, 4, 2},
			{3, 1, 0},
			{4, 4, 1},
			{5, 2, 1},
			{6, 1, 1},
			{8, 1, 0},
			{9, 1, 1},
			{10, 0, 2},
			{11, 0, 2},
			{13, 0, 1},
			{16, 2, 0},
		},
		status:   osdpStatus{inputs: make([]byte, 2)},
		injected: map[OSDPFault]int{}, seen: OSDPSeen{Commands: map[byte]int{}},
	}
	for _, relay := range newRelays(2) {
		r.outputs = append(r.outputs, &osdpOutput{relay: relay})
	}
	return r
}

// Contacts gives the reader other numbers of inputs and outputs. Call it before
// the line runs; it changes Capabilities too.
func (r *OSDPReader) Contacts(inputs, outputs int) {
	r.status.inputs, r.outputs = make([]byte, inputs), nil
	for _, relay := range newRelays(outputs) {
		r.outputs = append(r.outputs, &osdpOutput{relay: relay})
	}
	for i := range r.Capabilities {
		switch c := &r.Capabilities[i]; c.Function {
		case 1:
			c.Count = byte(inputs)
		case 2:
			c.Count = byte(outputs)
		}
	}
}

// OSDPSeen is what a reader has seen and done. Counters only rise.
type OSDPSeen struct {
	Commands       map[byte]int // by code; one that is repeated counts again
	InClear        int          // commands in clear that came in a session
	Unsealed       int          // commands with data in clear under a MAC
	Repeats        int          // the same bytes with the same number
	Renumbered     int          // another command with the number of the last
	SequenceErrors int          // NAK 04
	BadChecks      int          // NAK 01
	BadMACs        int          // of commands
	Challenges     int          // CHLNG with the default key or its own
	DefaultKey     int          // CHLNG with the default key
	Sessions       int          // that were opened
	Refused        int          // sessions the panel or the reader broke off: a wrong server cryptogram
	KeysSet        int          // KEYSET
	OtherSpeed     int          // frames for it that came at another speed
	LostTaps       int          // taps that were lost with the reply, or as it lost power or its panel
	Restarts       int          // number 0
}

// Seen is what it has seen until now.
func (r *OSDPReader) Seen() OSDPSeen {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.seen
	out.Commands = maps.Clone(r.seen.Commands)
	return out
}

// Secure says whether a session is open.
func (r *OSDPReader) Secure() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(time.Now())
	return r.session != nil && r.session.up
}

// Online says whether a command came in the last eight seconds.
func (r *OSDPReader) Online() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(time.Now())
	return r.number >= 0
}

// HasKey says whether its own key is this one.
func (r *OSDPReader) HasKey(key []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Key != nil && slices.Equal(r.Key, key)
}

// Paired says whether it has a key of its own.
func (r *OSDPReader) Paired() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Key != nil
}

// Set is where it is now: COMSET may have changed both.
func (r *OSDPReader) Set() (address byte, baud int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Address, r.Baud
}

// PanelTakes is what the panel said it can receive, in bytes; 0: nothing.
func (r *OSDPReader) PanelTakes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.takes)
}

// PowerCycle takes its power away for a moment: the session, the numbers, what
// was not reported, lamps, text and outputs are gone; key, address and speed
// stay.
func (r *OSDPReader) PowerCycle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.powerCycle()
}

func (r *OSDPReader) powerCycle() {
	r.forget()
	r.events, r.takes, r.panel = nil, 0, osdpFace{lights: r.panel.lights, beeps: r.panel.beeps}
	for _, o := range r.outputs {
		o.reset()
	}
}

// Reset brings it back to install mode, as the button inside does: it has no key
// of its own any more. Address and speed stay.
func (r *OSDPReader) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.powerCycle()
	r.Key = nil
}

// Swap puts another reader in its place, from the factory: in install mode, at
// the same address and speed.
func (r *OSDPReader) Swap(identity OSDPIdentity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.powerCycle()
	r.Key, r.Identity = nil, identity
}

// SetKey gives it another key, as somebody else's panel would. Without one it is
// in install mode.
func (r *OSDPReader) SetKey(key []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	r.Key = slices.Clone(key)
}

// forget is what a reader does that lost its panel: only status that it has not
// reported is kept.
func (r *OSDPReader) forget() {
	r.number, r.session = -1, nil
	r.drop()
	r.events = slices.DeleteFunc(r.events, func(e osdpEvent) bool {
		if e.tap != nil {
			r.lose(e.tap)
		}
		return e.tap != nil
	})
}

// expire forgets after eight seconds without a command.
func (r *OSDPReader) expire(now time.Time) {
	if r.number >= 0 && now.Sub(r.heardAt) > osdpOffline {
		r.forget()
	}
}
