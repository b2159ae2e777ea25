package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
)

// LockDown lets nobody in any more. The doors are shut before anything is written:
// in an emergency nobody waits for a disk.
func (g *gateway) LockDown(_ context.Context, caller control.Caller, ask control.Lockdown) (control.LockedDown, error) {
	scope, where, err := g.scopeOf(ask.Where, false)
	if err != nil {
		return control.LockedDown{}, err
	}
	word := g.postures.say(store.Posture{
		What: store.LockDown, Scope: scope.Scope, ScopeID: scope.ScopeID, Actor: caller.Name, Reason: ask.Reason,
	})
	event := g.recordLockdown(caller, where, "lockdown of "+where.String(), ask.Reason)
	if err := g.postures.keep(word); err != nil {
		g.postures.later(word)
		return control.LockedDown{}, fmt.Errorf("%s is locked down, but that is not written down yet: until it is, a restart would end it: %w", where, err)
	}
	done := control.LockedDown{Where: where, Event: event}
	for _, d := range g.doors.all() {
		for _, l := range g.rights.Load().Lockdowns(d.id) {
			if !l.Cloud && l.Lockdown == scope {
				done.Doors++
			}
		}
	}
	return done, nil
}

// endLockdown ends one of ours. It is durable before any door opens again.
func (g *gateway) endLockdown(caller control.Caller, scope access.Lockdown, where control.Where) (control.Released, error) {
	word := g.postures.say(store.Posture{What: store.EndLockdown, Scope: scope.Scope, ScopeID: scope.ScopeID, Actor: caller.Name})
	if err := g.postures.keep(word); err != nil {
		return control.Released{}, fmt.Errorf("%s stays locked down, for the end could not be written down: %w", where, err)
	}
	event := g.recordLockdown(caller, where, "end of the lockdown of "+where.String(), "")
	done := control.Released{Where: where, Ended: "lockdown", Event: event}
	seen := map[string]bool{}
	for _, d := range g.doors.all() {
		if where.Door != "" && d.id != where.Door {
			continue
		}
		for _, s := range g.shut(d.id) {
			if words := d.id + ": " + s.Words; !seen[words] {
				seen[words] = true
				done.Still = append(done.Still, words)
			}
		}
	}
	return done, nil
}

// recordLockdown writes an action into the journal, and waits for it a while.
func (g *gateway) recordLockdown(caller control.Caller, where control.Where, what, reason string) string {
	event := newEvent(g.clock, access.ActionEvent, where.Door)
	event.Actor, event.Detail = caller.Name, what
	if reason != "" {
		event.Detail += ": " + oneLine(reason)
	}
	event.Credential.Kind, event.Presence = access.Operator, access.Remote
	await(g.journal.Append(event))
	return event.ID
}

// scopeOf finds what somebody means. What is to be ended may have gone from the
// settings or the rights meanwhile.
func (g *gateway) scopeOf(where control.Where, end bool) (access.Lockdown, control.Where, error) {
	ours := func(l access.Lockdown) bool {
		_, locked := g.postures.locked(l)
		return end && locked
	}
	switch {
	case where.Door != "":
		scope := access.Lockdown{Scope: access.ScopeDoor, ScopeID: where.Door}
		if ours(scope) {
			return scope, where, nil
		}
		_, err := g.findDoor(where.Door)
		return scope, where, err
	case where.Place != "":
		scope := access.Lockdown{Scope: access.ScopePlace, ScopeID: where.Place}
		if ours(scope) {
			return scope, where, nil
		}
		id, err := g.findPlace(where.Place)
		where.Place, scope.ScopeID = id, id
		return scope, where, err
	}
	return access.Lockdown{Scope: access.ScopeOrganisation}, where, nil
}

// findPlace is the id of a place that somebody calls by its id or its name.
func (g *gateway) findPlace(called string) (string, error) {
	var known, found []string
	for id, name := range g.rights.Load().Places() {
		if id == called {
			return id, nil
		}
		if strings.EqualFold(name, called) {
			found = append(found, id)
		}
		known = append(known, fmt.Sprintf("%s (%s)", id, name))
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", &control.Error{Code: control.BadRequest, Message: fmt.Sprintf("several places are called %q", called), Hint: "use an id: " + strings.Join(found, ", ")}
	case len(known) == 0:
		return "", &control.Error{Code: control.NotFound, Message: "the rights name no place", Hint: "lock down the doors, or the whole site: tilegate door lockdown --site"}
	}
	return "", &control.Error{Code: control.NotFound, Message: fmt.Sprintf("there is no place %q", called), Hint: "there are: " + strings.Join(known, ", ")}
}

// shut is what locks a door down, by whom and since when, where that is known.
func (g *gateway) shut(door string) []control.Shut {
	var all []control.Shut
	for _, l := range g.rights.Load().Lockdowns(door) {
		s := control.Shut{Words: l.Words}
		switch l.Scope {
		case access.ScopeDoor:
			s.Door = l.ScopeID
		case access.ScopePlace:
			s.Place = l.ScopeID
		case access.ScopeOrganisation:
			s.Site = true
		case access.ScopeGroup:
		}
		if word, ours := g.postures.locked(l.Lockdown); ours && !l.Cloud {
			s.By, s.Since, s.Reason = word.Actor, word.At, word.Reason
		}
		all = append(all, s)
	}
	return all
}

// shutWords says in one line that a door is locked down, and who did that.
func (g *gateway) shutWords(door string) string {
	var all []string
	for _, s := range g.shut(door) {
		words := s.Words
		if s.By != "" {
			words += " (" + s.By + ", " + s.Since.In(g.zone()).Format("2006-01-02 15:04 MST") + ")"
		}
		all = append(all, words)
	}
	return "door " + door + " is locked down: " + strings.Join(all, "; ")
}

// endOf is how the lockdown of a door is ended, by the first that shuts it.
func (g *gateway) endOf(door string) string {
	for _, s := range g.shut(door) {
		switch {
		case s.By == "":
		case s.Site:
			return "tilegate door release --site"
		case s.Place != "":
			return "tilegate door release --place " + s.Place
		default:
			return "tilegate door release " + s.Door
		}
	}
	return "it ends in the cloud, where it was begun"
}

// describePostures tells what was said of a door.
func (g *gateway) describePostures(view *control.Door) {
	view.Shut = g.shut(view.ID)
	wall, _ := g.clock.now()
	if word := g.postures.of(view.ID); word.kept(wall) {
		view.Kept, view.KeptBy = word.order.Until, word.order.Actor
	}
}
