package cloudtest

import (
	"encoding/json"
	"fmt"
)

// Tap is the card of a user held to a reader of Kisi's own: it unlocks or refuses
// by the rights of now and leaves its event. It gives the code of the refusal, or
// "". Groups that bind phones bind it too, so it is for worlds without them.
func (k *Kisi) Tap(card, lock int) (code string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, lock)
	var given *cardAssignment
	for _, row := range k.cardAssignments.rows {
		if row.card == card && row.to.Type == typeUser {
			given = row
		}
	}
	if given == nil {
		panic("cloudtest: the card is no user's")
	}
	e := event{
		kind: "lock.unlock", actorType: given.to.Type, actor: given.to.ID, by: "Card", byID: card,
		objectType: typeLock, object: l.id, name: l.name, place: l.place,
	}
	where, _ := k.places.get(l.place)
	var p proof
	here := fmt.Sprintf(`{"lock":{"proximity_proof":"tap"},"context":{"location":{"latitude":%v,"longitude":%v}}}`, where.latitude, where.longitude)
	if err := json.Unmarshal([]byte(here), &p); err != nil {
		panic("cloudtest: " + err.Error())
	}
	var no *refusal
	if e.roleID, no = k.decide(caller{user: find(&k.users, given.to.ID)}, l, &p); !given.activated {
		no = &refusal{code: "faa9ff", message: "The card is not activated."}
	}
	if no != nil {
		e.failed, e.code, e.message, code = true, no.code, no.message, no.code
	}
	k.note(e)
	return code
}

// LoggedUnlock is a line of the log that nothing here explains.
type LoggedUnlock struct {
	Lock int
	Who  Who    // empty: nobody
	By   string // authenticated_by_type
	ByID int
	Code string // why it was refused; empty: it was not
}

// LogUnlock writes an unlock into the log, whatever the rights are.
func (k *Kisi) LogUnlock(u LoggedUnlock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := find(&k.locks, u.Lock)
	k.note(event{
		kind: "lock.unlock", actorType: u.Who.Type, actor: u.Who.ID, by: u.By, byID: u.ByID,
		objectType: typeLock, object: l.id, name: l.name, place: l.place, failed: u.Code != "", code: u.Code,
	})
}
