package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
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
	fileLimits
	LockedDown    bool        `json:"locked_down"`     // nobody may open it
	Unlock        *[]fileHour `json:"unlock"`          // when it stands open for everybody
	FirstToArrive bool        `json:"first_to_arrive"` // unlock waits until somebody has come who may
}

// fileLimits is what groups and doors have alike.
type fileLimits struct {
	Hours      *[]fileHour `json:"hours"`        // left out: always
	Zone       string      `json:"time_zone"`    // IANA name; left out: that of the door, the place, the site
	AtDoorOnly bool        `json:"at_door_only"` // not from afar
}

// filePlace is one row of "places".
type filePlace struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Zone       string `json:"time_zone"`   // IANA name; left out: that of the site
	LockedDown bool   `json:"locked_down"` // nobody may open any of its doors
}

// fileGroup is one row of "groups": doors that are given together.
type fileGroup struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Doors []string `json:"doors"` // ids of doors
	fileLimits
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
	errArrival = errors.New("first_to_arrive is of no use without unlock")
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
	if err := cmp.Or(named(row.ID, row.Name), knownZone(row.Zone)); err != nil {
		return err
	}
	return r.put(access.Roster{Places: []access.Place{{ID: row.ID, Name: row.Name, Zone: row.Zone, LockedDown: row.LockedDown}}}, line)
}

func (r *rosterReader) addDoor(row fileDoor, line int) error {
	if err := cmp.Or(named(row.ID, row.Name), knownZone(row.Zone)); err != nil {
		return err
	}
	of := timetable{on: access.ScopeDoor, id: row.ID}
	if err := of.add("hours", row.Hours, access.Allow); err != nil {
		return err
	}
	if err := of.add("unlock", row.Unlock, access.Unlock); err != nil {
		return err
	}
	if row.FirstToArrive {
		if row.Unlock == nil {
			return errArrival
		}
		of.waitForArrival()
	}
	return r.put(access.Roster{Schedules: of.rows, Doors: []access.Door{{
		ID: row.ID, Name: row.Name, Place: row.Place, Zone: row.Zone,
		LockedDown: row.LockedDown, Restricted: row.Hours != nil, AtDoorOnly: row.AtDoorOnly,
	}}}, line)
}

func (r *rosterReader) addGroup(row fileGroup, line int) error {
	if err := cmp.Or(named(row.ID, row.Name), knownZone(row.Zone)); err != nil {
		return err
	}
	of := timetable{on: access.ScopeGroup, id: row.ID}
	if err := of.add("hours", row.Hours, access.Allow); err != nil {
		return err
	}
	return r.put(access.Roster{Schedules: of.rows, Groups: []access.Group{{
		ID: row.ID, Name: row.Name, Doors: row.Doors, Zone: row.Zone, Restricted: row.Hours != nil, AtDoorOnly: row.AtDoorOnly,
	}}}, line)
}

func knownZone(name string) error {
	if name == "" {
		return nil
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return fmt.Errorf("time_zone %q is not an IANA name, as in Europe/Rome", name)
	}
	return nil
}

func (r *rosterReader) addTeam(row fileTeam, line int) error {
	if err := named(row.ID, row.Name); err != nil {
		return err
	}
	return r.put(access.Roster{Teams: []access.Team{{ID: row.ID, Name: row.Name, Members: row.Members}}}, line)
}

func (r *rosterReader) addPerson(row filePerson, line int) error {
	if err := named(row.ID, row.Name); err != nil {
		return err
	}
	if len(row.Cards)+len(row.QR)+len(row.Wiegand)+len(row.Passes)+len(row.Keys) > maxPerHead || len(row.Groups) > maxPerHead {
		return errTooMany
	}
	r.people++
	rows := access.Roster{Holders: []access.Holder{{ID: row.ID, Name: row.Name, Suspended: row.Suspended, Extended: row.Extended}}}
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
			rows.Assignments = append(rows.Assignments, r.credential(row.ID, held.kind, i+1, forms...)...)
		}
	}
	if row.PIN != "" {
		pin, err := r.pin(row.ID, row.PIN, line)
		if err != nil {
			return err
		}
		rows.Assignments = append(rows.Assignments, pin...)
	}
	for _, group := range row.Groups {
		g, err := grantOf(fileGrant{Person: row.ID, Group: group})
		if err != nil {
			return err
		}
		rows.Grants = append(rows.Grants, g)
	}
	return r.put(rows, line)
}

// pin is a PIN that nobody else may have. A short one only counts beside a card,
// so that people may have the same: it is handed on at once.
func (r *rosterReader) pin(holder, digits string, line int) ([]access.Assignment, error) {
	form, err := pinForm(digits)
	if err != nil {
		return nil, err
	}
	rows := r.credential(holder, access.PIN, 1, form)
	if len(form) >= access.MinLonePIN {
		return rows, nil
	}
	r.failed = r.into.Add(access.Roster{Assignments: rows}, line, true)
	return nil, r.failed
}

// credential is a credential in all its forms. In a file two people with one card
// are a mistake of the writer, in whatever byte order.
func (r *rosterReader) credential(holder string, kind access.Kind, number int, forms ...string) []access.Assignment {
	return credentialRows(r.deps.Digest, fmt.Sprintf("%s/%s/%d", holder, kind, number), holder, kind, true, forms...)
}

// credentialOf takes the id of a credential apart.
func credentialOf(id string) (holder, kind, number string) {
	last := strings.LastIndexByte(id, '/')
	first := strings.LastIndexByte(id[:max(last, 0)], '/')
	if first < 0 {
		return id, "credential", ""
	}
	return id[:first], id[first+1 : last], id[last+1:]
}

func (r *rosterReader) addGrant(row fileGrant, line int) error {
	g, err := grantOf(row)
	if err != nil {
		return err
	}
	return r.put(access.Roster{Grants: []access.Grant{g}}, line)
}

func grantOf(row fileGrant) (access.Grant, error) {
	g := access.Grant{ID: row.ID, From: row.From, Until: row.Until, Source: fileSourceName, Cause: "manual"}
	switch {
	case row.Person != "" && row.Team == "":
		g.Kind, g.Assignee = access.ToHolder, row.Person
	case row.Person == "" && row.Team != "":
		g.Kind, g.Assignee = access.ToTeam, row.Team
	default:
		return g, errWho
	}
	what := 0
	for _, one := range [...]struct {
		scope access.ScopeKind
		id    string
	}{{access.ScopeGroup, row.Group}, {access.ScopeDoor, row.Door}, {access.ScopePlace, row.Place}} {
		if one.id != "" {
			what++
			g.Scope, g.ScopeID = one.scope, one.id
		}
	}
	if row.Everywhere {
		what++
		g.Scope, g.ScopeID = access.ScopeOrganisation, ""
	}
	if what != 1 {
		return g, errWhat
	}
	if !g.From.IsZero() && !g.Until.IsZero() && !g.From.Before(g.Until) {
		return g, errWindow
	}
	if g.ID == "" {
		g.ID = g.Assignee + "@" + cmp.Or(g.ScopeID, "everywhere")
		if g.Kind == access.ToTeam {
			g.ID = "team:" + g.ID
		}
	}
	return g, named(g.ID, "")
}
