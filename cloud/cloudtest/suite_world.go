package cloudtest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// crowd is how many members there are beside those with a story: enough for
// every list to have more than one page.
const crowd = 260

const suiteKey = "9f2c-suite-key-of-the-owner"

// expectation is one tap and what must become of it.
type expectation struct {
	who, door string
	kind      access.Kind
	value     string // as a reader tells it
	remote    bool
	want      access.Reason
}

// campus is the organisation that the suite tests with.
type campus struct {
	k      *Kisi
	deps   cloud.Deps
	doors  map[string]int // our name → lock
	desk   int
	taps   []expectation
	first  int // a right of the crowd
	office int // the place
	log    *safeBuffer
}

// safeBuffer collects a log that several goroutines may write.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is what was written so far.
func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newCampus builds a campus in which everything that decides occurs at least
// once. It must be called inside a synctest bubble.
func newCampus(t *testing.T, opts Options) *campus {
	k := NewKisi(opts)
	k.AddKey(k.Owner(), suiteKey)
	c := &campus{k: k, doors: map[string]int{}, log: &safeBuffer{}}
	c.office = k.AddPlace("Office", "Europe/Rome")
	yard := k.AddPlace("Yard", "")
	for _, name := range []string{"front", "cellar"} {
		c.doors[name] = k.AddLock(c.office, name)
	}
	c.doors["annexe"] = k.AddLock(yard, "annexe")
	k.AddLock(yard, "a lock that is not ours")
	c.desk = k.AddGroup(c.office, "Desk")
	k.PutInGroup(c.desk, c.doors["front"])
	c.members()
	c.peopleOfRoles()
	c.crowd()

	digest, err := access.NewDigestKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	mapped := map[string]string{}
	for name, lock := range c.doors {
		mapped[fmt.Sprintf("kisi:%d", lock)] = name
	}
	c.deps = cloud.Deps{
		Log:    hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: c.log}),
		Digest: digest, Metrics: prometheus.NewRegistry(), Doors: mapped, Links: map[string]string{},
		SecretPath: func(p string) string { return p }, Version: "0.0.0-test", Transport: Transport(k), Progress: func(int, int, string) {},
	}
	return c
}

// member makes a user with an active card, whose UID is made of n.
func (c *campus) member(name string, n int) (who Who, uid string) {
	id := c.k.AddUser(name, fmt.Sprintf("%s.%d@example.com", strings.ToLower(name), n))
	uid = fmt.Sprintf("04A2%04XC3D480", n)
	c.k.AssignCard(c.k.AddCard(CardUID, uid), ToUser(id), true)
	return ToUser(id), uid
}

func (c *campus) expect(who, uid, door string, want access.Reason) {
	c.taps = append(c.taps, expectation{who: who, door: door, kind: access.Card, value: strings.ToLower(uid), want: want})
}

// members are plain rights: windows, teams, guests, codes.
func (c *campus) members() {
	k, now := c.k, c.k.Now()
	for i, m := range []struct {
		name   string
		window Window
		want   access.Reason
	}{
		{"open-ended", Window{}, access.Granted},
		{"inside", Window{From: now.Add(-time.Hour), Until: now.Add(24 * time.Hour)}, access.Granted},
		{"expired", Window{Until: now.Add(-time.Hour)}, access.Expired},
		{"not-yet", Window{From: now.Add(48 * time.Hour)}, access.NotYet},
	} {
		who, uid := c.member(m.name, i+1)
		k.Assign(who, c.desk, m.window)
		c.expect(m.name, uid, "front", m.want)
		c.expect(m.name, uid, "cellar", access.NoGrant)
	}
	team := k.AddTeam("Studio")
	everywhere := k.AddGroup(0, "Everywhere")
	k.PutInGroup(everywhere, c.doors["front"])
	k.PutInGroup(everywhere, c.doors["annexe"])
	k.Assign(ToTeam(team), everywhere, Window{})
	colleague, uid := c.member("colleague", 11)
	k.AddTeamMember(team, colleague)
	c.expect("colleague, by a team", uid, "annexe", access.Granted)

	guest := ToGuest(k.AddGuest("Guest", ""))
	k.AssignCard(k.AddCard(CardUID, "04aa0001bbcc80"), guest, true)
	k.Assign(guest, c.desk, Window{})
	c.expect("guest, of the same id as a user", "04aa0001bbcc80", "front", access.Granted)

	coded := ToUser(k.AddUser("Coded", "coded@example.com"))
	k.AssignCard(k.AddCard(CardQR, "Seat 12 / June"), coded, true)
	k.Assign(coded, c.desk, Window{})
	c.taps = append(c.taps, expectation{who: "code", door: "front", kind: access.QR, value: "Seat 12 / June", want: access.Granted})

	c.blocked()
}

// blocked people have a right and may not use it.
func (c *campus) blocked() {
	k := c.k
	suspended, uid := c.member("suspended", 12)
	k.Assign(suspended, c.desk, Window{})
	k.SuspendUser(suspended.ID)
	c.expect("suspended", uid, "front", access.Suspended)
	directory, uid := c.member("directory", 13)
	k.Assign(directory, c.desk, Window{})
	k.SetSCIM(directory.ID, false)
	c.expect("suspended by the directory", uid, "front", access.Suspended)

	sleepy := ToUser(k.AddUser("Sleepy", "sleepy@example.com"))
	k.AssignCard(k.AddCard(CardUID, "04AA0002BBCC80"), sleepy, false)
	k.Assign(sleepy, c.desk, Window{})
	c.expect("card not activated", "04AA0002BBCC80", "front", access.NotActivated)
	k.AddCard(CardUID, "04AA0003BBCC80")
	c.expect("card of nobody", "04AA0003BBCC80", "front", access.Unknown)
}

// peopleOfRoles open by a role, or do not; and groups with restrictions.
func (c *campus) peopleOfRoles() {
	k := c.k
	admin, uid := c.member("admin", 21)
	k.AssignRole(admin, "administrator", OnOrganization())
	c.expect("administrator", uid, "annexe", access.Granted)
	observer, uid := c.member("observer", 22)
	k.AssignRole(observer, "observer", OnOrganization())
	c.expect("observer", uid, "front", access.NoGrant)
	keeper, uid := c.member("keeper", 23)
	k.AssignRole(keeper, k.AddCustomRole("Caretaker", "Place", "locks_unlock"), OnPlace(c.office))
	c.expect("custom role on a place", uid, "cellar", access.Granted)
	c.expect("custom role on another place", uid, "annexe", access.NoGrant)

	tapOnly := k.AddGroup(c.office, "At the tile")
	k.PutInGroup(tapOnly, c.doors["cellar"])
	k.RestrictGroup(tapOnly, Restrictions{TapToAccess: true})
	tapper, uid := c.member("tapper", 24)
	k.Assign(tapper, tapOnly, Window{})
	c.expect("tap to access, at the tile", uid, "cellar", access.Granted)
	c.taps = append(c.taps, expectation{who: "tap to access, from afar", door: "cellar", kind: access.Card, value: strings.ToLower(uid), remote: true, want: access.RemoteNotAllowed})

	closed := k.AddGroup(c.office, "Hours without a schedule")
	k.PutInGroup(closed, c.doors["front"])
	k.RestrictGroup(closed, Restrictions{Hours: true})
	early, uid := c.member("early", 25)
	k.Assign(early, closed, Window{})
	c.expect("hours with no schedule", uid, "front", access.OutsideHours)
}

func (c *campus) crowd() {
	for i := range crowd {
		who, uid := c.member("crowd", 0x100+i)
		right := c.k.Assign(who, c.desk, Window{})
		if i == 0 {
			c.first = right
		}
		c.expect(fmt.Sprintf("crowd %d", i), uid, "front", access.Granted)
	}
	for i := range 12 { // more groups than the smallest page
		c.k.AddGroup(0, fmt.Sprintf("Spare %d", i))
	}
}

// decide builds a roster and answers every tap as the doors would.
func (c *campus) decide(t *testing.T, src cloud.Source, r access.Roster, at time.Time) map[string]access.Reason {
	t.Helper()
	s := c.build(t, src, r, at)
	out := make(map[string]access.Reason, len(c.taps))
	for _, e := range c.taps {
		presence := access.AtReader
		if e.remote {
			presence = access.Remote
		}
		d := s.Decide(access.Tap{
			Door: e.door, Credential: c.deps.Digest.Credential(e.kind, []byte(e.value)), Presence: presence, At: c.k.Now(),
		}, access.Facts{Clock: access.ClockSynced})
		out[e.who+" at "+e.door] = d.Reason
	}
	return out
}

func (c *campus) build(t *testing.T, src cloud.Source, r access.Roster, at time.Time) *access.Snapshot {
	t.Helper()
	pruned, _ := access.Prune(r)
	s, err := access.Build(pruned, []access.Contact{{Source: src.Name(), At: at, Ageless: src.Ageless()}}, 1)
	if err != nil {
		t.Fatalf("the roster can not be built: %v", err)
	}
	return s
}

// wants is what every tap must come to while nothing changed.
func (c *campus) wants() map[string]access.Reason {
	out := make(map[string]access.Reason, len(c.taps))
	for _, e := range c.taps {
		out[e.who+" at "+e.door] = e.want
	}
	return out
}
