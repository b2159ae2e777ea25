package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestSettingsBecomeOptions(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	options := mustParse(t, good)
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for i := range options.Doors {
		door := &options.Doors[i]
		if len(door.Readers) != 1 || door.Readers[0].Plan == nil || door.Strike == nil {
			t.Errorf("door %s has reader %v and strike %v, want both", door.ID, door.Readers, door.Strike)
		}
		door.Readers, door.Strike = nil, nil
	}
	want := &Options{
		Path: "tilegate.toml",
		Site: Site{ID: "trastevere", Name: "Trastevere, Rome", Zone: rome},
		Kisi: &KisiOptions{Every: 15 * time.Minute},
		Sources: []Source{
			{Name: "kisi", Every: 15 * time.Minute},
		},
		Doors: []Door{
			{
				ID: "front", Name: "Front door", Lock: "kisi:2006", Hold: 5 * time.Second, ExtendedHold: 5 * time.Second, HeldAfter: time.Minute, HeldWarning: 15 * time.Second, UnlockUnsaid: true,
				Policy: access.Policy{Door: "front", Name: "Front door", MinimumAssurance: access.MediumAssured, Zone: "Europe/Rome"},
			},
			{
				ID: "rear", Name: "rear", Lock: "kisi:2007", Hold: 5 * time.Second, ExtendedHold: 5 * time.Second, HeldAfter: time.Minute, HeldWarning: 15 * time.Second, UnlockUnsaid: true,
				Policy: access.Policy{Door: "rear", Name: "rear", MinimumAssurance: access.MediumAssured, HighSecurity: true, Zone: "Europe/Rome"},
			},
		},
		Metrics: Metrics{Listen: "127.0.0.1:9843"},
		Control: Control{ViewSocket: "/run/tilegated/view.sock", OperateSocket: "/run/tilegated/operate.sock"},
		State:   State{Dir: "/var/lib/tilegated", CredentialsDir: "/etc/tilegate/credentials"},
		Alert:   Alert{HeartbeatEvery: 5 * time.Minute, Patience: 2 * time.Minute},
		Log:     Log{Level: "info", Format: "auto"},
		Secrets: []Secret{{Key: "kisi.api_key_file", Line: 7, Path: "/etc/tilegate/credentials/kisi-api-key"}},
	}
	if diff := cmp.Diff(want, options, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("options differ (-want +got):\n%s", diff)
	}
}
