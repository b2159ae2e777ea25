package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// cloudFault is a way in which Kisi can fail, and what people are told of it.
type cloudFault struct {
	name  string
	spoil func(*cloudtest.Kisi)
	words []string // what happened, and what to do
}

var cloudFaults = []cloudFault{
	{
		"the key is revoked", func(k *cloudtest.Kisi) { k.RevokeKey(apiKey) },
		[]string{"401", "check that the API key", "created by the Organization Owner", "Kisi dashboard"},
	},
	{
		"a captive portal", func(k *cloudtest.Kisi) { k.Faults().CaptivePortal() },
		[]string{"a login page answered instead of the cloud", "check the network"},
	},
	{
		"half a page", func(k *cloudtest.Kisi) { k.Faults().HalfPage("/users") },
		[]string{"/users", "check the network"},
	},
	{
		"a page that is cut and looks whole", func(k *cloudtest.Kisi) { k.Faults().BrokenJSON("/users") },
		[]string{"/users", "not whole", "check the network"},
	},
	{
		"no people, and 200", func(k *cloudtest.Kisi) { k.Faults().EmptyLists("/users") },
		[]string{"there are no users", "check that it may list users", "the rights in force stand"},
	},
	{
		"no rights, and 200", func(k *cloudtest.Kisi) { k.Faults().EmptyLists("/role_assignments") },
		[]string{"no role assignments", "check that it may list them", "the rights in force stand"},
	},
	{
		"a server error", func(k *cloudtest.Kisi) { k.Faults().Status(http.StatusServiceUnavailable, -1) },
		[]string{"503", "tried again by itself", "status page"},
	},
	{
		"rows that move between pages", func(k *cloudtest.Kisi) { k.Faults().RowDrift(cloudtest.DriftRotate, -1, "/users") },
		[]string{"/users", "the list changed while it was read", "tried again with the next sync"},
	},
}

// TestACloudThatFailsTakesNothingAway: each failure is one clear message, and
// the doors go on with the very rights they had.
func TestACloudThatFailsTakesNothingAway(t *testing.T) {
	d := newDay(t)
	for i := range 300 { // more than one page
		d.kisi.AddUser("Extra", "extra"+string(rune('a'+i/100))+string(rune('a'+i/10%10))+string(rune('a'+i%10))+"@example.com")
	}
	d.begin()
	rights, credentials := d.status(), d.number("tilegate_roster_credentials")
	for _, fault := range cloudFaults {
		fault.spoil(d.kisi)
		d.refusesToSync(fault)
		d.lets(fault.name, "front", cardAnn, codeBen, cardEve)
		d.lets(fault.name, "lab", cardAnn)
		now := d.status()
		if now.RosterHash != rights.RosterHash || now.Counts != rights.Counts || now.Generation != rights.Generation {
			t.Errorf("%s: the rights changed: %+v, generation %d; want %+v, %d", fault.name, now.Counts, now.Generation, rights.Counts, rights.Generation)
		}
		if got := d.number("tilegate_roster_credentials"); got != credentials {
			t.Errorf("%s: got %v credentials, want %v", fault.name, got, credentials)
		}
		d.kisi.Faults().Clear()
		if strings.Contains(fault.name, "revoked") {
			d.kisi.AddKey(d.kisi.Owner(), apiKey)
		}
	}
	if _, err := d.daemon.act.SyncNow(t.Context(), "kisi"); err != nil {
		t.Errorf("a sound cloud is not believed any more: %v", err)
	}
	if got := d.number(`tilegate_sync_total{result="failed",source="kisi"}`); got < float64(len(cloudFaults)) {
		t.Errorf("failed syncs: got %v, want %d or more", got, len(cloudFaults))
	}
}

// refusesToSync asks for a sync, which must fail with one clear message.
func (d *day) refusesToSync(fault cloudFault) {
	d.t.Helper()
	if _, err := d.daemon.act.SyncNow(d.t.Context(), "kisi"); err == nil {
		d.t.Errorf("%s: the sync went through", fault.name)
	}
	all, err := d.daemon.view.SyncStatus(d.t.Context())
	if err != nil || len(all) != 1 {
		d.t.Fatalf("%s: sync status: got %v (%v)", fault.name, all, err)
	}
	if all[0].Result != "failed" || strings.Count(all[0].Err, "\n") != 0 {
		d.t.Errorf("%s: got %s with %q, want failed with one line", fault.name, all[0].Result, all[0].Err)
	}
	for _, word := range fault.words {
		if !strings.Contains(all[0].Err, word) {
			d.t.Errorf("%s: got %q, want it to say %q", fault.name, all[0].Err, word)
		}
	}
}

// lets demands that cards and codes open a door, by order of their tile.
func (d *day) lets(when, door string, values ...string) {
	d.t.Helper()
	for _, value := range values {
		q := control.Question{Door: door, Card: value}
		if kindOf(value) == "qr" {
			q = control.Question{Door: door, Code: value}
		}
		answer, err := d.daemon.act.Simulate(d.t.Context(), q)
		if err != nil || answer.Silent != "" || answer.Reason != access.Granted {
			d.t.Errorf("%s: a member at %s: got %v (%v%s), want granted", when, door, answer.Reason, err, answer.Silent)
		}
	}
}

// TestALargeRemovalIsHeld: the cloud says that nobody has a card any more. Its
// lists are whole and its status is 200; nobody is removed until a person says
// so, and then everybody is.
func TestALargeRemovalIsHeld(t *testing.T) {
	d := newDay(t)
	d.begin()
	d.kisi.Faults().EmptyLists("/card_assignments")
	held, err := d.daemon.act.SyncNow(t.Context(), "kisi")
	if err != nil {
		t.Fatal(err)
	}
	if held[0].Result != "held" || !slices.ContainsFunc(held[0].Held, func(line string) bool {
		return strings.Contains(line, "Front door") && strings.Contains(line, "Ann Lee") && strings.Contains(line, "waits for a person")
	}) {
		t.Errorf("got %s, %q; want it held, with the door and the people", held[0].Result, held[0].Held)
	}
	d.told("sync_held", "kisi", "Nobody was removed", "approve it", "Ann Lee")
	d.lets("held", "front", cardAnn, codeBen, cardEve)
	d.lets("held", "lab", cardAnn)
	if got := d.number(`tilegate_sync_held{source="kisi"}`); got < 3 {
		t.Errorf("people held: got %v, want 3 or more", got)
	}
	d.tap("front", codeBen, access.Granted)

	// Across a restart too: what is held is on disk.
	d.stop()
	d.begin()
	d.lets("held, after a restart", "front", cardAnn, codeBen, cardEve)

	d.until("the removal is held again", func() bool { return d.trouble("sync_held", "kisi") != nil })
	if _, err := d.daemon.act.ApproveSync(t.Context(), "kisi"); err != nil {
		t.Fatal(err)
	}
	d.over("sync_held", "kisi")
	d.locked("front")
	d.tap("front", cardEve, access.Unknown)
}
