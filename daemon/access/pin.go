package access

import (
	"cmp"
	"slices"
)

// How many digits a PIN has. Beside a card four do; alone they must say who it is
// as well.
const (
	MinPIN     = 4
	MinLonePIN = 6
	MaxPIN     = 12
)

// guessRatio is how many guesses there must be for each PIN in use, where a door
// of high security opens for digits alone.
const guessRatio = 100_000

// pin is a PIN of a holder. Unlike a card, many people may have the same one:
// beside a card it says that it is the right person, not who.
type pin struct {
	holder uint32
	digest Digest
}

func comparePINs(a, b pin) int {
	return cmp.Or(cmp.Compare(a.holder, b.holder), slices.Compare(a.digest[:], b.digest[:]))
}

// PINBelongs says whether the digits are a PIN of whoever has the credential. It
// is false for a credential that nobody or more than one person has.
func (s *Snapshot) PINBelongs(c Credential, digits Digest) bool {
	a := s.known(c)
	return a != nil && s.hasPIN(a.holder, digits)
}

// Knows says whether exactly one holder has the credential, active or not.
func (s *Snapshot) Knows(c Credential) bool { return s.known(c) != nil }

// PINs counts the PINs in use: the more there are, the easier one is guessed
// where no card is asked for.
func (s *Snapshot) PINs() int { return s.pinCount }

// PINAlone says whether so many digits are enough to open the door without a
// card: six, and at a door of high security as many as it takes for a guess to
// hit one of the PINs in use at most once in 100,000 times.
func (s *Snapshot) PINAlone(door string, digits int) bool {
	if digits < MinLonePIN || digits > MaxPIN {
		return false
	}
	if !s.PolicyOf(door).HighSecurity {
		return true
	}
	codes := int64(1)
	for range digits {
		codes *= 10
	}
	return codes >= guessRatio*int64(max(s.pinCount, 1))
}

// PolicyOf is what our own settings say of a door; the zero value where they say
// nothing.
func (s *Snapshot) PolicyOf(door string) Policy {
	if at, ok := s.doorIndex[door]; ok {
		return s.doors[at].policy
	}
	return Policy{}
}
