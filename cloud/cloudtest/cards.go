package cloudtest

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// The kinds of card that the tests use most (OpenAPI document, Card).
const (
	CardKisi    = "mifare_desfire"
	CardUID     = "third_party_hf"
	CardClassic = "third_party_hf_mifare_classic"
	CardQR      = "third_party_qr_code"
	CardBarcode = "third_party_barcode"
	CardH10301  = "third_party_lf_hid_h10301"
	CardLF      = "third_party_lf"
)

// numbered are the kinds that have a facility code and a number.
var numbered = map[string]bool{
	"third_party_lf_hid_corporate1000_35": true, CardH10301: true, "third_party_lf_hid_h10304": true,
	"third_party_lf_hid_h2004064": true, "third_party_lf_hid_d10202": true, "third_party_lf_em_410x_26": true,
}

var uidPattern = regexp.MustCompile(`^[0-9a-fA-F]{6,16}$`)

const maxOptical = 2000

// cardObject has no resource_type, unlike most objects.
func (k *Kisi) cardObject(c *card) object {
	ca := k.assigned[c.id]
	o := object{
		"id": c.id, "type": c.kind, "last_used_at": k.at(c.lastUsed), "created_at": k.at(c.created), "updated_at": k.at(c.updated),
		"assigned": ca != nil, "assigned_at": nil, "activated_at": nil, "deactivated_at": nil, "activated": false, "assigned_by_id": nil, "user_id": nil,
	}
	if ca != nil {
		o["assigned_at"], o["assigned_by_id"], o["activated"] = k.at(ca.created), nullID(ca.by), ca.activated
		o[map[bool]string{true: "activated_at", false: "deactivated_at"}[ca.activated]] = k.at(ca.changed)
		if ca.to.Type == typeUser {
			o["user_id"] = ca.to.ID
		}
	}
	switch {
	case c.kind == CardKisi:
		o["token"], o["uid"], o["color"], o["form_factor"], o["third_party"] = c.token, nullable(c.uid), "black", "card", false
	case c.kind == CardClassic:
		o["data_block_value"] = c.block
	case numbered[c.kind]:
		o["uid"], o["format_name"] = nullable(c.uid), strings.TrimPrefix(c.kind, "third_party_lf_")
		o["facility_code"], o["card_number"] = c.facility, c.number
	case c.kind == CardLF:
		o["uid"], o["two_factor_pin"], o["send_two_factor_pin_notification"] = c.uid, nil, false
	default:
		o["uid"] = c.uid
	}
	return o
}

func (k *Kisi) cardStatus(c *card) string {
	switch ca := k.assigned[c.id]; {
	case ca == nil:
		return "unassigned"
	case ca.activated:
		return "activated"
	default:
		return "deactivated"
	}
}

func (k *Kisi) listCards(c *call) reply {
	rows := filter(k.cards.rows, func(row *card) bool {
		ca := k.assigned[row.id]
		return c.ids(row.id) && c.same("status", k.cardStatus(row)) && c.same("token", row.token) && c.same("data_block_value", row.block) &&
			c.same("uid", row.uid) && c.is("facility_code", row.facility) && c.is("card_number", row.number) && c.is("card_id", row.id) &&
			c.flag("activated", ca != nil && ca.activated) && (!c.q.Has("user_id") || ca != nil && ca.to == ToUser(c.number("user_id")))
	})
	rows = order(c, rows, sorting[*card]{"last_used_at": byTime(func(row *card) time.Time { return row.lastUsed })})
	return page(c, pageOf10, rows, k.cardObject)
}

func (k *Kisi) getCard(c *call) reply {
	row, there := k.cards.get(c.id)
	return one(row, there, k.cardObject)
}

func (k *Kisi) postCard(c *call) reply {
	f, refused := c.form("card")
	if refused != nil {
		return *refused
	}
	row := &card{kind: f.required("type"), uid: f.text("uid"), token: f.text("token"), block: f.text("data_block_value"), length: f.integer("length")}
	row.facility, row.number = f.integer("facility_code"), f.integer("card_number")
	checkCard(f, row)
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	if k.enrolled(row) {
		return fail(http.StatusUnprocessableEntity, "cabbeb", "A card with the same identifiers is already enrolled.") // inferred status
	}
	return ok(k.cardObject(k.createCard(c.by.userID(), row)))
}

func checkCard(f *form, row *card) {
	switch {
	case row.kind == CardKisi:
		f.required("token")
	case row.kind == CardClassic:
		f.required("data_block_value")
	case numbered[row.kind]:
		if !f.has("facility_code") || !f.has("card_number") {
			f.wrong("card_number", "can't be blank")
		}
	case row.kind == CardQR || row.kind == CardBarcode:
		if row.uid == "" || len(row.uid) > maxOptical {
			f.wrong("uid", "is invalid")
		}
	case row.kind == CardUID || row.kind == CardLF:
		if !uidPattern.MatchString(row.uid) {
			f.wrong("uid", "is invalid")
		}
	default:
		f.wrong("type", "is not included in the list")
	}
}

func (k *Kisi) enrolled(row *card) bool {
	for _, other := range k.cards.rows {
		if other.kind != row.kind || other.token != row.token || other.block != row.block || other.facility != row.facility || other.number != row.number {
			continue
		}
		optical := row.kind == CardQR || row.kind == CardBarcode
		if other.uid == row.uid || !optical && strings.EqualFold(other.uid, row.uid) {
			return true
		}
	}
	return false
}

func (k *Kisi) createCard(actor int, row *card) *card {
	k.cards.add(row, k.now())
	k.noteBy(actor, "card.create", "Card", row.id, fmt.Sprintf("Card %d", row.id), 0)
	return row
}

func (k *Kisi) deleteCard(c *call) reply {
	row, there := k.cards.get(c.id)
	return gone(c, row, there, k.destroyCard)
}

func (k *Kisi) destroyCard(actor int, row *card) {
	if ca := k.assigned[row.id]; ca != nil {
		k.destroyCardAssignment(actor, ca)
	}
	k.cards.remove(row.id)
	k.noteBy(actor, "card.destroy", "Card", row.id, fmt.Sprintf("Card %d", row.id), 0)
}

func (k *Kisi) cardAssignmentObject(ca *cardAssignment) object {
	o := object{
		"id": ca.id, "resource_type": "CardAssignment", "created_at": k.at(ca.created), "updated_at": k.at(ca.updated), "status": "deactivated",
		"two_factor_pin": nullable(ca.pin), "send_two_factor_pin_notification": false, "assignee_type": ca.to.Type, "assignee_id": ca.to.ID,
		"card_id": ca.card, "created_by_type": typeUser, "created_by_id": nullID(ca.by), "guest_id": nil, "user_id": nil,
	}
	if ca.activated {
		o["status"] = "activated"
	}
	if ca.to.Type == typeGuest {
		o["guest_id"] = ca.to.ID
	} else {
		o["user_id"] = ca.to.ID
	}
	return o
}

func (k *Kisi) listCardAssignments(c *call) reply {
	rows := filter(k.cardAssignments.rows, func(ca *cardAssignment) bool {
		status := map[bool]string{true: "activated", false: "deactivated"}[ca.activated]
		return c.ids(ca.id) && c.same("assignee_type", ca.to.Type) && c.is("assignee_id", ca.to.ID) && c.same("status", status) && c.is("card_id", ca.card) &&
			(!c.q.Has("user_id") || ca.to == ToUser(c.number("user_id"))) && (!c.q.Has("guest_id") || ca.to == ToGuest(c.number("guest_id")))
	})
	return page(c, pageOf10, rows, k.cardAssignmentObject)
}

func (k *Kisi) getCardAssignment(c *call) reply {
	ca, there := k.cardAssignments.get(c.id)
	return one(ca, there, k.cardAssignmentObject)
}

func (k *Kisi) postCardAssignment(c *call) reply {
	f, refused := c.form("card_assignment")
	if refused != nil {
		return *refused
	}
	ca := &cardAssignment{card: f.integer("card_id"), to: Who{f.required("assignee_type"), f.integer("assignee_id")}}
	if _, there := k.cards.get(ca.card); !there {
		f.wrong("card", "must exist")
	} else if k.assigned[ca.card] != nil {
		f.wrong("card_id", "has already been taken")
	}
	if !k.exists(ca.to) || ca.to.Type == typeTeam {
		f.wrong("assignee", "must exist")
	}
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	return ok(k.cardAssignmentObject(k.createCardAssignment(c.by.userID(), ca)))
}

// createCardAssignment gives a card, not active unless it is said to be; a
// regular user is mailed to activate it.
func (k *Kisi) createCardAssignment(actor int, ca *cardAssignment) *cardAssignment {
	ca.by, ca.changed = actor, k.now()
	k.cardAssignments.add(ca, k.now())
	k.assigned[ca.card] = ca
	if u, there := k.users.get(ca.to.ID); there && ca.to.Type == typeUser && u.regular {
		k.mail(u.email, MailCard, ca.id)
	}
	k.noteBy(actor, "card.assign", "Card", ca.card, fmt.Sprintf("Card %d", ca.card), 0)
	return ca
}

func (k *Kisi) deleteCardAssignment(c *call) reply {
	ca, there := k.cardAssignments.get(c.id)
	return gone(c, ca, there, k.destroyCardAssignment)
}

func (k *Kisi) destroyCardAssignment(actor int, ca *cardAssignment) {
	k.cardAssignments.remove(ca.id)
	delete(k.assigned, ca.card)
	k.noteBy(actor, "card.deassign", "Card", ca.card, fmt.Sprintf("Card %d", ca.card), 0)
}

// activation is POST /card_assignments/{id}/activate|deactivate.
func (k *Kisi) activation(active bool) func(*call) reply {
	return func(c *call) reply {
		ca, there := k.cardAssignments.get(c.id)
		if !there {
			return notFound()
		}
		k.activate(c.by.userID(), ca, active)
		return done()
	}
}

func (k *Kisi) activate(actor int, ca *cardAssignment, active bool) {
	ca.activated, ca.changed, ca.updated = active, k.now(), k.now()
	kind := map[bool]string{true: "card.activate", false: "card.deactivate"}[active]
	k.noteBy(actor, kind, "Card", ca.card, fmt.Sprintf("Card %d", ca.card), 0)
}
