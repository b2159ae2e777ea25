package casefile

import (
	"fmt"
	"slices"

	"github.com/tilegate/tilegate/daemon/access"
)

// digests name the credentials of cases. Nothing here is anybody's card.
var digests, _ = access.NewDigestKey([]byte("cases name cards, they have none"))

func (r *reader) readPeople() {
	for i := range r.rows.People {
		row, key := &r.rows.People[i], fmt.Sprintf("person[%d]", i)
		r.name("person", key, row.Name)
		r.out.roster.Holders = append(r.out.roster.Holders, access.Holder{ID: row.Name, Name: row.Name, Suspended: row.Suspended})
		var all []string
		for _, held := range []struct {
			kind   access.Kind
			values []string
		}{{access.Card, row.Cards}, {access.QR, row.Codes}, {access.Pass, row.Passes}, {access.PKOC, row.Keys}, {access.PIN, row.PINs}} {
			all = append(all, held.values...)
			for _, value := range held.values {
				c := digests.Credential(held.kind, []byte(value))
				r.out.roster.Assignments = append(r.out.roster.Assignments, access.Assignment{
					ID: row.Name + ", " + value, Kind: c.Kind, Digest: c.Digest, Assurance: c.Assurance,
					Holder: row.Name, Active: !slices.Contains(row.NotActivated, value),
				})
			}
		}
		for j, value := range row.NotActivated {
			if !slices.Contains(all, value) {
				r.strict.Blame(fmt.Sprintf("%s.not_activated[%d]", key, j), "name it in cards, codes, passes, keys or pins as well", "%s has no %q", row.Name, value)
			}
		}
	}
	for i, row := range r.rows.Teams {
		key := fmt.Sprintf("team[%d]", i)
		r.name("team", key, row.Name)
		for j, member := range row.Members {
			r.refer("person", fmt.Sprintf("%s.members[%d]", key, j), member)
		}
		r.out.roster.Teams = append(r.out.roster.Teams, access.Team{ID: row.Name, Name: row.Name, Members: row.Members})
	}
}

func (r *reader) readRights() {
	for i := range r.rows.Rights {
		row, key := &r.rows.Rights[i], fmt.Sprintf("right[%d]", i)
		r.name("right", key, row.Name)
		g := access.Grant{
			ID: row.Name, Source: row.Source, Cause: row.Cause, Cancelled: row.Cancelled,
			From: r.time(key+".from", row.From), Until: r.time(key+".until", row.Until),
		}
		if g.Source == "" {
			g.Source = cloud
		}
		if g.Cause == "" {
			g.Cause = "role"
		}
		r.refer("source", key+".source", g.Source)
		switch {
		case (row.Person == "") == (row.Team == ""):
			r.strict.Blame(key, "", "say whose right it is: person or team")
		case row.Team != "":
			g.Kind, g.Assignee = access.ToTeam, row.Team
			r.refer("team", key+".team", row.Team)
		default:
			g.Assignee = row.Person
			r.refer("person", key+".person", row.Person)
		}
		g.Scope, g.ScopeID = r.scope(key, row.Door, row.Group, row.Place, row.Everywhere)
		r.inOrder(key, "right", g.From, g.Until)
		r.out.roster.Grants = append(r.out.roster.Grants, g)
	}
}
