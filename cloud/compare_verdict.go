package cloud

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/daemon/access"
)

// verdict is what Kisi decided, in our words.
type verdict struct {
	opened  bool
	code    string
	words   string
	reasons []access.Reason // of a refusal: any of them fits
}

// What one of Kisi's codes may be called here. A right that has ended may be gone
// from Kisi by the time that it is mirrored, and a stranger has no right.
var (
	noRight = []access.Reason{access.NoGrant, access.Expired, access.Cancelled, access.Unknown}
	ended   = []access.Reason{access.Expired, access.Cancelled, access.NoGrant}
	hours   = []access.Reason{access.OutsideHours, access.DoorHours}
	remote  = []access.Reason{access.RemoteNotAllowed}
)

// The codes of what a setting, app_restrictions, can leave to Kisi's app.
const noApp, otherPhone = "f01337", "34bd8f"

// decided are the codes by which Kisi refuses a person (OpenAPI document, errors).
var decided = map[string][]access.Reason{
	"afc496": noRight, "fcd8ef": noRight,
	"fcd8ff": {access.Suspended},
	"faa9ff": {access.NotActivated},
	"faa9ef": {access.Unknown},
	"fad001": {access.LockedDown}, "fad002": {access.LockedDown},
	"34ffaa": hours,
	"f358de": {access.NotYet},
	"f35ade": ended,
	"f398de": append([]access.Reason{access.NotYet}, ended...),
	// What only a phone at the door can fulfil.
	"bbc93f": remote, "a3995f": remote, "bb4faa": remote, "bbb99f": remote,
	// What only some phones can fulfil, none of them from here.
	noApp: remote, otherPhone: remote,
}

// elsewhere are the codes that say nothing of anybody's right.
var elsewhere = map[string][]string{
	"the door or its hardware was not ready, which is no decision": {
		"fac001", "fac002", "fac003", "fac004", "fbc000", "fad10e", "fad105", "ff420a", "fad108", "fad106", "fad107", "fad10f", "fad112", "ecc123", "ffffff", "bbb93f",
	},
	"the door stood open by a schedule already":                            {"fad110", "fad124"},
	"an alarm system, an elevator or a partner of Kisi's stood in the way": {"fad123", "fad137", "fad144", "fad146", "aaa345", "fad126", "fad129", "adf234", "fad121", "fad122", "fad334", "abbb11", "abcc11", "abdd11", "abee11", "abfe11", "abff11"},
	"the phone lacked something":                                           {"bb4fff", "bb5bff", "bb4bff", "a7793f", "a3799f", "a3793f", "facced"},
	"an access link could not be used, and links are not mirrored":         {"f298cf", "f298df", "f29aef", "f298bf"},
}

// verdictOf is what Kisi decided, or why it decided nothing that we could.
func verdictOf(e *kisi.Event) (v verdict, skip string) {
	switch {
	case e.CreatedAt.IsZero():
		return v, "it has no time"
	case e.ObjectType != "Lock":
		return v, "it is not about a door"
	case e.ActorType == "GroupLink":
		return v, "an access link opened, and links are not mirrored"
	case e.ActorType != kisi.AssigneeUser && e.ActorType != kisi.AssigneeGuest || e.ActorID == 0:
		return v, "nobody is named"
	case e.Success:
		return verdict{opened: true, words: "opened"}, ""
	}
	for why, codes := range elsewhere {
		if slices.Contains(codes, e.ErrorCode) {
			return v, why
		}
	}
	reasons, known := decided[e.ErrorCode]
	if !known {
		const longest = 40
		return v, fmt.Sprintf("Kisi refused with a code that is not known: %.*s", longest, cmp.Or(e.ErrorCode, "none"))
	}
	return verdict{code: e.ErrorCode, words: kisi.Words(e.ErrorCode), reasons: reasons}, ""
}

// fits says whether the decision is Kisi's too. Kisi tells one reason and we have
// them all, so one in common is enough.
func (v *verdict) fits(d *access.Decision) bool {
	if v.opened != d.Granted() {
		return false
	}
	return v.opened || slices.ContainsFunc(d.Misses(), func(m access.Miss) bool { return slices.Contains(v.reasons, m.Reason) })
}

// bindsPhones says whether Kisi refused because of the phone, or of its app.
func (v *verdict) bindsPhones() bool { return v.code == noApp || v.code == otherPhone }
