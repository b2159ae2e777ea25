package cloudtest

import (
	"fmt"
	"testing"
)

// BenchmarkCrawlOfLargeOrganisation is what the fake itself costs in a crawl of
// 20,000 users, to be taken off where a source is measured on it.
func BenchmarkCrawlOfLargeOrganisation(b *testing.B) {
	const users = 20_000
	k := NewKisi(Options{Rate: -1})
	k.AddKey(k.Owner(), ownersKey)
	place := k.AddPlace("HQ", "")
	var groups []int
	for i := range 60 {
		groups = append(groups, k.AddGroup(place, fmt.Sprint("Group ", i)))
		k.PutInGroup(groups[i], k.AddLock(place, fmt.Sprint("Door ", i)))
	}
	for i := range users {
		who := ToUser(k.AddUser("Member", fmt.Sprintf("m%d@example.com", i)))
		k.Assign(who, groups[i%60], Window{})
		k.AssignCard(k.AddCard(CardUID, fmt.Sprintf("04%012x", i)), who, true)
	}
	c := &client{http: newInMemoryClient(k), auth: "KISI-LOGIN " + ownersKey}
	for b.Loop() {
		for _, list := range []struct {
			path string
			size int
		}{{"/users", 100}, {"/role_assignments", 250}, {"/cards", 250}, {"/card_assignments", 250}} {
			for offset := 0; offset < users; offset += list.size {
				g, err := c.ask(b.Context(), "GET", fmt.Sprintf("%s?limit=%d&offset=%d", list.path, list.size, offset), "")
				if err != nil || g.status != 200 {
					b.Fatal(g.status, err)
				}
			}
		}
	}
}
