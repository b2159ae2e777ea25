package access

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"time"
)

// HashForm numbers the canonical form: hashes of two forms cannot be compared.
const HashForm = 2

// hashRoster is the SHA-256 of a sorted roster in one canonical form: every
// text with its length before it, every table with its count, so that no two
// rosters share a form. Names of people and causes decide nothing, yet they
// are in it: a changed name is a changed content.
func hashRoster(r *Roster) [32]byte {
	sum := sha256.New()
	w := hasher{out: bufio.NewWriterSize(sum, 16<<10), sum: sum}
	w.building(r)
	w.people(r)
	return w.done()
}

// hasher writes a canonical form; a hash never fails to take bytes.
type hasher struct {
	out *bufio.Writer
	sum hash.Hash
	num [8]byte
}

// building writes what does not change with the people: the doors and what
// holds for everybody at them.
func (w *hasher) building(r *Roster) {
	w.count(len(r.Places))
	for _, p := range r.Places {
		w.texts(p.ID, p.Name, p.Zone)
		w.flags(p.LockedDown)
	}
	w.count(len(r.Doors))
	for _, d := range r.Doors {
		w.texts(d.ID, d.Name, d.Place, d.Zone)
		w.flags(d.LockedDown, d.Restricted, d.AtDoorOnly)
	}
	w.count(len(r.Policies))
	for _, p := range r.Policies {
		w.texts(p.Door, p.Name, p.Zone)
		w.flags(p.AskPIN, p.HighSecurity, p.Residential, p.PassbackRefuses)
		w.number(int64(p.MinimumAssurance))
		w.number(int64(p.Passback))
	}
	w.count(len(r.Groups))
	for _, g := range r.Groups {
		w.texts(g.ID, g.Name, g.Zone)
		w.set(g.Doors)
		w.flags(g.Restricted, g.AtDoorOnly)
	}
	w.count(len(r.Schedules))
	for i := range r.Schedules {
		w.schedule(&r.Schedules[i])
	}
}

func (w *hasher) schedule(s *Schedule) {
	w.texts(s.ID, s.Name, s.OnID)
	w.number(int64(s.On)<<16 | int64(s.Consequence)<<8 | int64(s.Days))
	w.number(int64(s.From)<<16 | int64(s.Until))
	w.flags(s.Except)
	w.instant(s.Start)
	w.instant(s.End)
	w.count(len(s.Dates))
	for _, run := range s.Dates {
		w.number(int64(run.First)<<32 | int64(uint32(run.Last)))
	}
}

// people writes who there is, what each carries, and who may open what.
func (w *hasher) people(r *Roster) {
	w.count(len(r.Teams))
	for _, t := range r.Teams {
		w.texts(t.ID, t.Name)
		w.set(t.Members)
	}
	w.count(len(r.Holders))
	for _, h := range r.Holders {
		w.texts(h.ID, h.Name)
		w.flags(h.Suspended, h.Extended)
	}
	w.count(len(r.Assignments))
	for _, a := range r.Assignments {
		w.texts(a.ID, a.Holder)
		_, _ = w.out.Write(a.Digest[:])
		w.number(int64(a.Kind)<<8 | int64(a.Assurance))
		w.flags(a.Active)
	}
	w.count(len(r.Grants))
	for _, g := range r.Grants {
		w.texts(g.ID, g.Assignee, g.ScopeID, g.Source, g.Cause)
		w.number(int64(g.Kind)<<8 | int64(g.Scope))
		w.instant(g.From)
		w.instant(g.Until)
		w.flags(g.Cancelled)
	}
}

func (w *hasher) number(n int64) {
	binary.BigEndian.PutUint64(w.num[:], uint64(n))
	_, _ = w.out.Write(w.num[:])
}

func (w *hasher) count(n int) { w.number(int64(n)) }

func (w *hasher) texts(all ...string) {
	for _, s := range all {
		w.count(len(s))
		_, _ = io.WriteString(w.out, s)
	}
}

// set writes names whose order does not matter.
func (w *hasher) set(names []string) {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	w.count(len(sorted))
	w.texts(sorted...)
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

func (w *hasher) instant(t time.Time) {
	w.number(micros(t, sinceEver))
}

func (w *hasher) done() (out [32]byte) {
	_ = w.out.Flush()
	w.sum.Sum(out[:0])
	return out
}
