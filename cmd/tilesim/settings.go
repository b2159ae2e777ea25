package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const siteID = "trastevere"

// What the tile at the front hears when it is to show a light.
const (
	lampGreen = "G"
	lampRed   = "R"
)

// The parts of the settings file; what stands in braces of its own is filled in.
const (
	settingsHead = `# Written by tilesim for a building on a desk.
[site]
id = "{site}"
name = "Trastevere, Rome"
time_zone = "Europe/Rome"

[kisi]
api_key_file = "kisi-api-key"
places = [{place}]
base_url = "{url}"
every = "1m"

`
	settingsFront = `[[door]]
id = "front"
minimum_assurance = "low"
name = "Front door"
kisi_lock = {front}
hold = "3s"
strike = { driver = "modbus", port = "{dir}/dev/front-relay", channel = 0 }
[door.reader]
driver = "line"
port = "{dir}/dev/front-tile"
baud = 115200
frame = { type = "delimited", end = ["CR"] }
select = { match = '^(?P<kind>[CQ]):(?P<data>.+)$', kinds = { C = "uid", Q = "qr" } }
decode = { from = "hex", as = "uid" }
dialogue = { granted = "'{green}'", refused = "'{red}'" }

`
	settingsLab = `[[door]]
id = "lab"
minimum_assurance = "low"
name = "Lab"
kisi_lock = {lab}
hold = "2s"
reader = { driver = "line", preset = "hex-cr", port = "{dir}/dev/lab-tile" }
strike = { driver = "usbrelay", board = "lcus", port = "{dir}/dev/lab-relay", channel = 0 }

`
	settingsStudio = `[[door]]
id = "studio"
minimum_assurance = "low"
name = "Studio"
kisi_lock = {studio}
hold = "1s"
held_after = "5s"
held_warning = "0s"
reader = { driver = "osdp", port = "{dir}/dev/studio-line", baud = {speed}, address = 0, as = "uid" }
strike = { driver = "osdp", port = "{dir}/dev/studio-line", baud = {speed}, address = 1, output = 0, inside = true }
contact = { driver = "osdp", port = "{dir}/dev/studio-line", baud = {speed}, address = 1, input = 0, normally = "closed" }

`
	// No number opens here: whoever is let in has something that proves itself.
	settingsWorkshop = `[[door]]
id = "workshop"
minimum_assurance = "medium"
name = "Workshop"
hold = "1s"
strike = { driver = "usbrelay", board = "kmtronic", channels = 2, channel = 0, port = "{dir}/dev/workshop-relay" }
[door.reader]
driver = "pn532"
port = "{dir}/dev/workshop-tile"
accept = ["pkoc", "ndef", "uid"]
power = { driver = "usbrelay", board = "kmtronic", channels = 2, channel = 1, port = "{dir}/dev/workshop-relay" }

`
	settingsThings = `[file]
path = "{dir}/roster.json"
every = "1s"

[sun]
meta_key_file = "sun-meta-key"
mac_key_file = "sun-mac-key"

[[pass.issuer]]
name = "front-desk"
public_key = "{issuer}"

`
	settingsTail = `[control]
view_socket = "{dir}/run/view.sock"
operate_socket = "{dir}/run/operate.sock"

[state]
dir = "{dir}/state"
credentials_dir = "{dir}/credentials"

[metrics]
listen = "{metrics}"

[log]
level = "info"
`
)

// writeSettings writes the settings file and the secrets and rights that it names.
func (b *building) writeSettings() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	b.metrics = fmt.Sprintf("127.0.0.1:%d", port)
	files := map[string]string{"credentials/kisi-api-key": apiKey + "\n"}
	var text strings.Builder
	text.WriteString(settingsHead)
	for _, id := range everyDoor() {
		if b.doors[id] != nil {
			text.WriteString(map[string]string{"front": settingsFront, "lab": settingsLab, "studio": settingsStudio, "workshop": settingsWorkshop}[id])
		}
	}
	if b.doors["workshop"] != nil {
		text.WriteString(settingsThings)
		files["roster.json"] = string(b.pocket.roster())
		files["credentials/sun-meta-key"] = hex.EncodeToString(b.pocket.meta) + "\n"
		files["credentials/sun-mac-key"] = hex.EncodeToString(b.pocket.mac) + "\n"
	}
	files["tilegate.toml"] = strings.NewReplacer(
		"{dir}", b.dir, "{site}", siteID, "{url}", b.url, "{metrics}", b.metrics,
		"{place}", strconv.Itoa(b.ids.place), "{front}", strconv.Itoa(b.ids.front), "{lab}", strconv.Itoa(b.ids.lab),
		"{studio}", strconv.Itoa(b.ids.studio), "{speed}", strconv.Itoa(osdpSpeed), "{green}", lampGreen, "{red}", lampRed,
		"{issuer}", base64.StdEncoding.EncodeToString(b.pocket.issuer.Public().(ed25519.PublicKey)),
	).Replace(text.String() + settingsTail)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *building) settings() string { return filepath.Join(b.dir, "tilegate.toml") }
