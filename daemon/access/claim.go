package access

import "time"

// Claim is what a proof uses up, so that it cannot be shown again: the counter
// of a tag, or one of the uses of a pass. It is kept beside the event that used
// it, in the same transaction. The zero value claims nothing.
type Claim struct {
	// Key is whose counter or uses these are. It is a keyed or random hash that
	// says nothing of a card, and no Credential's digest.
	Key Digest
	// Counter is the tag's own where Uses is 0: it must rise from claim to claim.
	// Otherwise it is how many uses there were with this one, filled in by who
	// reserved it.
	Counter uint64
	// Uses is how many grants there may be; 0: Counter is the tag's own.
	Uses uint32
	// Expires is when the proof ends by itself: later nobody needs to remember
	// it. Zero: never.
	Expires time.Time
}

// Present says whether there is anything to use up.
func (c Claim) Present() bool { return c.Key != Digest{} }

// UsedByGrant says whether only a grant uses it up. The counter of a tag has
// moved on whatever was decided.
func (c Claim) UsedByGrant() bool { return c.Uses > 0 }

// Refuse turns a grant into a refusal for what the decision did not know of:
// NotRecorded, or PINWrong of a card that waited in vain. The grant that would
// have opened is named as the nearest miss. A refusal stays as it is.
func (d *Decision) Refuse(reason Reason) {
	if !d.Granted() || reason == Granted {
		return
	}
	d.miss(Miss{Reason: reason, grant: d.grant})
	d.Reason, d.grant, d.warns = reason, -1, false
}
