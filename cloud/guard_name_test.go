package cloud

import (
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

// A held right is told by the name that it had: no id is in what a member is told.
func TestHeldRightsAreToldByName(t *testing.T) {
	for kind, scope := range map[access.ScopeKind][2]string{
		access.ScopePlace: {"hq", "your right for HQ"}, access.ScopeDoor: {"front", "your right for Front door"},
		access.ScopeGroup: {"all", "your right for Everybody"}, access.ScopeOrganisation: {"", "your right for the whole organisation"},
	} {
		was := house(1)
		was.Grants[0].Scope, was.Grants[0].ScopeID = kind, scope[0]
		next := clone(was)
		next.Grants = nil
		got := NewGuard(nil).Pass(was, next, Proof{}, noon)
		if len(got.Held) == 0 {
			t.Fatalf("%v: nothing is held", kind)
		}
		s, err := access.Build(got.Roster, []access.Contact{{Source: "kisi", Ageless: true}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		told := s.Explain(s.DecideHolder("p000", access.Tap{Door: "front", At: noon}, access.Facts{}))
		if said := told.Say(noon, noon, noon.Location(), ""); !strings.Contains(said, scope[1]) {
			t.Errorf("%v: said %q, want %q", kind, said, scope[1])
		}
	}
}
