package daemon

import (
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// asOfTwo leaves the copy of the rights as tilegate 0.2 wrote it: without hours and
// zones, and hashed otherwise.
func (b *box) asOfTwo() {
	b.t.Helper()
	for _, statement := range []string{
		"UPDATE generations SET hash = x'0202020202020202020202020202020202020202020202020202020202020202'",
		"ALTER TABLE generations DROP COLUMN form", "ALTER TABLE doors DROP COLUMN zone", "ALTER TABLE groups DROP COLUMN zone",
		"ALTER TABLE policies DROP COLUMN zone", "DROP TABLE schedules", "PRAGMA user_version = 1",
	} {
		if err := b.exec(statement); err != nil {
			b.t.Fatal(statement, err)
		}
	}
}

// X1: whoever upgrades while the cloud is away keeps the rights, and a group that
// has hours stays shut until these are known.
func TestTheRightsOfAnOlderTilegateAreTakenOver(t *testing.T) {
	b := newBox(t)
	b.start(frontDoor, kisiSource)
	r := people("kisi", "ann", "bob")
	r.Groups = append(r.Groups, access.Group{ID: "evenings", Doors: []string{"front"}, Restricted: true})
	r.Grants[1].ScopeID = "evenings"
	b.replace("kisi", r)
	decided := b.Load().Generation()
	b.asOfTwo()
	b.reopen()
	for start := range 2 {
		if note := b.start(frontDoor, kisiSource); note != "" {
			t.Fatalf("start %d: %s", start, note)
		}
		if b.tap("ann") != access.Granted || b.tap("bob") == access.Granted {
			t.Errorf("start %d: ann %v, bob %v; want granted, and shut", start, b.tap("ann"), b.tap("bob"))
		}
		b.reopen()
	}
	b.start(frontDoor, kisiSource)
	then := [32]byte{}
	for i := range then {
		then[i] = 2
	}
	if g, err := b.cache.GenerationOf(t.Context(), decided, then); err != nil || g.Number != decided || g.Form != 1 {
		t.Errorf("the rights that decided before the upgrade: %+v, %v", g, err)
	}
	in := b.Load()
	if g, err := b.cache.GenerationOf(t.Context(), in.Generation(), in.Hash()); err != nil || g.Form != access.HashForm {
		t.Errorf("the rights in force: %+v, %v", g, err)
	}
	r.Schedules = []access.Schedule{{ID: "s", On: access.ScopeGroup, OnID: "evenings", Days: 1<<7 - 1, From: 0, Until: 1440}}
	b.replace("kisi", r)
	if got := b.tap("bob"); got != access.Granted {
		t.Errorf("bob, once the hours have come: %v", got)
	}
}
