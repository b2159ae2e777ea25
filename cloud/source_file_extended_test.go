package cloud

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestAPersonInTheFileMayNeedDoorsLonger(t *testing.T) {
	source, _ := fileWith(t, `{"people": [
		{"id": "ann", "extended": true, "cards": ["04A2B3C4D5E680"]},
		{"id": "bob", "suspended": true}
	]}`)
	got, err := taken(t, source)
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Holder{{ID: "ann", Extended: true}, {ID: "bob", Suspended: true}}
	if diff := cmp.Diff(want, got.Holders); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
}
