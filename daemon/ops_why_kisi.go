package daemon

import (
	"fmt"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// kisiKnows says of each right that is named what Kisi itself knows of it.
func kisiKnows(e *access.Explanation) (all []control.KisiKnows) {
	named := map[string]bool{}
	add := func(g *access.GrantView) {
		if g == nil || named[g.ID] {
			return
		}
		named[g.ID] = true
		all = append(all, control.KisiKnows{Grant: g.ID, Knows: g.Source == kisiName && !held(g), Words: kisiWords(g)})
	}
	add(e.Grant)
	for _, m := range e.Misses {
		add(m.Grant)
	}
	return all
}

// kisiName is the source whose rights are Kisi's own.
const kisiName = "kisi"

// held says that a right is none of the source's any more, and waits to be taken away.
func held(g *access.GrantView) bool { return strings.Contains(g.ID, "#") }

func kisiWords(g *access.GrantView) string {
	switch {
	case g.Source == kisiName && held(g):
		return "Kisi does not list it any more: its removal waits, see: tilegate sync status"
	case g.Source == kisiName:
		words := "Kisi has it"
		if number, ok := strings.CutPrefix(g.ID, "kisi-ra-"); ok {
			words += ": role assignment " + number
		}
		if number, ok := strings.CutPrefix(g.ScopeID, "kisi-"+g.Scope+"-"); ok {
			words += fmt.Sprintf(", on %s %s", g.Scope, number)
		}
		return words
	case g.Source == "file":
		return "Kisi does not know it: it stands in the roster file"
	default:
		return "Kisi does not know it: it was given at this gateway"
	}
}
