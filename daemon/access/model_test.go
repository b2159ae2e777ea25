package access_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tilegate/tilegate/daemon/access"
)

const (
	// sites and tapsPerSite make 60,000 decisions of the 100 times that rapid draws
	// by default.
	sites       = 6
	tapsPerSite = 100
	// slowEvery is how often what the second implementation finds minute by minute
	// is compared as well.
	slowEvery = 10
)

// The same rules, however they are looked up: Decide and a second implementation
// agree about random sites, instants, zones and facts.
func TestDecideAgreesWithBruteForce(t *testing.T) {
	taps, refusals, stands := 0, map[access.Reason]int{}, map[access.Unlocking]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range sites {
			compareSite(t, anyScene(t), refusals, stands)
			taps += tapsPerSite
		}
	})
	t.Logf("%d decisions compared: %v; doors that stand open: %v", taps, refusals, stands)
	for _, reason := range access.Reasons() {
		if reason != access.NotRecorded && refusals[reason] < taps/5000 {
			t.Errorf("%s came %d times among %d decisions; the sites must be drawn otherwise", reason, refusals[reason], taps)
		}
	}
}

// compareSite draws a site and taps at its doors.
func compareSite(t *rapid.T, s *scene, refusals map[access.Reason]int, stands map[access.Unlocking]int) {
	roster, doors := s.site()
	locked := s.locks(doors)
	built, err := access.Build(copyOf(roster), []access.Contact{{Source: "kisi"}, {Source: "file", Ageless: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tapsPerSite {
		q := s.question(&roster, doors, locked)
		snapshot := built.WithContact("kisi", q.contacts[0].At).WithLockdowns(locked, 1)
		slow := i%slowEvery == 0
		if why := compare(snapshot, q, slow, refusals); why != "" {
			t.Fatalf("in %s around %v\n%s\ntap %+v\nfacts %+v\nkisi heard of at %v", s.zone, s.base, why, q.tap, q.facts, q.contacts[0].At)
		}
		if !slow {
			continue
		}
		arrived := q.tap.At.Add(-pick(s, "arrived ago", []time.Duration{-time.Microsecond, 0, time.Minute, time.Hour, 12 * time.Hour, 48 * time.Hour}))
		if s.one("arrived around", 3) {
			arrived = s.beside("arrived")
		}
		m, _ := q.decide(false)
		got, want := snapshot.Unlocking(q.tap.Door, q.tap.At, q.facts.Clock, arrived), m.unlocking(arrived)
		if stands[want]++; got != want {
			t.Fatalf("in %s around %v: door %s at %v, for who came at %v: got %+v, want %+v", s.zone, s.base, q.tap.Door, q.tap.At, arrived, got, want)
		}
	}
}

// question draws a tap, or a question about a person.
func (s *scene) question(roster *access.Roster, doors []string, locked []access.Lockdown) question {
	q := question{roster: roster, locked: locked, ahead: aheadOfSites}
	q.tap = access.Tap{
		Door:       pick(s, "at door", doors),
		Credential: modelKey.Credential(access.Card, []byte(pick(s, "tapped", uids[:3]))),
		At:         s.instant(roster),
	}
	q.tap.Presence = access.Presence(pick(s, "presence", []int{0, 0, 1, 2}))
	switch s.between(0, 19, "who") {
	case 0:
		q.tap.Credential = modelKey.Credential(access.PIN, []byte(pick(s, "typed", codes)))
	case 1:
		q.tap.Credential.Assurance = access.HighAssured
	case 2, 3, 4:
		q.person = pick(s, "person", []string{"h0", "h1", "h2", "nobody"})
	case 5:
		q.tap.Credential = modelKey.Credential(access.Card, []byte(pick(s, "tapped", []string{"dd", "ff"})))
	case 6:
		q.tap.Door = pick(s, "elsewhere", []string{"nowhere", "crowd7"})
	case 7:
		q.tap.Fault = pick(s, "fault", []access.Reason{
			access.NoCredential, access.Unreadable, access.InvalidPass, access.Replayed, access.Expired, access.NotYet, access.Clock, access.PINWrong, access.PINLocked,
		})
	}
	q.facts.Clock = access.ClockState(pick(s, "clock", []int{0, 0, 0, 1, 2, 3}))
	q.facts.PIN = access.PINState(s.between(0, 3, "PIN state"))
	if !q.facts.Clock.Trusted() {
		if !s.one("no floor", 4) { // one that is later than the tap shows that the clock lags
			q.facts.Floor = q.tap.At.Add(pick(s, "floor", []time.Duration{0, time.Hour, -time.Hour, -8 * 24 * time.Hour}))
		}
		q.facts.Untrusted = pick(s, "untrusted", []time.Duration{0, 24 * time.Hour, 24*time.Hour + time.Microsecond, 168*time.Hour + time.Microsecond})
	}
	if ago := pick(s, "last passage", []time.Duration{-1, -1, 0, time.Minute - time.Microsecond, time.Minute, time.Hour}); ago >= 0 {
		q.facts.LastPassage = q.tap.At.Add(-ago)
	}
	age := pick(s, "age", []time.Duration{0, 0, 24 * time.Hour, 24*time.Hour + time.Microsecond, 168 * time.Hour, 168*time.Hour + time.Microsecond})
	q.contacts = []access.Contact{{Source: "kisi", At: q.tap.At.Add(-age)}, {Source: "file", Ageless: true}}
	return q
}

// instant is one at which something may turn, or one beside it: of the pool, or
// when the clock on the wall shows a boundary of some hours.
func (s *scene) instant(r *access.Roster) time.Time {
	if len(r.Schedules) == 0 || s.one("of the pool", 2) {
		return s.beside("at")
	}
	line := pick(s, "line", r.Schedules)
	wall := s.base.In(zoneOf(s.zone)).AddDate(0, 0, s.between(-1, 1, "day"))
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, int(pick(s, "bound", []access.Minute{line.From, line.Until})), 0, 0, wall.Location())
	return at.Add(time.Duration(s.between(-1, 1, "at ±")) * time.Microsecond).UTC()
}

func copyOf(r access.Roster) access.Roster {
	r.Places, r.Doors, r.Policies, r.Groups = slices.Clone(r.Places), slices.Clone(r.Doors), slices.Clone(r.Policies), slices.Clone(r.Groups)
	r.Schedules, r.Teams, r.Holders = slices.Clone(r.Schedules), slices.Clone(r.Teams), slices.Clone(r.Holders)
	r.Assignments, r.Grants = slices.Clone(r.Assignments), slices.Clone(r.Grants)
	return r
}

// compare says how Decide and the second implementation differ, or "".
func compare(s *access.Snapshot, q question, slow bool, count map[access.Reason]int) string {
	var d access.Decision
	if q.person != "" {
		d = s.DecideHolder(q.person, q.tap, q.facts)
	} else {
		d = s.Decide(q.tap, q.facts)
	}
	got := s.Explain(d)
	m, want := q.decide(slow)
	if want.granted {
		count[access.Granted]++
	}
	switch {
	case got.Granted != want.granted:
		return fmt.Sprintf("granted: got %t %v, want %t %v", got.Granted, labels(got), want.granted, want.labels())
	case got.Holder != want.holder:
		return fmt.Sprintf("holder: got %q, want %q", got.Holder, want.holder)
	case got.Warned != want.warned:
		return fmt.Sprintf("warned: got %t, want %t", got.Warned, want.warned)
	case got.Granted && !slices.Contains(want.by, got.Grant.ID):
		return fmt.Sprintf("granted by: got %s, want one of %v", got.Grant.ID, want.by)
	case got.Granted && got.Age != q.ageOf(got.Grant.ID):
		return fmt.Sprintf("age: got %v, want %v, of the right %s", got.Age, q.ageOf(got.Grant.ID), got.Grant.ID)
	case got.Granted:
		return ""
	case got.Reason != got.Misses[0].Reason:
		return fmt.Sprintf("the reason %s is not the first of %v", got.Reason, labels(got))
	}
	for _, r := range want.reasons {
		count[r.why]++
	}
	if why := compareReasons(m, got, want, slow); why != "" || !slow {
		return why
	}
	works := m.works()
	if works.IsZero() && m.worksFirst(got.Works) {
		works = got.Works
	}
	if !works.Equal(got.Works) {
		return fmt.Sprintf("works: got %v, want %v; reasons %v", got.Works, works, labels(got))
	}
	return ""
}

// ageOf is how long ago the source of a right was heard of.
func (q question) ageOf(right string) time.Duration {
	for _, g := range q.roster.Grants {
		for _, c := range q.contacts {
			if g.ID == right && g.Source == c.Source && !c.Ageless {
				return q.tap.At.Sub(c.At)
			}
		}
	}
	return 0
}

func compareReasons(m *model, got access.Explanation, want verdict, slow bool) string {
	if len(got.Misses) != len(want.reasons) {
		return fmt.Sprintf("reasons: got %v, want %v", labels(got), want.labels())
	}
	var last rank
	for i, miss := range got.Misses {
		at := slices.IndexFunc(want.reasons, func(r reason) bool { return r.why == miss.Reason })
		if at < 0 {
			return fmt.Sprintf("reasons: got %v, want %v", labels(got), want.labels())
		}
		r := want.reasons[at]
		if slow { // how far off a right was is known only then
			if i > 0 && r.rank.before(last) {
				return fmt.Sprintf("order: got %v, want %v", labels(got), want.labels())
			}
			last = r.rank
			if !miss.Opens.Equal(r.opens) {
				return fmt.Sprintf("%s opens: got %v, want %v", miss.Reason, miss.Opens, r.opens)
			}
		}
		switch {
		case miss.Grant == nil && r.grants != nil || miss.Grant != nil && !slices.Contains(r.grants, miss.Grant.ID):
			return fmt.Sprintf("%s: got the right %v, want one of %v", miss.Reason, miss.Grant, r.grants)
		case miss.Reason == access.LockedDown && !slices.Contains(m.lockdowns(), miss.Detail):
			return fmt.Sprintf("lockdown: got %q, want one of %q", miss.Detail, m.lockdowns())
		}
	}
	return ""
}

func labels(e access.Explanation) (all []string) {
	for _, m := range e.Misses {
		all = append(all, m.Reason.String())
	}
	return all
}

func (v verdict) labels() (all []string) {
	sorted := slices.Clone(v.reasons)
	slices.SortStableFunc(sorted, func(a, b reason) int {
		return cmp.Or(cmp.Compare(a.rank.phase, b.rank.phase), cmp.Compare(a.rank.stage, b.rank.stage), cmp.Compare(a.rank.off, b.rank.off))
	})
	for _, r := range sorted {
		all = append(all, r.why.String())
	}
	return all
}

// Whose PIN it is does not depend on the door.
func TestPINsBelongAsBruteForceSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &scene{t: t}
		r := access.Roster{Holders: []access.Holder{{ID: "h0"}, {ID: "h1"}, {ID: "h2"}}}
		s.credentials(&r, []string{"h0", "h1", "h2"})
		built, err := access.Build(copyOf(r), nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, uid := range append([]string{"ff"}, uids...) {
			for _, digits := range codes {
				card, pin := modelKey.Credential(access.Card, []byte(uid)), modelKey.Digest(access.PIN, []byte(digits))
				active, idle := holdersOf(&r, card)
				if len(active) == 0 {
					active = idle[:min(len(idle), 1)]
				}
				want := len(active) == 1 && slices.ContainsFunc(r.Assignments, func(a access.Assignment) bool {
					return a.Kind == access.PIN && a.Active && a.Digest == pin && a.Holder == active[0]
				})
				if got := built.PINBelongs(card, pin); got != want {
					t.Fatalf("card %s with %s: got %t, want %t", uid, digits, got, want)
				}
			}
		}
	})
}
