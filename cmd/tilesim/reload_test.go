package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

const reloadOK = "tilegate_config_last_reload_successful"

// settingsMistake is a way to spoil the settings, and what the person who did
// it is told.
type settingsMistake struct {
	name  string
	spoil func(*day) (mend func())
	words []string
}

// replaced spoils the text of the settings.
func replaced(old, with string) func(*day) func() {
	return func(d *day) func() {
		text, err := os.ReadFile(d.settings())
		if err != nil {
			d.t.Fatal(err)
		}
		d.edit(old, with)
		return func() {
			if err := os.WriteFile(d.settings(), text, 0o600); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

var settingsMistakes = []settingsMistake{
	{"an unknown key", replaced("kisi_lock =", "kisilock ="), []string{"tilegate.toml:", "kisilock: unknown key", `did you mean "kisi_lock"?`}},
	{"a duplicate door", replaced(`id = "lab"`, `id = "front"`), []string{"tilegate.toml:", "another door has this id", "each door needs its own"}},
	{"two protocols on one port", replaced("dev/lab-relay", "dev/lab-tile"), []string{"tilegate.toml:", "lab-tile", "give it a port of its own"}},
	{"a secret that others can read", openSecret, []string{"tilegate.toml:", "api_key_file", "others on this machine can read", "chmod 0600"}},
	{"no TOML at all", replaced("[site]", "[site"), []string{"tilegate.toml:"}},
	{"a section that needs a restart", replaced(`level = "info"`, `level = "debug"`), []string{"[log]", "systemctl restart tilegated"}},
}

func openSecret(d *day) func() {
	path := filepath.Join(d.dir, "credentials", "kisi-api-key")
	chmod := func(mode os.FileMode) {
		if err := os.Chmod(path, mode); err != nil {
			d.t.Fatal(err)
		}
	}
	chmod(0o640)
	return func() { chmod(0o600) }
}

// TestWrongSettingsLeaveTheOldOnesInForce: by command and by SIGHUP.
func TestWrongSettingsLeaveTheOldOnesInForce(t *testing.T) {
	d := newDay(t)
	d.begin()
	doors := d.status().Doors
	for i, mistake := range settingsMistakes {
		mend := mistake.spoil(d)
		_, err := d.daemon.act.Reload(t.Context())
		if err == nil {
			t.Fatalf("%s: the reload went through", mistake.name)
		}
		d.told("reload_refused", "", append([]string{"the old settings stay in force"}, mistake.words...)...)
		for _, word := range mistake.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: got %q, want it to say %q", mistake.name, err, word)
			}
		}
		if got := d.number(reloadOK); got != 0 {
			t.Errorf("%s: %s is %v, want 0", mistake.name, reloadOK, got)
		}
		for j, now := range d.status().Doors {
			if now.ID != doors[j].ID || now.Readers[0].Since != doors[j].Readers[0].Since || now.Strike.Since != doors[j].Strike.Since {
				t.Errorf("%s: door %s was touched: %+v", mistake.name, doors[j].ID, now)
			}
		}
		d.lets(mistake.name, "front", cardAnn)
		mend()
		if i%2 == 0 {
			d.hangUp()
		} else if _, err := d.daemon.act.Reload(t.Context()); err != nil {
			t.Errorf("%s, mended: %v", mistake.name, err)
		}
		d.over("reload_refused", "")
		if got := d.number(reloadOK); got != 1 {
			t.Errorf("%s, mended: %s is %v, want 1", mistake.name, reloadOK, got)
		}
	}
	replaced(`hold = "3s"`, `hold = "3h"`)(d)
	d.hangUp()
	d.told("reload_refused", "", "tilegate.toml:", "hold")
	d.up("front")
	d.tap("front", codeBen, access.Granted)
}

// hangUp asks for a reload as systemd did before it could ask better.
func (d *day) hangUp() {
	d.t.Helper()
	if err := d.daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		d.t.Fatal(err)
	}
}

// TestGoodSettingsAreTakenUp: a hold that changed, a door that went and came
// back, a strike that moved to another port while its old one was away.
func TestGoodSettingsAreTakenUp(t *testing.T) {
	d := newDay(t)
	d.begin()
	d.edit(`hold = "3s"`, `hold = "600ms"`)
	d.reload("door front changed")
	d.up("front")
	d.tap("front", cardAnn, access.Granted)
	d.locked("front")
	if open := d.lastPulse("front"); open > 2500*time.Millisecond {
		t.Errorf("the front stood open for %v, want 600 ms", open)
	}

	text, err := os.ReadFile(d.settings())
	if err != nil {
		t.Fatal(err)
	}
	start := strings.Index(string(text), "[[door]]\nid = \"lab\"")
	end := start + strings.Index(string(text)[start:], "\n\n")
	d.edit(string(text[start:end]), "")
	d.reload("door lab removed")
	if _, err := d.daemon.act.Simulate(t.Context(), control.Question{Door: "lab", Card: cardAnn}); err == nil || !strings.Contains(err.Error(), `door "lab" is not one of this gateway's`) {
		t.Errorf("a tap at a door that is gone: got %v", err)
	}
	if strings.Contains(d.page(), `door="lab"`) {
		t.Error("the numbers still speak of the door that is gone")
	}
	d.lets("without the lab", "front", cardAnn)

	// It comes back with its relay at another port, the old one unplugged.
	moved := filepath.Join(d.dir, "dev", "moved-relay")
	if err := os.WriteFile(d.settings(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	d.edit("dev/lab-relay", "dev/nowhere")
	d.reload("door lab added")
	if err := os.Symlink(d.plug("lab-relay").Path(), moved); err != nil {
		t.Fatal(err)
	}
	d.edit("dev/nowhere", "dev/moved-relay")
	d.reload("door lab changed")
	d.up("lab")
	d.until("the lab's lock is known", func() bool {
		why, err := d.daemon.view.Why(t.Context(), control.Question{Door: "lab", Card: cardAnn})
		return err == nil && why.Reason == access.Granted
	})
	d.tap("lab", cardAnn, access.Granted)
	if got := d.number(`tilegate_taps_total{door="lab",reason="granted"}`); got > 1 {
		t.Errorf("taps at the lab: got %v, want them counted from the new beginning", got)
	}
	d.edit(`hold = "600ms"`, `hold = "700ms"`)
	before := d.last()
	d.hangUp()
	d.until("the journal tells of the reload", func() bool {
		return slices.ContainsFunc(d.events("system", before), func(e access.Event) bool { return strings.Contains(e.Detail, "SIGHUP") })
	})
}

// up waits until the devices of a door are there.
func (d *day) up(door string) {
	d.t.Helper()
	d.until("devices of "+door+" are up", func() bool { now := d.door(door); return now.Readers[0].Up && now.Strike.Up })
}

// reload takes the settings up and holds what it says it did against what it
// was to do.
func (d *day) reload(want ...string) {
	d.t.Helper()
	got, err := d.daemon.act.Reload(d.t.Context())
	if err != nil {
		d.t.Fatalf("a good reload: %v", err)
	}
	if fmt.Sprint(got.Changed) != fmt.Sprint(want) {
		d.t.Errorf("the reload says %q, want %q", got.Changed, want)
	}
}

// lastPulse is how long a door that is locked again stood open last.
func (d *day) lastPulse(door string) time.Duration {
	h := d.doors[door].relay.History()
	return h[len(h)-1].At.Sub(h[len(h)-2].At)
}
