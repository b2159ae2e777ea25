//go:build !race

package osdp

import "testing"

// F-32: every 1- and 2-bit flip of every golden message. With a CRC nothing is
// accepted. With a checksum, this is what holds, and no more:
//
//   - one wrong bit is always found;
//   - two wrong bits are missed if they have the same place in two bytes and
//     one rose where the other fell, or if both are the highest of their byte;
//   - if a bit of the length is wrong, the sum is made over other bytes, and is
//     right once in 256.
//
// That is why checksums are for the bench; but in the channel the MAC finds all.
func TestNoFlippedBitsAreAccepted(t *testing.T) {
	s := new(Scanner)
	missed, byLength, inChannel, flips := 0, 0, 0, 0
	for _, g := range goldens(t) {
		in := make([]byte, len(g.message))
		bits := 8 * len(in)
		for i := range bits {
			for j := i; j < bits; j++ { // i == j is a single flip
				copy(in, g.message)
				in[i/8] ^= 1 << (i % 8)
				if j != i {
					in[j/8] ^= 1 << (j % 8)
				}
				flips++
				sum, length := missable(g.message, i, j), touches(i, j, 16, 32)
				replies := accepted(s, g, in)
				if g.message[4]&crcBit == 0 && g.message[1]&replyBit != 0 && sum && i >= 48 && len(replies) != 1 && g.panel == nil {
					t.Fatalf("%s: flip %d, %d was found, which a checksum cannot", g.name, i, j)
				}
				for _, f := range replies {
					switch {
					case g.panel != nil:
						inChannel++
						if refusal := g.panel().unwrap(&f); refusal == 0 {
							t.Fatalf("%s: flip %d, %d: % X passed the MAC", g.name, i, j, in)
						}
					case g.message[4]&crcBit != 0 || !sum && !length:
						t.Fatalf("%s: flip %d, %d: % X was accepted", g.name, i, j, in)
					case sum:
						missed++
					default:
						byLength++
					}
				}
			}
		}
	}
	t.Logf("%d flips; the checksum missed %d, %d of the length, and %d that the MAC found", flips, missed, byLength, inChannel)
	if missed == 0 || inChannel == 0 {
		t.Error("no checksum missed anything: the pass is not what it says")
	}
}

// missable says whether a sum cannot tell two flips.
func missable(message []byte, i, j int) bool {
	if i == j || i%8 != j%8 {
		return false
	}
	return i%8 == 7 || message[i/8]>>(i%8)&1 != message[j/8]>>(j%8)&1
}

func touches(i, j, from, to int) bool { return i >= from && i < to || j >= from && j < to }

// Flips by somebody who makes the CRC anew: the MAC finds every one, on the
// header, the block, the code, the data and itself.
func TestNoFlippedBitsPassTheMAC(t *testing.T) {
	flips := 0
	for _, g := range goldens(t) {
		if g.panel == nil || g.message[4]&crcBit == 0 {
			continue
		}
		c := g.panel()
		in := make([]byte, len(g.message))
		for i := range 8 * (len(in) - 2) {
			for j := i; j < 8*(len(in)-2); j++ {
				copy(in, g.message)
				in[i/8] ^= 1 << (i % 8)
				if j != i {
					in[j/8] ^= 1 << (j % 8)
				}
				f, err := Parse(pdSeal(in[:len(in)-2]))
				if err != nil {
					continue
				}
				flips++
				fresh := *c
				if refusal := fresh.unwrap(&f); refusal == 0 {
					t.Fatalf("%s: flip %d, %d: % X passed", g.name, i, j, in)
				}
			}
		}
	}
	t.Logf("%d flips with a right CRC", flips)
}
