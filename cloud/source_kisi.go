package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tilegate/tilegate/cloud/kisi"
	"github.com/tilegate/tilegate/cloud/transport"
)

var _ = register("kisi", checkKisi)

// Why a whole crawl of Kisi is not believed. The rights in force stand.
var (
	// ErrOtherOrganisation says that the key belongs to another organisation
	// than before.
	ErrOtherOrganisation = errors.New("the key is one of another organisation")
	// ErrIdentityMoved says that the key began to be another's while it was used.
	ErrIdentityMoved = errors.New("the key was changed during the crawl")
	// ErrNobody says that a list is empty that cannot be.
	ErrNobody = errors.New("an empty list is not believed")
)

// kisiOptions is [kisi] in the settings.
type kisiOptions struct {
	// KeyFile is a file with the API key; relative: in the credentials directory.
	KeyFile string `toml:"api_key_file"`
	// Places are the ids of the places whose doors are mirrored; none: all
	// that the key can see.
	Places []int64 `toml:"places"`
	// BaseURL is for tests and the simulator: http only on loopback.
	BaseURL string `toml:"base_url"`

	// What Kisi's documents leave open. Empty is the first of each.

	// OrganizationHours says by which clock the hours of a group are that belongs
	// to no place: "door" or "organization".
	OrganizationHours string `toml:"organization_hours"`
	// HoursMissing says what a time restriction without any schedule does:
	// it keeps "closed", or leaves "open".
	HoursMissing string `toml:"hours_missing"`
	// HoursUntil2359 says whether hours until 23:59 end at "midnight", or a minute
	// before, as "literal".
	HoursUntil2359 string `toml:"hours_until_2359"`
	// AppRestrictions says what a group that asks for the primary or a managed
	// device, or forbids the app, does here: it forbids what is "remote", or
	// nothing, as "ignore". At the tile they never matter.
	AppRestrictions string `toml:"app_restrictions"`
}

// kisiRules are the answers to what is open. The zero value is the safe one.
type kisiRules struct{ zoneOfOrganisation, openUnscheduled, literalEnd, appAnywhere bool }

func (o *kisiOptions) rules() (r kisiRules, err error) {
	for _, choice := range []struct {
		key, is, safe, other string
		chosen               *bool
	}{
		{"organization_hours", o.OrganizationHours, "door", "organization", &r.zoneOfOrganisation},
		{"hours_missing", o.HoursMissing, "closed", "open", &r.openUnscheduled},
		{"hours_until_2359", o.HoursUntil2359, "midnight", "literal", &r.literalEnd},
		{"app_restrictions", o.AppRestrictions, "remote", "ignore", &r.appAnywhere},
	} {
		switch choice.is {
		case "", choice.safe:
		case choice.other:
			*choice.chosen = true
		default:
			return r, fmt.Errorf("%s: %q is no choice: write %q or %q", choice.key, choice.is, choice.safe, choice.other)
		}
	}
	return r, nil
}

type kisiPlan struct {
	kisiOptions
	rules kisiRules
}

func checkKisi(decode Decode) (Plan, error) {
	var p kisiPlan
	if err := decode(&p.kisiOptions); err != nil {
		return nil, err
	}
	if p.KeyFile == "" {
		return nil, errors.New("api_key_file: name the file that holds the API key of Kisi")
	}
	for i, id := range p.Places {
		if id <= 0 || slices.Contains(p.Places[:i], id) {
			return nil, fmt.Errorf("places: %d is not an id, or is there twice: an id is the number in the address of the place in Kisi's dashboard", id)
		}
	}
	var err error
	if p.rules, err = p.kisiOptions.rules(); err != nil {
		return nil, err
	}
	// Checks the address; nothing is sent and no key is read.
	_, err = kisi.NewClient(kisi.Options{BaseURL: p.BaseURL, Key: func() (kisi.Key, error) { return "", kisi.ErrNoKey }})
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	return p, nil
}

// Open makes the source; nothing is sent.
func (p kisiPlan) Open(d Deps) (Source, error) {
	path := p.KeyFile
	if d.SecretPath != nil {
		path = d.SecretPath(path)
	}
	agent := "tilegate"
	if d.Version != "" {
		agent += "/" + d.Version
	}
	client, err := kisi.NewClient(kisi.Options{
		BaseURL: p.BaseURL, Key: kisi.KeyFile(path),
		HTTP: transport.Options{UserAgent: agent, RoundTripper: d.Transport, Metrics: d.Metrics, Log: d.Log, Heard: d.Heard},
	})
	if err != nil {
		return nil, err
	}
	return &kisiSource{client: client, places: p.Places, rules: p.rules, deps: d}, nil
}

// kisiSource mirrors the access groups of a Kisi organisation.
type kisiSource struct {
	client *kisi.Client
	places []int64 // none: all
	rules  kisiRules
	deps   Deps
	// holidays are lists that were read before, since they seldom change.
	holidays  holidayBook
	comparing sync.Mutex // held by the one comparison that may be under way
}

// Name is "kisi".
func (*kisiSource) Name() string { return kisiSourceName }

// Ageless is false: Kisi may have changed its mind since.
func (*kisiSource) Ageless() bool { return false }

// identity is who the key was at the last crawl.
type identity struct {
	Organisation int64 `json:"organisation"`
	User         int64 `json:"user"`
}

// Fetch reads everything, about 100 requests for 1,000 people at 4 a second.
// It is believed only when it is whole: the same key of the same organisation
// at both ends, and no list empty that cannot be.
func (s *kisiSource) Fetch(ctx context.Context, cursor Cursor) (Fetched, error) {
	var last identity
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &last); err != nil {
			return Fetched{}, fmt.Errorf("kisi: where the last crawl stood cannot be read: %w", err)
		}
	}
	first, organisation, err := s.identify(ctx)
	if err != nil {
		return Fetched{}, err
	}
	if last.Organisation != 0 && last.Organisation != first.Organisation {
		return Fetched{}, fmt.Errorf("kisi: %w: it was number %d and is now %d: put the key of the right organisation back; the rights in force stand. If the move is meant, restart the gateway",
			ErrOtherOrganisation, last.Organisation, first.Organisation)
	}
	c := kisiCrawl{source: s, zone: organisation.TimeZone, now: time.Now()}
	if err := c.read(ctx); err != nil {
		return Fetched{}, err
	}
	again, _, err := s.identify(ctx)
	if err != nil {
		return Fetched{}, err
	}
	if again != first {
		return Fetched{}, fmt.Errorf("kisi: %w: it is tried again with the next sync", ErrIdentityMoved)
	}
	now, err := json.Marshal(first)
	if err != nil {
		return Fetched{}, fmt.Errorf("kisi: where this crawl stands: %w", err)
	}
	m := newKisiMirror(s.deps, s.rules)
	m.add(&c)
	fetched := Fetched{Roster: m.roster, At: time.Now(), Cursor: Cursor(now), Dropped: m.dropped, Off: m.off}
	// The totals that a new key is told are of what it may see, so they prove
	// nothing until it has seen a whole crawl.
	if last.User == 0 || last.User == first.User {
		fetched.Counts = m.counts
	}
	return fetched, nil
}

// identify asks who the key is, and of which organisation.
func (s *kisiSource) identify(ctx context.Context) (identity, kisi.Organization, error) {
	organisation, err := s.client.GetOrganization(ctx)
	if err != nil {
		return identity{}, organisation, err
	}
	account, err := s.client.GetAccount(ctx)
	if err != nil {
		return identity{}, organisation, err
	}
	if account.OrganizationID != organisation.ID {
		return identity{}, organisation, fmt.Errorf("kisi: %w: its user is of organisation %d, and it says it is of %d", ErrIdentityMoved, account.OrganizationID, organisation.ID)
	}
	return identity{Organisation: organisation.ID, User: account.ID}, organisation, nil
}

var _ Source = (*kisiSource)(nil)
