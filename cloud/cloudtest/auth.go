package cloudtest

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// caller is who sent a request.
type caller struct {
	login *login
	user  *user
	link  *groupLink
	tried string // the scheme that was tried
}

func (c caller) userID() int {
	if c.user == nil {
		return 0
	}
	return c.user.id
}

func (c caller) loginID() int {
	if c.login == nil {
		return 0
	}
	return c.login.id
}

// budget names what the rate limit counts: the user, never the single key.
func (c caller) budget() string {
	if c.link != nil {
		return "link " + strconv.Itoa(c.link.id)
	}
	return "user " + strconv.Itoa(c.user.id)
}

func (c caller) badCode() string {
	if c.tried == "KISI-GROUP-LINK" {
		return "f29aef"
	}
	return "afc516"
}

// authenticate finds out who asks: KISI-LOGIN with the secret of a key, or
// KISI-GROUP-LINK with that of a link (OpenAPI document, securitySchemes).
func (k *Kisi) authenticate(c *call) bool {
	scheme, secret, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	c.by.tried = scheme
	if secret == "" {
		return false
	}
	switch scheme {
	case "KISI-LOGIN":
		for _, l := range k.logins.rows {
			if l.secret == secret {
				u, there := k.users.get(l.user)
				if !there {
					return false // the key of a user who is gone is dead
				}
				l.lastUsed = k.now()
				c.by.login, c.by.user = l, u
				return true
			}
		}
	case "KISI-GROUP-LINK":
		for _, l := range k.links.rows {
			if l.secret == secret && l.enabled {
				l.lastUsed = k.now()
				c.by.link = l
				return true
			}
		}
	}
	return false
}

// may says whether the caller's roles in the organisation carry a permission.
// Rights that a role in one place gives over that place are left out: such a
// caller is answered as one without the role.
func (c *call) may(permission string) bool {
	if c.by.user == nil {
		return false
	}
	for _, a := range c.k.assignments.rows {
		if a.on.Type == typeOrganization && c.k.reaches(a.to, ToUser(c.by.user.id)) {
			if role, ok := c.k.role(a.role); ok && role.permissions[permission] {
				return true
			}
		}
	}
	return false
}

// rate is what was asked lately.
type rate struct {
	times []time.Time // sliding
	from  time.Time   // fixed: which second
	count int
}

// allow counts one request against a budget of n in a second.
func (k *Kisi) allow(who string, n int) bool {
	if n < 0 || k.opts.Rate < 0 {
		return true
	}
	now := k.opts.Now() // the skew of the clock is no excuse
	b := k.rates[who]
	if b == nil {
		b = &rate{}
		k.rates[who] = b
	}
	if k.opts.Window == FixedWindow {
		if second := now.Truncate(time.Second); !second.Equal(b.from) {
			b.from, b.count = second, 0
		}
		b.count++
		return b.count <= n
	}
	fresh := b.times[:0]
	for _, t := range b.times {
		if now.Sub(t) < time.Second {
			fresh = append(fresh, t)
		}
	}
	b.times = fresh
	if len(b.times) >= n {
		return false
	}
	b.times = append(b.times, now)
	return true
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// pause waits, or says that the caller went away.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
