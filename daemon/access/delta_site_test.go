package access

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// What random rights are drawn from: little, so that rows meet.
var (
	someHolders = []string{"h0", "h1", "h2", "h3", "h4", "h5"}
	someTeams   = []string{"t0", "t1", "t2"}
	someDoors   = []string{"front", "lab", "shed", "ours", "nowhere"}
	someTimes   = []time.Time{{}, noon.Add(-time.Hour), noon, noon.Add(time.Hour)}
	someIDs     = []string{"kisi:ra:1", "kisi:ra:2", "kisi:ra:10", "h0@hot", "h1@hq", "team:t0@lab", "team:t1@everywhere", "x", "y", "z"}
)

func creds() []Credential {
	return []Credential{
		card("aa"), card("bb"), card("cc"), testKey.Credential(PIN, []byte("1234")), testKey.Credential(PIN, []byte("481516")),
	}
}

var twoSources = []Contact{{Source: "kisi", At: noon.Add(-time.Minute)}, {Source: "file", Ageless: true}}

// ground is what no delta changes.
func ground() Roster {
	r := house()
	r.Teams, r.Holders, r.Assignments, r.Grants = nil, nil, nil, nil
	r.Groups[0].Restricted = true
	r.Schedules = []Schedule{{ID: "week", On: ScopeGroup, OnID: "hot", Days: EveryDay, From: 8 * 60, Until: 13 * 60}}
	r.Policies = []Policy{{Door: "ours", AskPIN: true}}
	return r
}

// anyRights are random people's rows over the ground, all sound.
func anyRights(t *rapid.T) Roster {
	r := ground()
	for i := range r.Doors {
		r.Doors[i].LockedDown = rapid.IntRange(0, 5).Draw(t, "lockdown") == 0
	}
	for i := range r.Places {
		r.Places[i].LockedDown = rapid.IntRange(0, 5).Draw(t, "place lockdown") == 0
	}
	for _, id := range someHolders {
		if rapid.IntRange(0, 3).Draw(t, "there") > 0 {
			r.Holders = append(r.Holders, anyHolder(t, id))
		}
	}
	for _, id := range someTeams {
		team := Team{ID: id, Name: rapid.SampledFrom([]string{"", "Team"}).Draw(t, "team name")}
		for _, h := range r.Holders {
			if rapid.Bool().Draw(t, "member") {
				team.Members = append(team.Members, h.ID)
			}
		}
		r.Teams = append(r.Teams, team)
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "cards") {
		r.Assignments = append(r.Assignments, anyAssignment(t, i))
	}
	for _, id := range someIDs {
		if rapid.Bool().Draw(t, "granted") {
			r.Grants = append(r.Grants, anyGrant(t, id))
		}
	}
	r, _ = Prune(r)
	return r
}

func anyHolder(t *rapid.T, id string) Holder {
	return Holder{ID: id, Name: rapid.SampledFrom([]string{"", "N"}).Draw(t, "name"), Suspended: rapid.IntRange(0, 3).Draw(t, "suspended") == 0, Extended: rapid.Bool().Draw(t, "extended")}
}

func anyAssignment(t *rapid.T, i int) Assignment {
	c := rapid.SampledFrom(creds()).Draw(t, "credential")
	return Assignment{
		ID: fmt.Sprint("card", i%3), Kind: c.Kind, Digest: c.Digest, Assurance: rapid.SampledFrom([]Assurance{LowAssured, HighAssured}).Draw(t, "assurance"),
		Holder: rapid.SampledFrom(someHolders).Draw(t, "card of"), Active: rapid.IntRange(0, 2).Draw(t, "active") > 0,
	}
}

func anyGrant(t *rapid.T, id string) Grant {
	g := Grant{ID: id, Source: rapid.SampledFrom([]string{"kisi", "file"}).Draw(t, "source"), Cause: rapid.SampledFrom([]string{"role", "booking", id}).Draw(t, "cause")}
	g.Kind = AssigneeKind(rapid.IntRange(0, 1).Draw(t, "kind"))
	g.Assignee = rapid.SampledFrom([][]string{someHolders, someTeams}[g.Kind]).Draw(t, "assignee")
	g.Scope = ScopeKind(rapid.IntRange(0, 3).Draw(t, "scope"))
	g.ScopeID = rapid.SampledFrom([][]string{{"front", "lab", "ours"}, {"hot", "lab"}, {"hq", "annex"}, {""}}[g.Scope]).Draw(t, "scope id")
	g.From, g.Until = rapid.SampledFrom(someTimes).Draw(t, "from"), rapid.SampledFrom(someTimes).Draw(t, "until")
	if !g.Until.IsZero() && !g.From.Before(g.Until) {
		g.From = time.Time{}
	}
	g.Cancelled = rapid.IntRange(0, 6).Draw(t, "cancelled") == 0
	return g
}

// changed is the rights after a few changes, and all is sound again.
func changed(t *rapid.T, r Roster) Roster {
	r = copyOf(r)
	for range rapid.IntRange(1, 4).Draw(t, "changes") {
		switch rapid.IntRange(0, 8).Draw(t, "what") {
		case 0:
			at := rapid.IntRange(0, len(r.Doors)-1).Draw(t, "door")
			r.Doors[at].LockedDown = !r.Doors[at].LockedDown
		case 1:
			r.Places[0].LockedDown = !r.Places[0].LockedDown
		case 2, 3:
			r.Holders = replaced(r.Holders, anyHolder(t, rapid.SampledFrom(someHolders).Draw(t, "who")), func(h *Holder) string { return h.ID }, rapid.Bool().Draw(t, "goes"))
		case 4:
			at := rapid.IntRange(0, len(r.Teams)-1).Draw(t, "team")
			r.Teams[at].Members = slices.DeleteFunc(slices.Clone(someHolders), func(string) bool { return rapid.Bool().Draw(t, "no member") })
		case 5, 6:
			r.Grants = replaced(r.Grants, anyGrant(t, rapid.SampledFrom(someIDs).Draw(t, "grant")), func(g *Grant) string { return g.ID }, rapid.Bool().Draw(t, "ends"))
		case 7:
			r.Assignments = append(r.Assignments, anyAssignment(t, rapid.IntRange(0, 2).Draw(t, "card")))
		case 8:
			if len(r.Assignments) > 0 {
				at := rapid.IntRange(0, len(r.Assignments)-1).Draw(t, "card")
				r.Assignments = slices.Delete(r.Assignments, at, at+1)
			}
		}
	}
	r, _ = Prune(r)
	return r
}

// replaced is the rows with one more, in the place of the one of its id, or without it.
func replaced[T any](rows []T, row T, id func(*T) string, without bool) []T {
	rows = slices.DeleteFunc(rows, func(r T) bool { return id(&r) == id(&row) })
	if without {
		return rows
	}
	return append(rows, row)
}

func copyOf(r Roster) Roster {
	r.Places, r.Doors, r.Holders = slices.Clone(r.Places), slices.Clone(r.Doors), slices.Clone(r.Holders)
	r.Teams, r.Grants, r.Assignments = slices.Clone(r.Teams), slices.Clone(r.Grants), slices.Clone(r.Assignments)
	return r
}

// deltaOf is what changed, as a database of rows has it. whole: teams have all
// their members in both, not only those who leave and join.
func deltaOf(before, after Roster, whole bool) (d Delta) {
	d.Ended.Doors, d.Begun.Doors = differ(before.Doors, after.Doors)
	d.Ended.Places, d.Begun.Places = differ(before.Places, after.Places)
	d.Ended.Holders, d.Begun.Holders = differ(before.Holders, after.Holders)
	d.Ended.Grants, d.Begun.Grants = differ(before.Grants, after.Grants)
	d.Ended.Assignments, d.Begun.Assignments = differ(before.Assignments, after.Assignments)
	for i, was := range before.Teams {
		is := after.Teams[i]
		left, joined := differ(asSet(was.Members), asSet(is.Members))
		if was.Name == is.Name && len(left)+len(joined) == 0 {
			continue
		}
		if !whole {
			was.Members, is.Members = left, joined
		}
		d.Ended.Teams, d.Begun.Teams = append(d.Ended.Teams, was), append(d.Begun.Teams, is)
	}
	return d
}

// differ is the rows that are only in a, and those that are only in b.
func differ[T comparable](a, b []T) (onlyA, onlyB []T) {
	count := map[T]int{}
	for _, row := range b {
		count[row]++
	}
	for _, row := range a {
		if count[row]--; count[row] < 0 {
			onlyA = append(onlyA, row)
		}
	}
	for row := range maps.Keys(count) {
		for ; count[row] > 0; count[row]-- {
			onlyB = append(onlyB, row)
		}
	}
	return onlyA, onlyB
}
