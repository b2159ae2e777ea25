package pass

import (
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw/pkoc"
)

// verifyPKOC verifies that whoever holds the key signed a challenge. That the
// challenge was ours and new is the reader's part: it made it for this reading,
// so there is nothing to use up.
func verifyPKOC(o Offer) Result {
	if pkoc.VerifyProof(o.Value, o.Proof) != nil {
		return refused(access.PKOC)
	}
	return Result{Kind: access.PKOC, Value: o.Value, Assurance: access.HighAssured}
}
