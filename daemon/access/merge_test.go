package access

import "testing"

// Two sources know one door: a file that says nothing of places, or has its own,
// and a cloud that locks the place down. What either forbids binds.
func TestALockdownOfAPlaceBindsADoorThatAnotherSourceKnowsToo(t *testing.T) {
	cloud := func(locked bool) Roster {
		return Roster{
			Places: []Place{{ID: "kisi:46", LockedDown: locked}},
			Doors:  []Door{{ID: "front", Place: "kisi:46"}},
		}
	}
	for _, tt := range []struct {
		name   string
		file   Roster
		locked bool
		want   bool
	}{
		{"the file names no place", Roster{Doors: []Door{{ID: "front"}}}, true, true},
		{"the file has a place of its own", Roster{Places: []Place{{ID: "hq"}}, Doors: []Door{{ID: "front", Place: "hq"}}}, true, true},
		{"nothing is locked down", Roster{Doors: []Door{{ID: "front"}}}, false, false},
		{"the file locks its place down", Roster{Places: []Place{{ID: "hq", LockedDown: true}}, Doors: []Door{{ID: "front", Place: "hq"}}}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, first := range []bool{true, false} {
				merged := Merge(tt.file, cloud(tt.locked))
				if !first {
					merged = Merge(cloud(tt.locked), tt.file)
				}
				s := build(t, merged)
				if got := s.LockedDown("front"); got != tt.want {
					t.Errorf("the file comes first %t: locked down %t, want %t", first, got, tt.want)
				}
			}
		})
	}
}

// A right for all of a place covers its doors, also those that a file names.
func TestARightForAPlaceCoversADoorThatAFileNamesToo(t *testing.T) {
	r := house()
	merged := Merge(Roster{Doors: []Door{{ID: "lab"}}}, r)
	if d := build(t, merged).Decide(Tap{Door: "lab", Credential: card("ee"), At: noon}, Facts{}); !d.Granted() {
		t.Errorf("got %v, want granted as without the file", d.Reason)
	}
}
