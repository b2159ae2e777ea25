package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
)

// kept is the rights of the past, as a gateway keeps them.
type kept []keptRights

type keptRights struct {
	from   time.Time
	roster access.Roster
}

func (k kept) NumberAt(_ context.Context, at time.Time) (uint64, bool, error) {
	for i, r := range slices.Backward(k) {
		if !at.Before(r.from) {
			return uint64(i + 1), true, nil
		}
	}
	return uint64(len(k)), false, nil
}

func (k kept) RosterOf(_ context.Context, number uint64) (access.Roster, error) {
	return k[number-1].roster, nil
}

// log is a Kisi with one of each restriction, whose taps are logged as they
// happen in the bubble's time.
type log struct {
	*cloudtest.Kisi
	source cloud.Source
	past   kept

	hq, front, lab     int
	members, townsfolk int // a group of the place, and one of no place
	ann, bob, eve      int
	cards              map[int]int // of whom
}

func newLog(t *testing.T, keys map[string]any) *log {
	t.Helper()
	k := cloudtest.NewKisi(cloudtest.Options{Zone: "America/New_York", EventSetPolls: 2, EventsNewestFirst: true, MidnightAt2359: true})
	k.AddKey(k.Owner(), ownersKey)
	l := &log{Kisi: k, cards: map[int]int{}}
	l.hq = k.AddPlace("HQ", "Europe/Rome")
	l.front, l.lab = k.AddLock(l.hq, "Front door"), k.AddLock(l.hq, "Lab")
	l.members, l.townsfolk = k.AddGroup(l.hq, "Members"), k.AddGroup(0, "Townsfolk")
	k.PutInGroup(l.members, l.front)
	k.PutInGroup(l.townsfolk, l.lab)
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	for _, group := range []int{l.members, l.townsfolk} {
		k.RestrictGroup(group, cloudtest.Restrictions{Hours: true})
	}
	k.AddSchedule(cloudtest.OnGroup(l.members), cloudtest.Schedule{Days: weekdays, Starts: "08:00", Ends: "18:00"})
	for i, user := range []*int{&l.ann, &l.bob, &l.eve} {
		*user = k.AddUser(fmt.Sprintf("User %d", i), fmt.Sprintf("user%d@example.com", i))
		l.cards[*user] = k.AddCard(cloudtest.CardUID, fmt.Sprintf("04A2B3C%d", i))
		k.AssignCard(l.cards[*user], cloudtest.ToUser(*user), true)
	}
	k.Assign(cloudtest.ToUser(l.ann), l.members, cloudtest.Window{})
	k.Assign(cloudtest.ToUser(l.ann), l.townsfolk, cloudtest.Window{})
	k.Assign(cloudtest.ToUser(l.bob), l.members, cloudtest.Window{})
	l.source = openKisi(t, ownersKey, deps(t, k), keys)
	return l
}

// keep takes the rights of now into use.
func (l *log) keep(t *testing.T) {
	t.Helper()
	from := time.Now()
	fetched, err := l.source.Fetch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l.past = append(l.past, keptRights{from, fetched.Roster})
}

// sleepUntil goes to a time of the clock in Rome.
func sleepUntil(t *testing.T, text string) {
	t.Helper()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, rome)
	if err != nil || time.Until(at) < 0 {
		t.Fatalf("%s: %v, it is %v", text, err, time.Now())
	}
	time.Sleep(time.Until(at))
}

func (l *log) compare(t *testing.T, days int) cloud.Comparison {
	t.Helper()
	comparer, can := l.source.(cloud.Comparer)
	if !can {
		t.Fatal("the source cannot compare")
	}
	told := 0
	until := time.Now()
	got, err := comparer.Compare(t.Context(), until.AddDate(0, 0, -days), until, l.past, func(cloud.Comparing) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if told == 0 {
		t.Error("nobody was told how far it is")
	}
	return got
}

// X2: the fake decides by its own reading of the same documents, over a change of
// the clocks; where both are right, nothing differs.
func TestTapsThatKisiDecidedAreDecidedAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		k := l.Kisi
		k.AddSchedule(cloudtest.OnGroup(l.members), cloudtest.Schedule{Days: []time.Weekday{time.Sunday}, Starts: "01:30", Ends: "02:30"})
		k.AddSchedule(cloudtest.OnGroup(l.members), cloudtest.Schedule{Override: true, FirstDate: "2000-03-28", LastDate: "2000-03-29"})
		k.AddSchedule(cloudtest.OnGroup(l.townsfolk), cloudtest.Schedule{Days: []time.Weekday{time.Monday, time.Tuesday, time.Saturday}})
		k.RestrictLock(l.lab, cloudtest.Restrictions{Hours: true})
		k.AddSchedule(cloudtest.OnLock(l.lab), cloudtest.Schedule{Days: []time.Weekday{time.Monday, time.Saturday}, Starts: "22:00", Ends: "23:59"})
		k.SetPlaceZone(l.hq, "Europe/Rome")
		k.SetGroupZone(l.townsfolk, "Europe/Rome") // of no place: else Kisi and we may differ
		late := k.AddUser("Late", "late@example.com")
		l.cards[late] = k.AddCard(cloudtest.CardUID, "04FFFFFF")
		k.AssignCard(l.cards[late], cloudtest.ToUser(late), true)
		sleepUntil(t, "2000-03-20 00:00:00")
		k.Assign(cloudtest.ToUser(late), l.members, cloudtest.Window{From: time.Now().AddDate(0, 0, 4), Until: time.Now().AddDate(0, 0, 9)})
		k.SuspendUser(l.eve)
		off := k.AddUser("Off", "off@example.com")
		l.cards[off] = k.AddCard(cloudtest.CardUID, "04EEEEEE")
		k.AssignCard(l.cards[off], cloudtest.ToUser(off), false)
		l.keep(t)
		random := rand.New(rand.NewPCG(1, 2))
		codes := map[string]int{}
		const taps = 1500
		for range taps {
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Minute))))
			for _, card := range l.cards {
				codes[k.Tap(card, []int{l.front, l.lab}[random.IntN(2)])]++
			}
		}
		time.Sleep(time.Second) // an interval is in whole seconds
		got := l.compare(t, 30)
		if len(got.Disagreements) != 0 || got.Agreed != got.Compared || got.Compared != taps*len(l.cards) || len(got.Skipped) != 0 {
			t.Errorf("got %+v", got)
		}
		for _, code := range []string{"", "34ffaa", "f358de", "f35ade", "fcd8ff", "faa9ff", "fcd8ef"} {
			if codes[code] == 0 {
				t.Errorf("%q never came: %v", code, codes)
			}
		}
	})
}

// seen is what a disagreement is in a test: who opens, what each said, how often,
// and what may explain it.
func seen(got cloud.Comparison) (lines []string) {
	for _, d := range got.Disagreements {
		lines = append(lines, fmt.Sprintf("%s: kisi %s, we %v, %d times; %s", d.Opener, d.Kisi, d.Ours, d.Count, strings.Join(d.May, "; ")))
	}
	return lines
}

func TestDisagreementsAreFoundAndNamed(t *testing.T) {
	opened := func(l *log, lock, user int) {
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: lock, Who: cloudtest.ToUser(user), By: "Card", ByID: l.cards[user]})
	}
	refused := func(l *log, lock, user int, code string) {
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: lock, Who: cloudtest.ToUser(user), By: "Card", ByID: l.cards[user], Code: code})
	}
	const settingOf = "[kisi] %s would agree"
	tests := []struct {
		name string
		keys map[string]any
		set  func(t *testing.T, l *log) // before the rights are kept
		log  func(t *testing.T, l *log)
		want []string // parts of the lines, in order
	}{
		{name: "alike", log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 12:00:00")
			opened(l, l.front, l.ann)
			refused(l, l.lab, l.bob, "fcd8ef")
		}},
		{name: "the end minute", log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 18:00:30")
			opened(l, l.front, l.ann)
			opened(l, l.front, l.bob)
		}, want: []string{"kisi: kisi opened, we outside_hours, 2 times; a minute earlier agrees"}},
		{name: "the zone of the organisation", set: func(_ *testing.T, l *log) {
			l.AddSchedule(cloudtest.OnGroup(l.townsfolk), cloudtest.Schedule{Days: []time.Weekday{time.Monday}, Starts: "08:00", Ends: "18:00"})
		}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 20:00:00")
			opened(l, l.lab, l.ann)
		}, want: []string{"kisi: kisi opened, we outside_hours, 1 times; " + fmt.Sprintf(settingOf, `organization_hours = "organization"`)}},
		{name: "the zone of the door", keys: map[string]any{"organization_hours": "organization"}, set: func(_ *testing.T, l *log) {
			l.AddSchedule(cloudtest.OnGroup(l.townsfolk), cloudtest.Schedule{Days: []time.Weekday{time.Monday}, Starts: "08:00", Ends: "18:00"})
		}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 10:00:00")
			opened(l, l.lab, l.ann)
		}, want: []string{fmt.Sprintf(settingOf, `organization_hours = "door"`)}},
		{name: "no schedule", log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 10:00:00")
			opened(l, l.lab, l.ann)
		}, want: []string{"kisi: kisi opened, we outside_hours, 1 times; " + fmt.Sprintf(settingOf, `hours_missing = "open"`)}},
		{name: "no schedule that opens", keys: map[string]any{"hours_missing": "open"}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 10:00:00")
			refused(l, l.lab, l.ann, "34ffaa")
		}, want: []string{"tilegate: kisi outside the allowed hours, we granted, 1 times; " + fmt.Sprintf(settingOf, `hours_missing = "closed"`)}},
		{name: "the last minute of the day", set: func(_ *testing.T, l *log) {
			l.AddSchedule(cloudtest.OnGroup(l.townsfolk), cloudtest.Schedule{Days: []time.Weekday{time.Monday}, Starts: "20:00", Ends: "23:59"})
		}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 23:59:30")
			refused(l, l.lab, l.ann, "34ffaa")
		}, want: []string{fmt.Sprintf(settingOf, `hours_until_2359 = "literal"`)}},
		{name: "the last minute of the day that opens", keys: map[string]any{"hours_until_2359": "literal"}, set: func(_ *testing.T, l *log) {
			l.AddSchedule(cloudtest.OnGroup(l.townsfolk), cloudtest.Schedule{Days: []time.Weekday{time.Monday}, Starts: "20:00", Ends: "23:59"})
		}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 23:59:30")
			opened(l, l.lab, l.ann)
		}, want: []string{"a minute earlier agrees: Kisi may count the minute of the end as inside. There is no setting for that; please report it; " + fmt.Sprintf(settingOf, `hours_until_2359 = "midnight"`)}},
		{name: "a phone that is bound", keys: map[string]any{"app_restrictions": "ignore"}, set: func(_ *testing.T, l *log) {
			l.RestrictGroup(l.members, cloudtest.Restrictions{PrimaryDevice: true})
		}, log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 12:00:00")
			l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Login", Code: "34bd8f"})
		}, want: []string{"tilegate: kisi this is not the person's primary device, we granted, 1 times; " + fmt.Sprintf(settingOf, `app_restrictions = "remote"`)}},
		{name: "what opens here and not there comes first, and other reasons last", log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 12:00:00")
			refused(l, l.lab, l.bob, "fcd8ff")
			opened(l, l.lab, l.bob)
			refused(l, l.front, l.ann, "fcd8ff")
		}, want: []string{"tilegate: kisi the person's access is suspended, we granted", "kisi: kisi opened, we no_grant", "nobody: kisi the person's access is suspended, we no_grant"}},
		{name: "a change that came later", log: func(t *testing.T, l *log) {
			sleepUntil(t, "2000-03-06 12:00:00")
			l.SuspendUser(l.ann)
			refused(l, l.front, l.ann, "fcd8ff")
			time.Sleep(10 * time.Minute)
			l.keep(t)
			refused(l, l.front, l.ann, "fcd8ff")
		}, want: []string{"we granted, 1 times; the rights of half an hour later agree"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLog(t, tt.keys)
				if tt.set != nil {
					tt.set(t, l)
				}
				l.keep(t)
				tt.log(t, l)
				time.Sleep(time.Second)
				got := seen(l.compare(t, 90))
				if len(got) != len(tt.want) {
					t.Fatalf("got %q, want %q", got, tt.want)
				}
				for i := range got {
					if !strings.Contains(got[i], tt.want[i]) {
						t.Errorf("got %q, want %q", got[i], tt.want[i])
					}
				}
			})
		})
	}
}

func TestDisagreementTellsItsNewestExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		l.keep(t)
		for _, at := range []string{"2000-03-06 18:30:00", "2000-03-07 19:00:00", "2000-03-07 20:15:00"} {
			sleepUntil(t, at)
			l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(l.bob), By: "Card", ByID: l.cards[l.bob]})
		}
		time.Sleep(time.Second)
		d := l.compare(t, 30).Disagreements[0]
		x := d.Newest
		if d.Count != 3 || x.Person != "User 1" || x.Door != "Front door" || x.Group != "Members" || x.By != "Card" ||
			x.At.Format(time.DateTime) != "2000-03-07 19:15:00" || x.Detail != "every day 08:00–18:00 (Europe/Rome)" {
			t.Errorf("got %+v", d)
		}
	})
}

func TestWhatIsNoDecisionIsCountedAndNotCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, map[string]any{"places": []int64{}})
		gone := l.AddUser("Gone", "gone@example.com")
		sleepUntil(t, "2000-03-06 11:59:00")
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(gone), By: "Login"}) // before any rights are kept
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Login"})
		l.RemoveUser(gone)
		time.Sleep(time.Second)
		l.keep(t)
		other := l.AddLock(l.AddPlace("Elsewhere", "Europe/Oslo"), "Far door")
		for _, u := range []cloudtest.LoggedUnlock{
			{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Card", ByID: l.cards[l.ann], Code: "fac001"},
			{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Card", ByID: l.cards[l.ann], Code: "fbc000"},
			{Lock: l.front, Who: cloudtest.Who{Type: "GroupLink", ID: 7}, By: "GroupLink", ByID: 7},
			{Lock: l.front, By: "Card", ByID: 99},
			{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Card", Code: "xyz123"},
			{Lock: other, Who: cloudtest.ToUser(l.ann), By: "Card", ByID: l.cards[l.ann]},
		} {
			l.LogUnlock(u)
		}
		time.Sleep(time.Second)
		got := l.compare(t, 30)
		want := []cloud.Skipped{
			{Why: "the door or its hardware was not ready, which is no decision", Count: 2},
			{Why: "Kisi refused with a code that is not known: xyz123", Count: 1},
			{Why: "an access link opened, and links are not mirrored", Count: 1},
			{Why: "nobody is named", Count: 1},
			{Why: "the door is not mirrored", Count: 1},
			{Why: "the person is not there any more, and no rights are kept of that time", Count: 1},
		}
		if !slices.Equal(got.Skipped, want) || got.Events != 8 || got.Compared != 1 || got.Agreed != 1 || got.Today != 1 {
			t.Errorf("got %+v\nwant skipped %+v", got, want)
		}
	})
}

// A right of another source and what our own settings ask for are unknown to Kisi;
// the zone of the site is for places that have none.
func TestComparisonIsOfKisisOwnRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		l.SetPlaceZone(l.hq, "")
		l.keep(t)
		r := &l.past[0].roster
		front, lab := fmt.Sprintf("kisi-lock-%d", l.front), fmt.Sprintf("kisi-lock-%d", l.lab)
		bob := fmt.Sprintf("kisi-user-%d", l.bob)
		r.Grants = append(r.Grants, access.Grant{ID: "file-1", Assignee: bob, Scope: access.ScopeDoor, ScopeID: lab, Source: "file"})
		r.Policies = []access.Policy{{Door: front, Zone: "Europe/Rome", AskPIN: true, MinimumAssurance: access.HighAssured}}
		sleepUntil(t, "2000-03-06 08:30:00")
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(l.bob), By: "Card", ByID: l.cards[l.bob]})
		l.LogUnlock(cloudtest.LoggedUnlock{Lock: l.lab, Who: cloudtest.ToUser(l.bob), By: "Card", ByID: l.cards[l.bob], Code: "fcd8ef"})
		time.Sleep(time.Second)
		if got := l.compare(t, 30); got.Agreed != 2 {
			t.Errorf("got %+v, want both alike", got)
		}
	})
}

// The log does not say where a phone was.
func TestPhoneMayHaveBeenHeldToTheTile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		l.RestrictLock(l.front, cloudtest.Restrictions{Reader: true})
		l.keep(t)
		sleepUntil(t, "2000-03-06 12:00:00")
		phone := cloudtest.LoggedUnlock{Lock: l.front, Who: cloudtest.ToUser(l.ann), By: "Login"}
		l.LogUnlock(phone)
		phone.Code = "bb4faa"
		l.LogUnlock(phone)
		time.Sleep(time.Second)
		if got := l.compare(t, 30); got.Agreed != 2 || got.Near != 1 {
			t.Errorf("got %+v, want both alike, one if the phone was near", got)
		}
	})
}

func TestComparisonIsOneAtATimeAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, nil)
		l.keep(t)
		comparer := l.source.(cloud.Comparer)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := comparer.Compare(ctx, time.Now().Add(-time.Hour), time.Now(), l.past, func(cloud.Comparing) {})
			done <- err
		}()
		synctest.Wait()
		if _, err := comparer.Compare(ctx, time.Now().Add(-time.Hour), time.Now(), l.past, func(cloud.Comparing) {}); !errors.Is(err, cloud.ErrComparing) {
			t.Errorf("a second one: got %v", err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cancellation", err)
		}
	})
}
