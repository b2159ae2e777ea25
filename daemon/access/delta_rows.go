package access

import (
	"slices"
	"sort"
	"strings"
)

// touch is the person of a holder, for this change to write to.
func (c *change) touch(at uint32) *person {
	had := c.over.people[at]
	if had != nil && c.people[at] {
		return had
	}
	p := &person{id: c.holderID(int32(at)), traits: c.traitsOf(int32(at))}
	p.teams = slices.Clone(c.teamsOf(int32(at)))
	p.grants = c.grantsOfHolder(int32(at)).all()
	if had != nil {
		p.cards = had.cards
	} else {
		p.cards = int(c.holders[at].cards)
		c.rebuild = c.rebuild || p.cards == manyCards // there may be more
	}
	c.over.people[at], c.people[at] = p, true
	return p
}

// all is a list of the grants of a run, of its own.
func (r run) all() []int32 {
	list := slices.Clone(r.list)
	for i := r.from; i < r.to; i++ {
		list = append(list, int32(i))
	}
	return list
}

func (c *change) endHolder(h *Holder) {
	at := c.findHolder(h.ID)
	if at < 0 || c.traitsOf(at) != (traits{h.Suspended, h.Extended}) {
		c.wrong("holder", h.ID, notSo)
		return
	}
	c.touch(uint32(at)).gone = true
	c.counts.Holders--
	c.away().holder(h)
}

func (c *change) beginHolder(h *Holder) {
	if h.ID == "" || c.findHolder(h.ID) >= 0 {
		c.wrong("holder", h.ID, inTurn(h.ID, 0))
		return
	}
	at, known := c.over.added[h.ID]
	if base := c.holderIDs.find(h.ID); base >= 0 {
		at, known = uint32(base), true
	}
	if !known {
		at = uint32(c.holderIDs.len() + len(c.over.added))
		id := strings.Clone(h.ID)
		c.over.added[id], c.over.people[at], c.people[at] = at, &person{id: id}, true
	}
	p := c.touch(at)
	p.gone, p.traits = false, traits{h.Suspended, h.Extended}
	c.counts.Holders++
	c.back().holder(h)
}

func (c *change) leave(m member) {
	if !c.isMember(m.team, m.holder) {
		c.wrong("team", m.id, notSo)
		return
	}
	p := c.touch(uint32(c.findHolder(m.holder)))
	p.teams = slices.DeleteFunc(p.teams, func(team uint32) bool { return team == m.team })
	c.away().pair(formMember, m.id, m.holder)
}

func (c *change) join(m member) {
	at := c.findHolder(m.holder)
	if at < 0 {
		c.wrong("team", m.id, notThere("holder", m.holder))
		return
	}
	p := c.touch(uint32(at))
	where, twice := slices.BinarySearch(p.teams, m.team)
	if twice {
		c.wrong("team", m.id, inTurn(m.id, 0))
		return
	}
	p.teams = slices.Insert(p.teams, where, m.team)
	c.back().pair(formMember, m.id, m.holder)
}

// listOf is the list of the grants of an assignee, for this change to write to,
// and how to put it back; nil: there is no such assignee.
func (c *change) listOf(g *Grant) (list []int32, put func([]int32)) {
	if g.Kind == ToHolder {
		at := c.findHolder(g.Assignee)
		if at < 0 {
			return nil, nil
		}
		p := c.touch(uint32(at))
		return p.grants, func(list []int32) { p.grants = list }
	}
	found := c.teamIDs.find(g.Assignee)
	if found < 0 {
		return nil, nil
	}
	at := uint32(found)
	if !c.teams[at] {
		c.over.teams[at], c.teams[at] = c.grantsOfTeam(at).all(), true
	}
	return c.over.teams[at], func(list []int32) { c.over.teams[at] = list }
}

// place is where a grant is in a list, or belongs.
func (c *change) place(list []int32, id string) (at int, found bool) {
	at = sort.Search(len(list), func(i int) bool { return c.grantID(list[i]) >= id })
	return at, at < len(list) && c.grantID(list[at]) == id
}

func (c *change) endGrant(g *Grant) {
	list, put := c.listOf(g)
	at, found := c.place(list, g.ID)
	if !found || !c.says(list[at], g) {
		c.wrong("grant", g.ID, notSo)
		return
	}
	put(slices.Delete(list, at, at+1))
	c.counts.Grants--
	c.away().grant(g)
}

// says whether a grant is as the row has it.
func (c *change) says(at int32, g *Grant) bool {
	t := c.term(at)
	return t.kind == g.Scope && (t.kind == ScopeOrganisation || c.scopeID(t) == g.ScopeID) &&
		t.from == micros(g.From, sinceEver) && t.until == micros(g.Until, openEnded) &&
		c.contacts[t.source].Source == g.Source && c.causeOf(at) == g.Cause && t.cancelled == g.Cancelled
}

func (c *change) beginGrant(g *Grant) {
	scope, what := c.check(g)
	source := slices.IndexFunc(c.contacts, func(contact Contact) bool { return contact.Source == g.Source })
	if source < 0 && what == "" {
		what = noSource(g)
	}
	list, put := c.listOf(g)
	at, twice := c.place(list, g.ID)
	switch {
	case what != "":
	case g.ID == "" || twice:
		what = inTurn(g.ID, 0)
	case put == nil && g.Kind == ToHolder:
		what = notThere("holder", g.Assignee)
	case put == nil:
		what = notThere("team", g.Assignee)
	}
	if what != "" {
		c.wrong("grant", g.ID, what)
		return
	}
	put(slices.Insert(list, at, int32(len(c.grants)+len(c.over.grants))))
	c.over.grants = append(c.over.grants, addedGrant{
		grant: termOf(g, scope, 0, uint8(source), idText), id: strings.Clone(g.ID), cause: strings.Clone(g.Cause),
	})
	c.counts.Grants++
	c.back().grant(g)
}

func (c *change) endCard(x *Assignment) {
	at := c.findHolder(x.Holder)
	rows := slices.Clone(c.rowsOf(&x.Digest))
	i := -1
	if at >= 0 {
		i = slices.Index(rows, rowOf(x, uint32(at)))
	}
	if i < 0 {
		c.wrong("credential", x.ID, notSo)
		return
	}
	c.setRows(&x.Digest, slices.Delete(rows, i, i+1))
	c.touch(uint32(at)).cards--
	c.away().assignment(x)
}

func (c *change) beginCard(x *Assignment) {
	at := c.findHolder(x.Holder)
	if at < 0 {
		c.wrong("credential", x.ID, notThere("holder", x.Holder))
		return
	}
	rows := append(slices.Clone(c.rowsOf(&x.Digest)), rowOf(x, uint32(at)))
	slices.SortStableFunc(rows, c.compareRows)
	c.setRows(&x.Digest, rows)
	c.touch(uint32(at)).cards++
	c.back().assignment(x)
}

func rowOf(x *Assignment, holder uint32) assignment {
	return assignment{digest: x.Digest, kind: x.Kind, holder: holder, assurance: x.Assurance, active: x.Active}
}

// setRows says what the rows of a digest are from now on.
func (c *change) setRows(d *Digest, rows []assignment) {
	before := tallyOf(c.rowsOf(d))
	after := tallyOf(rows)
	c.counts.Credentials += after.credentials - before.credentials
	c.clashes += after.clashes - before.clashes
	c.pinCount += after.pins - before.pins
	c.over.cards[*d] = &held{rows: rows, found: resolveAll(rows)}
}

type tally struct{ credentials, clashes, pins int }

// tallyOf counts what comes of all rows of one digest.
func tallyOf(rows []assignment) (n tally) {
	for _, found := range resolveAll(rows) {
		n.credentials++
		if found.clash && found.kind != PIN {
			n.clashes++
		}
	}
	last := int64(-1)
	for _, row := range rows {
		if row.kind == PIN && row.active && int64(row.holder) != last {
			last = int64(row.holder)
			n.pins++
		}
	}
	return n
}
