package access

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// HashForm numbers the canonical form: hashes of two forms cannot be compared.
const HashForm = 2

// rowSum is the hash of a set of rows that can follow a change: the SHA-256 of
// each row in its canonical form, added up modulo 2^256. The order of the rows
// does not matter, and a row can be taken away again.
//
// It is a checksum: it finds rows that were damaged, lost or mixed up, and names
// the rights that decided. It binds nobody who writes the rows: whoever may add
// some ten thousand of their own choice can reach a sum that they want (Clarke
// and others, Incremental Multiset Hash Functions, 2003).
type rowSum [4]uint64 // the lowest first

func (s *rowSum) add(row *[sha256.Size]byte) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], binary.BigEndian.Uint64(row[24-8*i:]), carry)
	}
}

func (s *rowSum) sub(row *[sha256.Size]byte) {
	var borrow uint64
	for i := range s {
		s[i], borrow = bits.Sub64(s[i], binary.BigEndian.Uint64(row[24-8*i:]), borrow)
	}
}

func (s *rowSum) bytes() (out [sha256.Size]byte) {
	for i := range s {
		binary.BigEndian.PutUint64(out[24-8*i:], s[i])
	}
	return out
}

// The tables, as a row names its own. They are part of the form.
const (
	formPlace byte = iota + 1
	formDoor
	formPolicy
	formGroup
	formGroupDoor
	formSchedule
	formTeam
	formMember
	formHolder
	formAssignment
	formGrant
)

// hasher sums rows up, each in a form of its own: which table, and every text
// with its length before it, so that no two rows share a form. Names of people
// and causes decide nothing, yet they are in it: a changed name is a changed
// content.
type hasher struct {
	sum  rowSum
	away bool // rows are taken away
	row  []byte
}

// newHasher begins with the form itself, so that no rows at all are not nought.
func newHasher() hasher {
	var h hasher
	start := sha256.Sum256([]byte("tilegate rights, form 2"))
	h.sum.add(&start)
	return h
}

func (w *hasher) begin(table byte) { w.row = append(w.row[:0], table) }

func (w *hasher) end() {
	row := sha256.Sum256(w.row)
	if w.away {
		w.sum.sub(&row)
	} else {
		w.sum.add(&row)
	}
}

func (w *hasher) place(p *Place) {
	w.begin(formPlace)
	w.texts(p.ID, p.Name, p.Zone)
	w.flags(p.LockedDown)
	w.end()
}

func (w *hasher) door(d *Door) {
	w.begin(formDoor)
	w.texts(d.ID, d.Name, d.Place, d.Zone)
	w.flags(d.LockedDown, d.Restricted, d.AtDoorOnly)
	w.end()
}

func (w *hasher) policy(p *Policy) {
	w.begin(formPolicy)
	w.texts(p.Door, p.Name, p.Zone)
	w.flags(p.AskPIN, p.HighSecurity, p.Residential, p.PassbackRefuses)
	w.number(int64(p.MinimumAssurance))
	w.number(int64(p.Passback))
	w.end()
}

// group is the row of the group; each of its doors is a row of its own.
func (w *hasher) group(g *Group) {
	w.begin(formGroup)
	w.texts(g.ID, g.Name, g.Zone)
	w.flags(g.Restricted, g.AtDoorOnly)
	w.end()
}

func (w *hasher) schedule(s *Schedule) {
	w.begin(formSchedule)
	w.texts(s.ID, s.Name, s.OnID)
	w.number(int64(s.On)<<16 | int64(s.Consequence)<<8 | int64(s.Days))
	w.number(int64(s.From)<<16 | int64(s.Until))
	w.flags(s.Except)
	w.instant(s.Start)
	w.instant(s.End)
	w.number(int64(len(s.Dates)))
	for _, run := range s.Dates {
		w.number(int64(run.First)<<32 | int64(uint32(run.Last)))
	}
	w.end()
}

// team is the row of the team; each of its members is a row of its own.
func (w *hasher) team(id, name string) {
	w.begin(formTeam)
	w.texts(id, name)
	w.end()
}

// pair is a door of a group, or a member of a team.
func (w *hasher) pair(table byte, owner, member string) {
	w.begin(table)
	w.texts(owner, member)
	w.end()
}

func (w *hasher) holder(h *Holder) {
	w.begin(formHolder)
	w.texts(h.ID, h.Name)
	w.flags(h.Suspended, h.Extended)
	w.end()
}

func (w *hasher) assignment(a *Assignment) {
	w.begin(formAssignment)
	w.texts(a.ID, a.Holder)
	w.row = append(w.row, a.Digest[:]...)
	w.number(int64(a.Kind)<<8 | int64(a.Assurance))
	w.flags(a.Active)
	w.end()
}

func (w *hasher) grant(g *Grant) {
	w.begin(formGrant)
	w.texts(g.ID, g.Assignee, g.ScopeID, g.Source, g.Cause)
	w.number(int64(g.Kind)<<8 | int64(g.Scope))
	w.instant(g.From)
	w.instant(g.Until)
	w.flags(g.Cancelled)
	w.end()
}

func (w *hasher) number(n int64) { w.row = binary.BigEndian.AppendUint64(w.row, uint64(n)) }

func (w *hasher) texts(all ...string) {
	for _, s := range all {
		w.number(int64(len(s)))
		w.row = append(w.row, s...)
	}
}

func (w *hasher) flags(all ...bool) {
	var n int64
	for i, b := range all {
		if b {
			n |= 1 << i
		}
	}
	w.number(n)
}

func (w *hasher) instant(t time.Time) { w.number(micros(t, sinceEver)) }
