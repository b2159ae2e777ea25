package osdp

// Refusal is why something that a reader sent, or failed to send, was not
// believed: one word of a closed set, to be counted.
type Refusal uint8

// The refusals.
const (
	RefusedNoise       Refusal = iota + 1 // bytes that belong to no message
	RefusedCheck                          // CRC or checksum wrong
	RefusedLength                         // too short, too long, or not as long as its code demands
	RefusedTruncated                      // ended in the middle
	RefusedBlock                          // a security block of no type known to OSDP 2.2, such as those of SC2
	RefusedAddress                        // a reply from an address that was not asked
	RefusedSecondPanel                    // a command that we did not send: somebody else speaks as a panel
	RefusedSequence                       // a reply to another command
	RefusedDuplicate                      // the last reply once more
	RefusedUnexpected                     // a reply that does not answer the command
	RefusedUnknown                        // a reply with a code that is not known
	RefusedTimeout                        // no reply
	RefusedBusy                           // the reader asked for patience
	RefusedRestart                        // the reader lost count and wants to begin anew
	RefusedClear                          // said in clear what may only be said in the secure channel
	RefusedMAC                            // the MAC is wrong
	RefusedPadding                        // decrypted to nonsense
	RefusedKey                            // the reader has another key than we
	RefusedDefaultKey                     // the reader offered the key that all the world knows
	RefusedSwapped                        // another reader than the one that was paired
	RefusedSession                        // the secure channel was lost and made anew
	RefusedNoKey                          // never paired: not believed
	RefusedBacklog                        // a card or a key from before the reader was believed
	RefusedOverflow                       // more was said than was fetched
	RefusedNAK0                           // the reader refused: see NAK
	RefusedNAK1
	RefusedNAK2
	RefusedNAK3
	RefusedNAK4
	RefusedNAK5
	RefusedNAK6
	RefusedNAK7
	RefusedNAK8
	RefusedNAK9
	RefusedNAKOther

	refusalCount
)

var refusalWords = [refusalCount]string{
	"", "noise", "crc", "length", "truncated", "block", "wrong_address", "second_panel", "sequence", "duplicate",
	"unexpected_reply", "unknown_reply", "timeout", "busy", "restart", "clear_in_session", "mac", "padding", "wrong_key",
	"default_key", "swapped", "session_lost", "unpaired", "backlog", "overflow",
	"nak_0", "nak_1", "nak_2", "nak_3", "nak_4", "nak_5", "nak_6", "nak_7", "nak_8", "nak_9", "nak_other",
}

// String is the word: lower case, fit for the label of a metric.
func (r Refusal) String() string {
	if r >= refusalCount {
		return ""
	}
	return refusalWords[r]
}

// Error is the word as an error.
func (r Refusal) Error() string { return "osdp: refused: " + r.String() }

// Refusals lists all words, so that each can be counted from zero.
func Refusals() []string { return append([]string(nil), refusalWords[1:]...) }

// NAK is a reader's refusal of a command (osdp_NAK). It is an error.
type NAK byte

// The refusals of readers.
const (
	NAKNone       NAK = 0x00
	NAKCheck      NAK = 0x01
	NAKLength     NAK = 0x02
	NAKUnknown    NAK = 0x03
	NAKSequence   NAK = 0x04
	NAKBlock      NAK = 0x05
	NAKConditions NAK = 0x06
	NAKBioType    NAK = 0x07
	NAKBioFormat  NAK = 0x08
	NAKRecord     NAK = 0x09
)

var nakWords = [...]string{
	"the reader refused and gave no reason", "the reader heard a garbled command", "the reader finds the command too long or too short",
	"the reader does not know this command", "the reader lost count of the commands", "the reader does not speak the secure channel this way",
	"the reader answers only in the secure channel", "the reader has no such biometric type", "the reader has no such biometric format",
	"the reader cannot do what the command asks",
}

// Error is the refusal in words.
func (n NAK) Error() string {
	if int(n) >= len(nakWords) {
		return "the reader refused for a reason of its own"
	}
	return nakWords[n]
}

func (n NAK) refusal() Refusal {
	if n > NAKRecord {
		return RefusedNAKOther
	}
	return RefusedNAK0 + Refusal(n)
}
