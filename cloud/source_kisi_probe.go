package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
)

// Test asks Kisi who the key is and whether it may read everything that a
// crawl needs, and holds some hours against Kisi's own calendar, in about two
// dozen requests. An error is returned when Kisi could not be asked or refused
// the key; a key that is good and may not do all that is needed is in the lines.
func (s *kisiSource) Test(ctx context.Context) (Report, error) {
	p := probe{source: s, crawl: kisiCrawl{source: s, quiet: true, now: time.Now()}}
	organisation, err := s.client.GetOrganization(ctx)
	if err != nil {
		p.line("reach Kisi with the key", false, "%v", err)
		return p.report, err
	}
	p.report.Organisation, p.crawl.zone = organisation.Name, organisation.TimeZone
	p.line("reach Kisi with the key", true, "organisation %s", organisation.Name)
	account, err := s.client.GetAccount(ctx)
	if err != nil {
		p.line("find out whose key it is", false, "%v", err)
		return p.report, err
	}
	p.line("find out whose key it is", true, "made by %s (%s)", account.Name, account.Email)
	if login, err := s.client.GetLogin(ctx); err == nil && login.Expire {
		p.line("see how long the key lasts", true, "it ends after some months without use")
	}
	for _, check := range []struct {
		what string
		ask  func(context.Context, kisi.Account) (found int, err error)
	}{
		{"list places", p.places},
		{"list locks", p.locks},
		{"list groups", p.groups},
		{"list roles", counted(s.client.ListRoles)},
		{"list users", p.users},
		{"list role assignments", p.rights},
		{"list cards", p.cards},
		{"list card assignments", p.cardAssignments},
		{"list guests", p.guests},
		{"list team memberships", p.teams},
		{"list schedules", p.schedules},
	} {
		found, err := check.ask(ctx, account)
		if err := p.judge(check.what, found, err); err != nil {
			return p.report, err
		}
	}
	err = p.hours(ctx)
	return p.report, err
}

// probe collects the lines of a test.
type probe struct {
	source *kisiSource
	report Report
	crawl  kisiCrawl // what was read on the way
}

func (p *probe) line(what string, ok bool, note string, args ...any) {
	p.report.Lines = append(p.report.Lines, CheckLine{What: what, OK: ok, Note: fmt.Sprintf(note, args...)})
}

// unseen is what a probe finds where nothing needs to be.
const unseen = -1

// judge writes one line. Only a failure to ask at all ends the test.
func (p *probe) judge(what string, found int, err error) error {
	switch {
	case errors.Is(err, transport.Forbidden), errors.Is(err, transport.NotFound), errors.Is(err, errPlaceMissing), errors.Is(err, errHours):
		p.line(what, false, "%v", err)
		return nil
	case err != nil:
		p.line(what, false, "%v", err)
		return err
	case found == 0:
		p.line(what, false, "Kisi answers with an empty list: check that the key was created by the Organization Owner and may see them")
	case found == unseen:
		p.line(what, true, "")
	default:
		p.line(what, true, "found %d", found)
	}
	return nil
}

var errPlaceMissing = errors.New("a place of the settings is not among those that the key can see")

func (p *probe) places(ctx context.Context, _ kisi.Account) (int, error) {
	places, err := p.source.client.ListPlaces(ctx)
	p.crawl.places = places
	for _, id := range p.source.places {
		if err == nil && !slices.ContainsFunc(places, func(x kisi.Place) bool { return x.ID == id }) {
			err = fmt.Errorf("%w: number %d; it can see %d places", errPlaceMissing, id, len(places))
		}
	}
	return len(places), err
}

func (p *probe) locks(ctx context.Context, _ kisi.Account) (int, error) {
	if len(p.source.places) == 0 {
		locks, err := p.source.client.ListLocks(ctx)
		p.crawl.locks = locks
		return len(locks), err
	}
	for _, id := range p.source.places {
		locks, err := p.source.client.ListLocks(ctx, kisi.InPlace(id))
		if err != nil {
			return 0, err
		}
		p.crawl.locks = append(p.crawl.locks, locks...)
	}
	return len(p.crawl.locks), nil
}

// groups also asks for the locks of one group, which is a right of its own.
func (p *probe) groups(ctx context.Context, _ kisi.Account) (int, error) {
	groups, err := p.source.client.ListGroups(ctx)
	p.crawl.groups = groups
	if err == nil && len(groups) > 0 {
		_, err = p.source.client.ListGroupLocks(ctx, groups[0].ID)
	}
	return len(groups), err
}

// users and rights ask for the key's own user, who is there in any case.
func (p *probe) users(ctx context.Context, me kisi.Account) (int, error) {
	users, err := p.source.client.ListUsers(ctx, kisi.ByEmail(me.Email))
	if err == nil && len(users) > 0 {
		return unseen, nil
	}
	return 0, err
}

func (p *probe) rights(ctx context.Context, me kisi.Account) (int, error) {
	rights, err := p.source.client.ListRoleAssignments(ctx, kisi.OfAssignee(kisi.AssigneeUser, me.ID))
	if err == nil && len(rights) > 0 {
		return unseen, nil
	}
	return 0, err
}

func (p *probe) cards(ctx context.Context, _ kisi.Account) (int, error) {
	_, err := p.source.client.ListCards(ctx, kisi.ByIDs(1))
	return unseen, err
}

func (p *probe) cardAssignments(ctx context.Context, me kisi.Account) (int, error) {
	_, err := p.source.client.ListCardAssignments(ctx, kisi.OfAssignee(kisi.AssigneeUser, me.ID))
	return unseen, err
}

func (p *probe) guests(ctx context.Context, _ kisi.Account) (int, error) {
	_, err := p.source.client.ListGuests(ctx, kisi.ByIDs(1))
	return unseen, err
}

func (p *probe) teams(ctx context.Context, _ kisi.Account) (int, error) {
	_, err := p.source.client.ListTeamMemberships(ctx, kisi.ByIDs(1))
	return unseen, err
}

func counted[T any](list func(context.Context) ([]T, error)) func(context.Context, kisi.Account) (int, error) {
	return func(ctx context.Context, _ kisi.Account) (int, error) {
		rows, err := list(ctx)
		return len(rows), err
	}
}
