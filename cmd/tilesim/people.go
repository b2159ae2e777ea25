package main

import (
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
)

// ids are the people and things of the fake Kisi that the scenes need.
type ids struct {
	place, front, lab, studio int
	members, labGroup         int
	cleaners                  int
	cleaning                  time.Time // when their hours begin
	ann, ben, cleo, dan, eve  int
	eveAssignment             int
}

const (
	cardAnn  = "04A2B3C4D5E680"
	cardCleo = "04C1E0C1E0C180"
	cardDan  = "04DA00DA00DA80"
	cardEve  = "04E7E0E7E0E780"
	cardFaye = "04FA7EFA7EFA80"
	codeBen  = "TG-BEN-7731"
	apiKey   = "demo-key-of-the-gateway"
)

// furnish puts the people and their rights into the fake Kisi.
func (b *building) furnish() {
	k, d := b.kisi, &b.ids
	k.AddKey(k.Owner(), apiKey)
	d.place = k.AddPlace("Trastevere", "Europe/Rome")
	d.front, d.lab = k.AddLock(d.place, "Front door"), k.AddLock(d.place, "Lab")
	d.members, d.labGroup = k.AddGroup(d.place, "Members"), k.AddGroup(d.place, "Lab people")
	k.PutInGroup(d.members, d.front)
	k.PutInGroup(d.labGroup, d.front)
	k.PutInGroup(d.labGroup, d.lab)
	if b.doors["studio"] != nil {
		d.studio = k.AddLock(d.place, "Studio")
		k.PutInGroup(d.labGroup, d.studio)
	}
	person := func(name, mail, kind, value string) int {
		user := k.AddUser(name, mail)
		k.AssignCard(k.AddCard(kind, value), cloudtest.ToUser(user), true)
		return user
	}
	now := k.Now()
	d.ann = person("Ann Lee", "ann@example.com", "third_party_hf", cardAnn)
	k.Assign(cloudtest.ToUser(d.ann), d.labGroup, cloudtest.Window{})
	d.ben = person("Ben Okafor", "ben@example.com", "third_party_qr_code", codeBen)
	k.Assign(cloudtest.ToUser(d.ben), d.members, cloudtest.Window{})
	d.dan = person("Dan Weber", "dan@example.com", "third_party_hf", cardDan)
	k.Assign(cloudtest.ToUser(d.dan), d.members, cloudtest.Window{From: now.Add(-48 * time.Hour), Until: now.Add(-24 * time.Hour)})
	d.eve = person("Eve Rossi", "eve@example.com", "third_party_hf", cardEve)
	d.eveAssignment = k.Assign(cloudtest.ToUser(d.eve), d.members, cloudtest.Window{})
	d.cleaners = k.AddGroup(d.place, "Cleaners")
	k.PutInGroup(d.cleaners, d.front)
	k.RestrictGroup(d.cleaners, cloudtest.Restrictions{Hours: true})
	d.cleaning = now.Add(2 * time.Hour).Truncate(time.Minute)
	k.AddSchedule(cloudtest.OnGroup(d.cleaners), cloudtest.Schedule{Name: "Cleaning", From: d.cleaning, Until: d.cleaning.Add(3 * time.Hour)})
	k.Assign(cloudtest.ToUser(person("Faye Adeyemi", "faye@example.com", "third_party_hf", cardFaye)), d.cleaners, cloudtest.Window{})
	d.cleo = person("Cleo Marino", "cleo@example.com", "third_party_hf", cardCleo)
}

// book gives Cleo a window from when on.
func (b *building) book(from time.Time, length time.Duration) {
	b.kisi.Assign(cloudtest.ToUser(b.ids.cleo), b.ids.members, cloudtest.Window{From: from, Until: from.Add(length)})
}
