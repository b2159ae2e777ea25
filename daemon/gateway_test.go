package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
)

// The settings of a gateway with two doors, whose devices are not there, and
// two sources, of which one does not answer. Port 9 of this machine is nobody's.
const testSettings = `[site]
id = "test"
time_zone = "Europe/Rome"

[kisi]
api_key_file = "kisi-api-key"
base_url = "http://127.0.0.1:9"

[file]
path = "%[1]s/roster.json"
every = "1s"

[[door]]
id = "front"
minimum_assurance = "low"
kisi_lock = 2006
hold = "3s"
reader = { driver = "line", preset = "qr", port = "%[1]s/front-tile" }
strike = { driver = "modbus", port = "%[1]s/front-relay", channel = 0 }

[[door]]
id = "lab"
minimum_assurance = "low"
kisi_lock = 2007
forced_alarm = true
reader = { driver = "line", preset = "hex-cr", port = "%[1]s/lab-tile", power = { driver = "modbus", port = "%[1]s/lab-board", channel = 0 } }
strike = { driver = "usbrelay", board = "lcus", port = "%[1]s/lab-relay", channel = 0 }
contact = { driver = "modbus", port = "%[1]s/lab-board", channel = 0, normally = "closed" }

[[input]]
id = "panel"
role = "fire"
device = { driver = "modbus", port = "%[1]s/lab-board", channel = 1, normally = "closed" }

[control]
view_socket = "%[1]s/view.sock"
operate_socket = "%[1]s/operate.sock"

[state]
dir = "%[1]s/state"
credentials_dir = "%[1]s"

[metrics]
listen = ""
`

// testRoster gives Ann, with her card, the door at the front.
const testRoster = `{
  "doors": [{"id": "front", "name": "Front"}],
  "groups": [{"id": "all", "doors": ["front"]}],
  "people": [{"id": "ann", "name": "Ann", "cards": ["04A2B3C4D5E680"], "groups": ["all"]}]
}`

// house is a gateway that runs inside the test.
type house struct {
	*gateway
	t    *testing.T
	dir  string
	down bool
}

// newHouse opens a gateway as Run does. Pairs of texts change its settings.
func newHouse(t *testing.T, changes ...string) *house {
	t.Helper()
	return newHouseBy(t, SystemClock(), changes...)
}

// newHouseBy opens one that goes by another clock than that of the machine.
func newHouseBy(t *testing.T, clock Clock, changes ...string) *house {
	t.Helper()
	// Not t.TempDir(): the sockets in it must fit in 108 bytes.
	dir, err := os.MkdirTemp("", "house-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &house{t: t, dir: dir}
	h.write("roster.json", testRoster)
	h.write("kisi-api-key", "0123456789abcdef")
	h.write("tilegate.toml", strings.NewReplacer(changes...).Replace(fmt.Sprintf(testSettings, dir)))
	settings, err := config.Load(filepath.Join(dir, "tilegate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	h.gateway = newGateway(Options{Settings: settings, Version: "test", Log: hclog.NewNullLogger(), Clock: clock})
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until("Ann has her right", func() bool { return h.rights.Load().Counts().Credentials > 0 })
	return h
}

// stop ends the gateway as Run does; a second time does nothing.
func (h *house) stop() error {
	if h.down {
		return nil
	}
	h.down = true
	return h.tearDown()
}

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// edit changes the settings file; what is to be changed must be there.
func (h *house) edit(old, with string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "tilegate.toml"))
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		h.t.Fatalf("the settings do not hold %q", old)
	}
	h.write("tilegate.toml", strings.ReplaceAll(string(text), old, with))
}

// until waits for something to become true.
func (h *house) until(what string, is func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("after 20 s it is still not so: %s", what)
		}
	}
}

// section is a part of the settings file that begins with a header.
func (h *house) section(header string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "tilegate.toml"))
	if err != nil {
		h.t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), header)
	if !found {
		h.t.Fatalf("the settings have no %s", header)
	}
	body, _, _ := strings.Cut(rest, "\n\n")
	return header + body
}
