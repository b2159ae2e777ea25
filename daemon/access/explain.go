package access

import (
	"cmp"
	"time"
)

// GrantView is a grant in words.
type GrantView struct {
	ID        string    `json:"id"`
	Scope     string    `json:"scope"`      // door, group, place, organisation
	ScopeID   string    `json:"scope_id"`   // empty for the organisation
	ScopeName string    `json:"scope_name"` // as people know it
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Source    string    `json:"source"`
	Cause     string    `json:"cause"`
}

// MissView is one reason of a refusal in words.
type MissView struct {
	Reason Reason     `json:"reason"`
	Words  string     `json:"words"`
	Detail string     `json:"detail,omitempty"` // whose lockdown; which hours
	Grant  *GrantView `json:"grant,omitempty"`
	Opens  time.Time  `json:"opens,omitzero"` // when waiting alone would do
}

// Explanation is a Decision in words.
type Explanation struct {
	Granted    bool          `json:"granted"`
	Reason     Reason        `json:"reason"`
	Words      string        `json:"words"`
	Holder     string        `json:"holder,omitempty"`
	Grant      *GrantView    `json:"grant,omitempty"`
	Extended   bool          `json:"extended,omitempty"` // granted to somebody for whom doors stay unlocked longer
	Misses     []MissView    `json:"misses,omitempty"`
	Works      time.Time     `json:"works,omitzero"`   // when the whole would pass, if only the time refuses
	Warned     bool          `json:"warned,omitempty"` // granted, though the same credential came again too soon
	Generation uint64        `json:"generation"`
	Age        time.Duration `json:"age"`
}

// Explain puts a decision of this very snapshot into words.
func (s *Snapshot) Explain(d Decision) Explanation {
	e := Explanation{
		Granted: d.Granted(), Reason: d.Reason, Words: d.Reason.Words(),
		Holder: s.HolderID(d), Grant: s.view(d.grant), Extended: s.Extended(d), Warned: d.Warned(), Generation: d.Generation, Age: d.Age,
	}
	if d.works != 0 {
		e.Works = time.UnixMicro(d.works).UTC()
	}
	for _, m := range d.Misses() {
		v := MissView{Reason: m.Reason, Words: m.Reason.Words(), Grant: s.view(m.grant)}
		v.Detail = cmp.Or(lockedWords[m.locked], s.hoursOf(&d, &m))
		if m.opens != 0 {
			v.Opens = time.UnixMicro(m.opens).UTC()
		}
		e.Misses = append(e.Misses, v)
	}
	return e
}

// HolderID is whose credential it was, or "".
func (s *Snapshot) HolderID(d Decision) string {
	if d.holder < 0 {
		return ""
	}
	return s.holderID(d.holder)
}

// Extended says whether a door that opens by this decision stays unlocked longer,
// for the sake of whom it opens for. A refusal never does.
func (s *Snapshot) Extended(d Decision) bool {
	return d.Granted() && d.holder >= 0 && s.traitsOf(d.holder).extended
}

// view is a grant in words, or nil.
func (s *Snapshot) view(at int32) *GrantView {
	if at < 0 {
		return nil
	}
	g := s.term(at)
	v := &GrantView{
		ID: s.grantID(at), Scope: g.kind.String(),
		Source: s.contacts[g.source].Source, Cause: s.causeOf(at),
	}
	switch g.kind {
	case ScopeDoor:
		v.ScopeID, v.ScopeName = s.doors[g.scope].id, s.doors[g.scope].name
	case ScopeGroup:
		v.ScopeID, v.ScopeName = s.groups[g.scope].id, s.groups[g.scope].name
	case ScopePlace:
		v.ScopeID, v.ScopeName = s.places[g.scope].id, s.places[g.scope].name
	case ScopeOrganisation:
		v.ScopeName = "the whole organisation"
	}
	if g.from != sinceEver {
		v.From = time.UnixMicro(g.from).UTC()
	}
	if g.until != openEnded {
		v.Until = time.UnixMicro(g.until).UTC()
	}
	return v
}
