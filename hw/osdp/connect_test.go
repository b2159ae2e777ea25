package osdp

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Whatever happens to any exchange of a connect, the reader is there soon after.
func TestConnectHealsWhereverItIsDisturbed(t *testing.T) {
	faults := map[string]func(r *pd, reply []byte) []byte{
		"lost":        func(*pd, []byte) []byte { return nil },
		"cut":         func(_ *pd, reply []byte) []byte { return reply[:len(reply)/2] },
		"twice":       func(_ *pd, reply []byte) []byte { return append(slices.Clip(reply), reply...) },
		"power cycle": func(r *pd, _ []byte) []byte { r.powerCycle(); return nil },
		"number 0":    func(r *pd, _ []byte) []byte { r.powerCycle(); return r.plain(0, 0x40) },
		"busy":        func(r *pd, _ []byte) []byte { return r.plain(0, 0x79) },
		"garbled":     func(_ *pd, reply []byte) []byte { reply[len(reply)-1] ^= 0x55; return reply },
	}
	for nak := range byte(11) {
		faults[fmt.Sprintf("NAK %d", nak)] = func(r *pd, _ []byte) []byte {
			r.powerCycle() // the reader did what it was told, and says otherwise: it must begin anew
			return r.plain(r.heard[len(r.heard)-1][4]&3, 0x41, nak)
		}
	}
	for name, fault := range faults {
		for at := range 10 {
			for _, insecure := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s at %d insecure %t", name, at, insecure), func(t *testing.T) {
					w := newWorld(t, 9600)
					reader := newPD(t, 1, testKey)
					if insecure {
						reader.scbk = nil
					}
					peer := w.add(reader, Settings{Keys: Keys{Current: mustKey(t, testKey)}, Insecure: insecure})
					count := -1
					reader.fault = func(_ byte, reply []byte) []byte {
						if count++; count == at && reply != nil {
							return fault(reader, reply)
						}
						return reply
					}
					w.run(7 * time.Second)
					reader.events = [][]byte{card}
					w.run(time.Second)
					w.wantCards(peer, 1)
				})
			}
		}
	}
}

func TestNewestBeepAndTextWin(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	var tickets []Ticket
	for i := range byte(3) {
		tickets = append(tickets, w.queue(peer, BUZ(Beep{On: time.Second, Count: i + 1})), w.queue(peer, TEXT(Text{Line: "ABC"[i : i+1]})))
	}
	other := w.queue(peer, TEXT(Text{Row: 2, Line: "D"}))
	maker := w.queue(peer, MFG([3]byte{1, 2, 3}, []byte("x")))
	w.run(time.Second)
	for i, ticket := range tickets {
		want := error(ErrSuperseded)
		if i >= 4 {
			want = nil
		}
		w.wantSettled(peer, ticket, want)
	}
	w.wantSettled(peer, other, nil)
	w.wantSettled(peer, maker, nil)
	if reader.count(codeBUZ) != 1 || reader.count(codeTEXT) != 2 {
		t.Errorf("got % X", reader.did())
	}
}

// A command of the maker's own may do anything: it is not said twice to a reader
// that may have begun anew in between.
func TestMakersCommandIsNotRepeatedAfterTheChannelWasLost(t *testing.T) {
	w := newWorld(t, 9600)
	reader, peer := w.secure(1)
	w.run(time.Second)
	reader.fault = func(command byte, reply []byte) []byte {
		if command == codeMFG {
			reader.session = nil
			return reader.plain(0, 0x41, 4)
		}
		return reply
	}
	ticket := w.queue(peer, MFG([3]byte{1, 2, 3}, nil))
	w.run(2 * time.Second)
	w.wantSettled(peer, ticket, ErrInDoubt)
	if n := reader.count(codeMFG); n != 1 {
		t.Errorf("it was done %d times", n)
	}
}

func TestDecodersRefuseWhatIsTooShortOrTooLong(t *testing.T) {
	for _, code := range []byte{codePDID, codePDCAP, codeLSTATR, codeNAK, codeRAW, codeKEYPAD, codeFMT, codeMFGREP, codeCOM} {
		for _, r := range tableReplies() {
			if r[0] != code {
				continue
			}
			if _, err := decodeForTest(Frame{Code: code, Data: r[1:]}); err != nil {
				t.Errorf("% X: %v", r, err)
			}
			shorter := r[1 : len(r)-1]
			if code == codeMFGREP && len(shorter) >= 3 {
				continue // its length is nobody's business
			}
			if _, err := decodeForTest(Frame{Code: code, Data: shorter}); !errors.Is(err, RefusedLength) {
				t.Errorf("% X without its last byte: got %v, want %v", r, err, RefusedLength)
			}
			if code == codeMFGREP || code == codeNAK {
				continue
			}
			if _, err := decodeForTest(Frame{Code: code, Data: append(r[1:len(r):len(r)], 0)}); !errors.Is(err, RefusedLength) {
				t.Errorf("% X and one byte more: got %v, want %v", r, err, RefusedLength)
			}
		}
	}
	if _, err := DecodeRAW([]byte{0, 0, 0, 0}); err == nil {
		t.Error("a card of no bits was taken")
	}
	card, err := DecodeRAW([]byte{0, 0, 4, 0, 0xFF})
	if err != nil || card.Bits.Bytes()[0] != 0xF0 {
		t.Errorf("got %X, %v: bits that are not meant must be zero", card.Bits.Bytes(), err)
	}
}
