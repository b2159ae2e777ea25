// Package cloudtest has faithful fakes of the clouds and the conformance suite
// of sources. The fakes are written from the vendors' public documents (Kisi's
// are api.kisi.io/openapi/apps.yaml and docs.kisi.io) and import no client of
// ours, so that the two cannot agree by construction.
//
// What the documents leave open is a switch in the options, set by default to
// what a careful client finds hardest; marks like "inferred" in the comments
// say where we had to choose.
package cloudtest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// RateWindow is how the five requests a second are counted; the documents do
// not say which it is.
type RateWindow int

// The ways to count.
const (
	SlidingWindow RateWindow = iota // any second
	FixedWindow                     // every second of the clock anew
)

// Duplicates says what becomes of a second role assignment for one assignee in
// one group: 409 was seen live, 422 is documented, and old texts allow it.
type Duplicates int

// The answers to a duplicate.
const (
	Duplicates409 Duplicates = iota
	Duplicates422
	DuplicatesAllowed
)

// Options are the open questions of the documents as switches. The zero value
// is a usable organisation.
type Options struct {
	// Now is the clock of the cloud; nil is time.Now, which is the fake clock
	// inside a synctest bubble.
	Now func() time.Time
	// Organisation is the name; empty is "Acme Cowork".
	Organisation string
	// Zone is the organisation's IANA time zone; empty is "Europe/London".
	Zone string
	// Seed changes the secrets and event identifiers that are generated.
	Seed uint64

	// Rate is how many requests a second one user may make; 0 is 5, negative
	// is without limit.
	Rate       int
	Window     RateWindow
	RetryAfter bool // send Retry-After with 429; no document mentions it

	Duplicates           Duplicates
	PatchIgnoresValidity bool // PATCH of a window answers 204 and does nothing
	PatchNotifies        bool // PATCH with notify mails again
	NotifyByDefault      bool // a role assignment without notify is mailed
	NotifyManaged        bool // notify mails even a managed user
	HideExpired          bool // role assignments that ended are not listed
	ClampLimit           bool // a limit above the maximum is cut down, else 422
	Lockdown403          bool // unlock in a lockdown answers 403, else 409
	Milliseconds         bool // times carry fractions of a second
	HoursAtDoor          bool // hours of a group of the organisation are by the clock of the door, else of the organisation
	OpenWithoutSchedule  bool // a time restriction without a schedule restricts nothing, else it shuts
	MidnightAt2359       bool // hours until 23:59 end at midnight, else a minute before

	// EventSetPolls is how often GET /event_sets/{id} answers in_progress
	// before the set is finished; 0 is once, negative finishes it at once.
	EventSetPolls int
	// EventLag is how long a change takes to show up in an event set.
	EventLag time.Duration
	// EventsNewestFirst turns the order of an event set around.
	EventsNewestFirst bool
}

// Kisi is a fake of Kisi's REST API and of the organisation behind it. It is an
// http.Handler, safe for concurrent use, and starts no goroutine.
type Kisi struct {
	opts   Options
	routes []route

	mu       sync.Mutex
	faults   Faults
	org      organization
	owner    int
	serial   uint64 // of everything that is generated
	version  uint64 // of everything that counts depend on
	counted  *counts
	requests []Request
	mails    []Mail
	unlocks  []Unlock
	events   []*event
	rates    map[string]*rate
	world
}

// Request is one request as it was answered.
type Request struct {
	Method string
	Host   string
	Path   string
	Query  string
	Status int // 0: the connection was cut before an answer
	At     time.Time
	User   int // whose key it was; 0: none, or not a good one
	Login  int // which key; 0: none
	// Authorized says that the request carried an Authorization header.
	Authorized bool
	// Integration is the X-Kisi-Integration-Identifier of the caller.
	Integration string
}

// Mail is a message that Kisi would have sent.
type Mail struct {
	To   string // address or phone number
	Kind MailKind
	At   time.Time
	// About is the id of the object that caused it.
	About int
}

// MailKind is what a message is about.
type MailKind string

// The kinds of message.
const (
	MailInvitation MailKind = "invitation" // create your account
	MailAccess     MailKind = "access"     // you have access
	MailCard       MailKind = "card"       // activate your card
	MailLink       MailKind = "link"       // here is your access link
	MailSMS        MailKind = "sms"        // the same, by phone
)

// Unlock is one try to open a lock through the API.
type Unlock struct {
	Lock int
	User int // 0 for a link
	Link int // 0 for a login
	Code string
	OK   bool
	At   time.Time
}

// NewKisi makes an organisation with an owner and nothing else.
func NewKisi(opts Options) *Kisi {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Organisation == "" {
		opts.Organisation = "Acme Cowork"
	}
	if opts.Zone == "" {
		opts.Zone = "Europe/London"
	}
	if opts.Rate == 0 {
		opts.Rate = 5
	}
	if opts.EventSetPolls == 0 {
		opts.EventSetPolls = 1
	}
	k := &Kisi{opts: opts, rates: map[string]*rate{}}
	k.faults.k = k
	k.world = newWorld()
	k.routes = k.allRoutes()
	domain := strings.ToLower(strings.Join(strings.Fields(opts.Organisation), "-"))
	k.org = organization{meta: meta{id: 3289, created: k.now(), updated: k.now()}, name: opts.Organisation, domain: domain, zone: opts.Zone}
	owner := k.createUser(0, &user{name: "Olive Owner", email: "owner@" + domain + ".example", enabled: true, confirmed: true, regular: true})
	k.owner = owner.id
	k.createAssignment(k.owner, &assignment{role: "owner", on: OnOrganization(), to: ToUser(owner.id)})
	return k
}

// Owner is the id of the organisation's owner.
func (k *Kisi) Owner() int { return k.owner }

// Requests returns the requests so far, in the order of their answers; of very
// many only the newest.
func (k *Kisi) Requests() []Request {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Request(nil), k.requests...)
}

// Mails returns every message that Kisi would have sent.
func (k *Kisi) Mails() []Mail {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Mail(nil), k.mails...)
}

// Unlocks returns every try to open a lock through the API.
func (k *Kisi) Unlocks() []Unlock {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Unlock(nil), k.unlocks...)
}

// Faults are the switches for what goes wrong.
func (k *Kisi) Faults() *Faults { return &k.faults }

// now is Kisi's own clock, with its skew.
func (k *Kisi) now() time.Time { return k.opts.Now().Add(k.faults.skew).UTC() }

// generate makes an identifier that looks random and is the same in every run.
func (k *Kisi) generate(kind string) string {
	k.serial++
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.opts.Seed)
	binary.BigEndian.PutUint64(b[8:], k.serial)
	sum := sha256.Sum256(append(b[:], kind...))
	return hex.EncodeToString(sum[:16])
}

func (k *Kisi) mail(to string, kind MailKind, about int) {
	if to != "" {
		k.mails = append(k.mails, Mail{To: to, Kind: kind, At: k.now(), About: about})
	}
}

const (
	maxRequestBody = 1 << 20
	mostRequests   = 100_000 // are remembered, for a fake that is left running
)

// ServeHTTP answers one request of the API.
func (k *Kisi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	k.mu.Lock()
	delay, hook := k.faults.delay(r.URL.Path), k.faults.onRequest
	k.mu.Unlock()
	if hook != nil {
		hook(r)
	}
	if !pause(r.Context(), delay) {
		panic(http.ErrAbortHandler)
	}
	k.mu.Lock()
	a := k.answer(r, body)
	k.mu.Unlock()
	a.write(w)
}

// answer decides one request: first what is wrong on the way, then who asks,
// how often, and what for.
func (k *Kisi) answer(r *http.Request, body []byte) answer {
	log := Request{
		Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.RawQuery, At: k.now(),
		Authorized: r.Header.Get("Authorization") != "", Integration: r.Header.Get("X-Kisi-Integration-Identifier"),
	}
	a, faulty := k.faults.onTheWay(r)
	if !faulty {
		c := &call{k: k, r: r, q: r.URL.Query(), raw: body}
		reply := k.serve(c)
		log.User, log.Login = c.by.userID(), c.by.loginID()
		a = k.faults.spoil(r.URL.Path, k.render(reply))
	}
	a.date = k.now()
	log.Status = a.status
	if a.cut {
		log.Status = 0
	}
	if len(k.requests) >= mostRequests {
		k.requests = append([]Request(nil), k.requests[mostRequests/2:]...)
	}
	k.requests = append(k.requests, log)
	return a
}

// serve answers a request that arrived whole.
func (k *Kisi) serve(c *call) reply {
	ok := k.authenticate(c)
	who := "address " + remoteHost(c.r)
	if ok {
		who = c.by.budget()
	}
	if !k.allow(who, k.opts.Rate) {
		return k.tooMany()
	}
	route, known := k.match(c)
	switch {
	case !ok:
		return fail(http.StatusUnauthorized, c.by.badCode(), "Please sign in to continue.")
	case !known:
		return fail(http.StatusNotFound, "000404", "Not found.")
	case c.by.link != nil && !route.link:
		return fail(http.StatusUnauthorized, "f29aef", "The link can not be used for this.")
	case route.need != "" && !c.may(route.need):
		return fail(http.StatusForbidden, "fcd8ef", "You are not allowed to do this.")
	}
	if route.perSecond > 0 && !k.allow(who+" "+route.path, route.perSecond) {
		return k.tooMany()
	}
	return route.do(c)
}
