package osdp

import (
	"testing"
	"time"
)

// polls is a live reader on a bus of its own whose replies to polls are made
// without garbage, so that what is measured is the panel's.
type polls struct {
	bus     *Bus
	now     time.Time
	acks    [4][]byte // in clear, by number
	channel *channel  // the panel's, to answer with its own keys; nil: in clear
	buf     []byte
	mac     channel
}

func newPolls(t testing.TB, insecure bool) *polls {
	w := newWorld(t, 115200)
	reader := newPD(t, 1, testKey)
	if insecure {
		reader.scbk = nil
	}
	peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey)}, Insecure: insecure})
	w.run(time.Second)
	if peer.State() != Secure && peer.State() != Clear {
		t.Fatalf("got %v", peer.State())
	}
	p := &polls{bus: w.bus, now: w.now, buf: make([]byte, 0, 64)}
	for i := range p.acks {
		p.acks[i] = pdSeal([]byte{0x53, 0x81, 8, 0, byte(i) | 4, 0x40})
	}
	if !insecure {
		p.channel = peer.channel
		p.mac = *p.channel
	}
	return p
}

// once is one poll and its ACK.
func (p *polls) once(t testing.TB) {
	turn := p.bus.Next(p.now)
	for turn.Frame == nil {
		p.now = turn.Until
		turn = p.bus.Next(p.now)
	}
	p.now = p.now.Add(5 * time.Millisecond)
	if _, done := p.bus.Heard(p.now, p.answer(turn.Frame)); !done {
		t.Fatal("the ACK was not taken")
	}
}

func (p *polls) answer(command []byte) []byte {
	if p.channel == nil {
		return p.acks[command[5]&3]
	}
	f := Frame{Address: 1, Reply: true, Sequence: command[5] & 3, Block: blockReply, Code: codeACK}
	p.buf = f.appendHead(p.buf[:0], 0)
	p.mac.mac(&p.channel.command, p.buf)
	p.buf = append(p.buf, p.mac.sum[:macSize]...)
	return seal(p.buf, 0, false)
}

// The path of a poll makes no garbage: eight readers are asked 160 times a second
// for years.
func TestPollAllocatesNothing(t *testing.T) {
	for _, insecure := range []bool{true, false} {
		p := newPolls(t, insecure)
		if got := testing.AllocsPerRun(1000, func() { p.once(t) }); got != 0 {
			t.Errorf("insecure %t: got %v allocations, want 0", insecure, got)
		}
	}
}

// BenchmarkPoll is a poll and its ACK; in the channel, the reader's MAC is in the
// time as well.
func BenchmarkPoll(b *testing.B) {
	for name, insecure := range map[string]bool{"clear": true, "secure": false} {
		b.Run(name, func(b *testing.B) {
			p := newPolls(b, insecure)
			b.ReportAllocs()
			for b.Loop() {
				p.once(b)
			}
		})
	}
}

// BenchmarkHandshake is CHLNG to RMAC_I, the panel's half.
func BenchmarkHandshake(b *testing.B) {
	key, rndA, rndB := mustKey(b, testKey), unhex(b, "B0B1B2B3B4B5B6B7"), unhex(b, "A0A1A2A3A4A5A6A7")
	keys := pdDerive(testKey, rndA)
	client := [16]byte(keys.client(rndA, rndB))
	initial := [16]byte(keys.initial(keys.server(rndA, rndB)))
	b.ReportAllocs()
	for b.Loop() {
		c := newChannel(key, [8]byte(rndA))
		if _, ok := c.prove([8]byte(rndB), client); !ok || !c.agreed(initial) {
			b.Fatal("it failed")
		}
	}
}
