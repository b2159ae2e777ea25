package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/tilegate/tilegate/daemon/access"
)

// The rows of a roster file. The file is one JSON object with a list for each
// kind of row; lists may be left out and come in any order. Ids are up to the
// writer: they are what the journal and "tilegate why" will name.

// fileDoor is one row of "doors".
type fileDoor struct {
	ID    string `json:"id"`    // of [[door]] in the settings
	Name  string `json:"name"`  // for people
	Place string `json:"place"` // id of a place; may be left out
}

// filePlace is one row of "places".
type filePlace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Zone string `json:"time_zone"` // IANA name; left out: that of the site
}

// fileGroup is one row of "groups": doors that are given together.
type fileGroup struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Doors []string `json:"doors"` // ids of doors
}

// filePerson is one row of "people".
type filePerson struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Suspended bool     `json:"suspended"` // opens nothing, keeps everything
	Extended  bool     `json:"extended"`  // doors stay unlocked longer for the person, as their extended_hold says
	Cards     []string `json:"cards"`     // UIDs in hex, in either byte order; ":", "-" and spaces do not matter
	QR        []string `json:"qr"`        // the text of codes
	Wiegand   []string `json:"wiegand"`   // "h10301:12:3456": format, facility, number
	Passes    []string `json:"passes"`    // the subject of signed passes, in hex
	Keys      []string `json:"keys"`      // public keys of PKOC cards and phones, in hex, not compressed
	PIN       string   `json:"pin"`       // digits, 4 to 12; alone, where a door takes that, from 6 on
	Groups    []string `json:"groups"`    // ids of groups that the person may open, without end
}

// fileTeam is one row of "teams": people who are given rights together.
type fileTeam struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Members []string `json:"members"` // ids of people
}

// fileGrant is one row of "grants": exactly one of person and team may open
// exactly one of group, door, place and everywhere.
type fileGrant struct {
	ID         string    `json:"id"` // left out: made of who and what
	Person     string    `json:"person"`
	Team       string    `json:"team"`
	Group      string    `json:"group"`
	Door       string    `json:"door"`
	Place      string    `json:"place"`
	Everywhere bool      `json:"everywhere"`
	From       time.Time `json:"from"`  // RFC 3339; left out: since ever
	Until      time.Time `json:"until"` // RFC 3339, itself outside; left out: without end
}

// Limits on one row. They keep a slip of a script from filling the memory.
const (
	maxID      = 128
	maxName    = 256
	maxPerHead = 64 // credentials, and groups, of one person
)

const fileSourceName = "file"

var (
	errNoID    = errors.New("it has no id")
	errLongID  = fmt.Errorf("its id is longer than %d characters", maxID)
	errLong    = fmt.Errorf("its name is longer than %d characters", maxName)
	errTooMany = fmt.Errorf("it has more than %d credentials or groups", maxPerHead)
	errWho     = errors.New("a grant names exactly one of person and team")
	errWhat    = errors.New("a grant names exactly one of group, door, place and everywhere")
	errWindow  = errors.New("it ends before it begins")
)

func named(id, name string) error {
	switch {
	case id == "":
		return errNoID
	case utf8.RuneCountInString(id) > maxID:
		return errLongID
	case utf8.RuneCountInString(name) > maxName:
		return errLong
	}
	return nil
}

func (r *rosterReader) addPlace(row filePlace, line int) error {
	if row.Zone != "" {
		if _, err := time.LoadLocation(row.Zone); err != nil {
			return fmt.Errorf("time_zone %q is not an IANA name, as in Europe/Rome", row.Zone)
		}
	}
	r.rows.Places = append(r.rows.Places, access.Place{ID: row.ID, Name: row.Name, Zone: row.Zone})
	return r.unique(tablePlaces, row.ID, row.Name, line)
}

func (r *rosterReader) addDoor(row fileDoor, line int) error {
	r.rows.Doors = append(r.rows.Doors, access.Door{ID: row.ID, Name: row.Name, Place: row.Place})
	return r.unique(tableDoors, row.ID, row.Name, line)
}

func (r *rosterReader) addGroup(row fileGroup, line int) error {
	r.rows.Groups = append(r.rows.Groups, access.Group{ID: row.ID, Name: row.Name, Doors: row.Doors})
	return r.unique(tableGroups, row.ID, row.Name, line)
}

func (r *rosterReader) addTeam(row fileTeam, line int) error {
	r.rows.Teams = append(r.rows.Teams, access.Team{ID: row.ID, Name: row.Name, Members: row.Members})
	return r.unique(tableTeams, row.ID, row.Name, line)
}

func (r *rosterReader) addPerson(row filePerson, line int) error {
	if err := r.unique(tablePeople, row.ID, row.Name, line); err != nil {
		return err
	}
	if len(row.Cards)+len(row.QR)+len(row.Wiegand)+len(row.Passes)+len(row.Keys) > maxPerHead || len(row.Groups) > maxPerHead {
		return errTooMany
	}
	r.rows.Holders = append(r.rows.Holders, access.Holder{ID: row.ID, Name: row.Name, Suspended: row.Suspended, Extended: row.Extended})
	for _, held := range []struct {
		kind   access.Kind
		values []string
		forms  func(string) ([]string, error)
	}{
		{access.Card, row.Cards, cardForms},
		{access.QR, row.QR, codeForms},
		{access.Wiegand, row.Wiegand, wiegandForms},
		{access.Pass, row.Passes, passForms},
		{access.PKOC, row.Keys, keyForms},
	} {
		for i, value := range held.values {
			forms, err := held.forms(value)
			if err != nil {
				return err
			}
			if err := r.addCredential(row.ID, held.kind, i, forms...); err != nil {
				return err
			}
		}
	}
	if row.PIN != "" {
		if err := r.addPIN(row.ID, row.PIN); err != nil {
			return err
		}
	}
	for _, group := range row.Groups {
		if err := r.addGrant(fileGrant{Person: row.ID, Group: group}, line); err != nil {
			return err
		}
	}
	return nil
}

// addPIN adds a PIN. A short one only counts beside a card, so that people may
// have the same; one that is long enough to open a door alone says who it is.
func (r *rosterReader) addPIN(holder, digits string) error {
	form, err := pinForm(digits)
	if err != nil {
		return err
	}
	if len(form) >= access.MinLonePIN {
		return r.addCredential(holder, access.PIN, 0, form)
	}
	r.rows.Assignments = append(r.rows.Assignments,
		credentialRows(r.deps.Digest, holder+"/pin/1", holder, access.PIN, true, form)...)
	return nil
}

// addCredential adds all forms of a credential. In a file two people with one
// card are a mistake of the writer, in whatever byte order.
func (r *rosterReader) addCredential(holder string, kind access.Kind, at int, forms ...string) error {
	id := fmt.Sprintf("%s/%s/%d", holder, kind, at+1)
	for _, row := range credentialRows(r.deps.Digest, id, holder, kind, true, forms...) {
		key := cardKey{row.Kind, row.Digest}
		if other, taken := r.taken[key]; taken {
			if other == holder {
				return fmt.Errorf("it has the same %s twice", kind)
			}
			return fmt.Errorf("its %s %d is also that of %q", kind, at+1, other)
		}
		r.taken[key] = holder
		r.rows.Assignments = append(r.rows.Assignments, row)
	}
	return nil
}

func (r *rosterReader) addGrant(row fileGrant, line int) error {
	g := access.Grant{ID: row.ID, From: row.From, Until: row.Until, Source: fileSourceName, Cause: "manual"}
	switch {
	case row.Person != "" && row.Team == "":
		g.Kind, g.Assignee = access.ToHolder, row.Person
	case row.Person == "" && row.Team != "":
		g.Kind, g.Assignee = access.ToTeam, row.Team
	default:
		return errWho
	}
	what := 0
	for scope, id := range map[access.ScopeKind]string{access.ScopeGroup: row.Group, access.ScopeDoor: row.Door, access.ScopePlace: row.Place} {
		if id != "" {
			what++
			g.Scope, g.ScopeID = scope, id
		}
	}
	if row.Everywhere {
		what++
		g.Scope, g.ScopeID = access.ScopeOrganisation, ""
	}
	if what != 1 {
		return errWhat
	}
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		return errWindow
	}
	if g.ID == "" {
		g.ID = fmt.Sprintf("%s@%s", g.Assignee, cmp.Or(g.ScopeID, "everywhere"))
		if g.Kind == access.ToTeam {
			g.ID = "team:" + g.ID
		}
	}
	r.rows.Grants = append(r.rows.Grants, g)
	return r.unique(tableGrants, g.ID, "", line)
}
