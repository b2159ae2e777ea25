package cloudtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// plain is the smallest source that the suite should pass: a crawler that
// looks at everything twice and tries nothing twice. With a carelessness it is
// one that the suite must catch.
type plain struct {
	key, careless string
	deps          cloud.Deps
	client        http.Client
	next          time.Time
}

func (p *plain) lax(what string) bool { return p.careless == what }

func (*plain) Name() string  { return "kisi" }
func (*plain) Ageless() bool { return false }

func openPlain(careless string) OpenSource {
	return func(_ *testing.T, key string, deps cloud.Deps) cloud.Source {
		p := &plain{key: key, careless: careless, deps: deps}
		p.client = http.Client{Transport: deps.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		return p
	}
}

func (p *plain) get(ctx context.Context, path string, into any) (total int, err error) {
	if wait := time.Until(p.next); !p.lax("pace") && !pause(ctx, wait) {
		return 0, ctx.Err()
	}
	p.next = time.Now().Add(260 * time.Millisecond)
	asking := ctx
	if p.lax("cancel") {
		asking = context.WithoutCancel(ctx)
	}
	req, err := http.NewRequestWithContext(asking, "GET", "https://api.kisi.io"+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "KISI-LOGIN "+p.key)
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if p.lax("secret") {
		p.deps.Log.Error("asked", "with", p.key)
	}
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return 0, errors.New("refused: check that the key was created by the Organization Owner")
	}
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return 0, err
	}
	if r := res.Header.Get("X-Collection-Range"); r != "" && r != "*/0" {
		var first, last int
		if _, err := fmt.Sscanf(r, "%d-%d/%d", &first, &last, &total); err != nil {
			return 0, err
		}
	}
	return total, nil
}

type row struct {
	ID          json.RawMessage `json:"id"`
	UID         string          `json:"uid"`
	Kind        string          `json:"type"`
	Name        string          `json:"name"`
	Status      string          `json:"status"`
	Enabled     *bool           `json:"access_enabled"`
	SCIM        *bool           `json:"scim_access_enabled"`
	LockedDown  bool            `json:"locked_down"`
	Hours       bool            `json:"time_restriction_enabled"`
	TapOnly     bool            `json:"tap_to_access_restriction_enabled"`
	PlaceID     int             `json:"place_id"`
	LockID      int             `json:"lock_id"`
	CardID      int             `json:"card_id"`
	TeamID      int             `json:"team_id"`
	UsersCount  int             `json:"users_count"`
	MemberType  string          `json:"member_type"`
	MemberID    int             `json:"member_id"`
	Assignee    string          `json:"assignee_type"`
	AssigneeID  int             `json:"assignee_id"`
	Target      string          `json:"applies_to_type"`
	TargetID    int             `json:"applies_to_id"`
	Role        string          `json:"role_id"`
	From        time.Time       `json:"valid_from"`
	Until       time.Time       `json:"valid_until"`
	Permissions struct {
		Unlock bool `json:"locks_unlock"`
	} `json:"permissions"`
}

func (p *plain) list(ctx context.Context, path string, size int) (rows []row, err error) {
	seen, first := map[string]bool{}, -1
	for {
		var page []row
		sep := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		total, err := p.get(ctx, fmt.Sprintf("%s%slimit=%d&offset=%d", path, sep, size, len(rows)), &page)
		if err != nil {
			return nil, err
		}
		if first < 0 {
			first = total
		}
		if total != first && !p.lax("totals") {
			return nil, fmt.Errorf("%s: the total moved from %d to %d", path, first, total)
		}
		for _, r := range page {
			if seen[string(r.ID)] && !p.lax("drift") {
				return nil, fmt.Errorf("%s: a row came twice", path)
			}
			seen[string(r.ID)] = true
		}
		rows = append(rows, page...)
		short := len(page) < size && len(rows) < total
		switch {
		case short && !p.lax("short"):
			return nil, fmt.Errorf("%s: a page is short", path)
		case len(page) < size || len(rows) >= total:
			return rows, nil
		}
	}
}

func (p *plain) Fetch(ctx context.Context, _ cloud.Cursor) (cloud.Fetched, error) {
	f := cloud.Fetched{At: time.Now(), Counts: map[string]int{}}
	if err := ctx.Err(); err != nil {
		return f, err
	}
	lists := map[string][]row{}
	for _, l := range []struct {
		path string
		size int
		some bool
	}{
		{"places", 250, true},
		{"locks", 250, true},
		{"groups", 250, true},
		{"users", 100, true},
		{"guests", 250, false},
		{"team_memberships", 250, false},
		{"role_assignments", 250, true},
		{"cards", 250, true},
		{"card_assignments", 250, false},
	} {
		rows, err := p.list(ctx, "/"+l.path, l.size)
		if err != nil {
			return f, err
		}
		if len(rows) == 0 && l.some {
			return f, fmt.Errorf("%s: an empty list is no answer", l.path)
		}
		lists[l.path] = rows
	}
	var roles []row
	if _, err := p.get(ctx, "/roles", &roles); err != nil {
		return f, err
	}
	unlocks := map[string]bool{}
	for _, r := range roles {
		unlocks[strings.Trim(string(r.ID), `"`)] = r.Permissions.Unlock || p.lax("roles")
	}
	for _, g := range lists["groups"] {
		doors, err := p.list(ctx, "/group_locks?group_id="+string(g.ID), 250)
		if err != nil {
			return f, err
		}
		group := access.Group{ID: "group:" + string(g.ID), Restricted: g.Hours, AtDoorOnly: g.TapOnly}
		for _, d := range doors {
			group.Doors = append(group.Doors, p.door(d.LockID))
		}
		f.Roster.Groups = append(f.Roster.Groups, group)
		f.Counts[group.ID] = g.UsersCount
	}
	p.things(&f.Roster, lists)
	p.people(&f.Roster, lists, unlocks)
	f.Roster, f.Dropped = access.Prune(f.Roster)
	return f, nil
}

func (p *plain) door(lock int) string {
	if name, ours := p.deps.Doors[fmt.Sprintf("kisi:%d", lock)]; ours {
		return name
	}
	return fmt.Sprintf("kisi:%d", lock)
}

func (p *plain) things(r *access.Roster, lists map[string][]row) {
	for _, l := range lists["places"] {
		r.Places = append(r.Places, access.Place{ID: "place:" + string(l.ID), LockedDown: l.LockedDown})
	}
	for _, l := range lists["locks"] {
		var id int
		_ = json.Unmarshal(l.ID, &id)
		r.Doors = append(r.Doors, access.Door{ID: p.door(id), Place: fmt.Sprintf("place:%d", l.PlaceID), LockedDown: l.LockedDown})
	}
}

func (p *plain) people(r *access.Roster, lists map[string][]row, unlocks map[string]bool) {
	off := func(b *bool) bool { return b != nil && !*b }
	for _, u := range lists["users"] {
		r.Holders = append(r.Holders, access.Holder{ID: "User:" + string(u.ID), Name: u.Name, Suspended: off(u.Enabled) || off(u.SCIM)})
	}
	for _, g := range lists["guests"] {
		r.Holders = append(r.Holders, access.Holder{ID: "Guest:" + string(g.ID), Name: g.Name})
	}
	teams := map[int][]string{}
	for _, m := range lists["team_memberships"] {
		teams[m.TeamID] = append(teams[m.TeamID], fmt.Sprintf("%s:%d", m.MemberType, m.MemberID))
	}
	for id, members := range teams {
		r.Teams = append(r.Teams, access.Team{ID: fmt.Sprintf("Team:%d", id), Members: members})
	}
	cards := map[int]row{}
	for _, c := range lists["cards"] {
		var id int
		_ = json.Unmarshal(c.ID, &id)
		cards[id] = c
	}
	for _, a := range lists["card_assignments"] {
		kind, value := access.Card, strings.ToLower(cards[a.CardID].UID)
		if cards[a.CardID].Kind == CardQR {
			kind, value = access.QR, cards[a.CardID].UID
		}
		r.Assignments = append(r.Assignments, access.Assignment{
			ID: string(a.ID), Kind: kind, Digest: p.deps.Digest.Digest(kind, []byte(value)), Assurance: kind.DefaultAssurance(),
			Holder: fmt.Sprintf("%s:%d", a.Assignee, a.AssigneeID), Active: a.Status == "activated" || p.lax("status of cards"),
		})
	}
	for _, a := range lists["role_assignments"] {
		if !unlocks[a.Role] {
			continue
		}
		g := access.Grant{ID: string(a.ID), Assignee: fmt.Sprintf("%s:%d", a.Assignee, a.AssigneeID), From: a.From, Until: a.Until, Source: "kisi"}
		if a.Assignee == "Team" && !p.lax("teams") {
			g.Kind = access.ToTeam
		}
		switch a.Target {
		case "Organization":
			g.Scope = access.ScopeOrganisation
		case "Place":
			g.Scope, g.ScopeID = access.ScopePlace, fmt.Sprintf("place:%d", a.TargetID)
		default:
			g.Scope, g.ScopeID = access.ScopeGroup, fmt.Sprintf("group:%d", a.TargetID)
		}
		r.Grants = append(r.Grants, g)
	}
}

func (p *plain) Test(ctx context.Context) (cloud.Report, error) {
	var org row
	if _, err := p.get(ctx, "/organization", &org); err != nil {
		return cloud.Report{}, err
	}
	report := cloud.Report{Organisation: org.Name}
	for _, what := range []string{"/users", "/role_assignments"} {
		_, err := p.get(ctx, what, new([]row))
		line := cloud.CheckLine{What: what, OK: err == nil}
		if err != nil {
			line.Note = err.Error()
		}
		report.Lines = append(report.Lines, line)
	}
	return report, nil
}

const carelessEnv = "CLOUDTEST_CARELESS"

func TestCarefulSourcePassesSuite(t *testing.T) {
	SourceSuite(t, openPlain(os.Getenv(carelessEnv)))
}

// TestSuiteCatchesCarelessSources runs the suite in a process of its own, with
// one precaution of the source left out, and wants the part to fail that is
// there for it.
func TestSuiteCatchesCarelessSources(t *testing.T) {
	if os.Getenv(carelessEnv) != "" {
		t.Skip("this is the inner process")
	}
	for _, tt := range []struct{ careless, test, part string }{
		{"totals", "TestCarefulSourcePassesSuite", "NothingLessThanEverything/rows_go"},
		{"drift", "TestCarefulSourcePassesSuite", "NothingLessThanEverything/rows_move"},
		{"short", "TestCarefulSourcePassesSuite", "NothingLessThanEverything/short_pages"},
		{"teams", "TestCarefulSourcePassesSuite", "EverybodyIsDecidedRight/plain"},
		{"pace", "TestCarefulSourcePassesSuite", "BudgetIsKept/window_0"},
		{"cancel", "TestCarefulSourcePassesSuite", "CancellationReturnsSoon/while_an_answer_is_awaited"},
		{"secret", "TestCarefulSourcePassesSuite", "SameWorldGivesSameRoster/twice"},
		{"roles", "TestCarefulSourcePassesSuite", "EverybodyIsDecidedRight/plain"},
		{"status of cards", "TestCarefulSourcePassesSuite", "EverybodyIsDecidedRight/plain"},
		{"deaf", "TestFileSourcePassesLocalSuite", "DamageIsRefusedWhole"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(tt.test+"/"+tt.part, "/", "$/^")+"$", "-test.timeout=1m")
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, carelessEnv) }), carelessEnv+"="+tt.careless)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !bytes.Contains(out, []byte("--- FAIL: "+tt.test+"/"+tt.part)) {
			t.Errorf("%s: %v; want %s to fail\n%s", tt.careless, err, tt.part, out)
		}
	}
}
