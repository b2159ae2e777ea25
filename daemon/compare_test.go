package daemon

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

// The gateway decides what Kisi decided by the rights that it keeps of that time,
// and by today's where it keeps none.
func TestKisisLogIsComparedWithTheRightsOfItsTime(t *testing.T) {
	var late atomic.Int64
	fake := cloudtest.NewKisi(cloudtest.Options{
		EventSetPolls: -1, Rate: -1, Now: func() time.Time { return time.Now().Add(-time.Duration(late.Load())) },
	})
	fake.AddKey(fake.Owner(), "0123456789abcdef")
	place := fake.AddPlace("HQ", "Europe/Rome")
	front, group := fake.AddLock(place, "Entrance"), fake.AddGroup(place, "Members")
	fake.PutInGroup(group, front)
	ann := fake.AddUser("Ann Lee", "ann@example.com")
	card := fake.AddCard(cloudtest.CardUID, "04FFEEDD")
	fake.AssignCard(card, cloudtest.ToUser(ann), true)
	tom := fake.AddUser("Tom Day", "tom@example.com")
	fake.Assign(cloudtest.ToUser(ann), group, cloudtest.Window{})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)

	h := newHouse(t, "http://127.0.0.1:9", server.URL)
	h.until("Kisi's rights are there", func() bool { return h.rights.Load().Counts().Grants == 3 }) // the owner's, Ann's, the file's
	tapped := cloudtest.LoggedUnlock{Lock: front, Who: cloudtest.ToUser(ann), By: "Card", ByID: card}
	stranger := tapped
	stranger.Who = cloudtest.ToUser(tom)
	late.Store(int64(time.Hour))
	fake.LogUnlock(tapped) // before anything is kept
	late.Store(0)
	second := func() { // events have whole seconds
		end := time.Now().Truncate(time.Second).Add(time.Second)
		h.until("the second is over", func() bool { return time.Now().After(end) })
	}
	second()
	fake.LogUnlock(tapped)
	fake.LogUnlock(stranger)
	second()

	var report *cloud.Comparison
	steps := 0
	client := control.NewClient(filepath.Join(h.dir, "operate.sock"))
	err := client.CompareKisi(t.Context(), control.Comparison{Days: 1}, func(step control.Compared) error {
		steps, report = steps+1, step.Report
		return nil
	})
	if err != nil || report == nil || steps < 2 {
		t.Fatalf("%d steps, report %v, error %v", steps, report, err)
	}
	if report.Events != 3 || report.Compared != 3 || report.Agreed != 2 || report.Today != 1 || len(report.Disagreements) != 1 {
		t.Fatalf("got %+v, want two of three alike, one of them by today's rights", report)
	}
	d := report.Disagreements[0]
	if d.Opener != "kisi" || d.Ours != access.NoGrant || d.Newest.Person != "Tom Day" || d.Newest.DoorID != "front" {
		t.Errorf("got %+v", d)
	}
	stop := errors.New("enough")
	if err := h.CompareKisi(t.Context(), control.Comparison{Days: 1}, func(control.Compared) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("nobody listens: got %v, want %v", err, stop)
	}
}

func TestWithoutKisiNothingIsCompared(t *testing.T) {
	h := newHouse(t, "[kisi]\napi_key_file = \"kisi-api-key\"\nbase_url = \"http://127.0.0.1:9\"\n", "", "kisi_lock = 2006\n", "", "kisi_lock = 2007\n", "")
	err := h.CompareKisi(t.Context(), control.Comparison{Days: 1}, nil)
	var told *control.Error
	if !errors.As(err, &told) || told.Code != control.NotFound {
		t.Errorf("got %v, want %s", err, control.NotFound)
	}
}
