package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// building is everything around the gateway: the cloud, the tiles, the strikes
// and the files the gateway reads.
type building struct {
	dir     string // scratch; everything is below it
	kisi    *cloudtest.Kisi
	url     string
	metrics string // where the gateway shows its numbers
	doors   map[string]*simDoor
	ids     ids

	cancel context.CancelFunc
	wg     sync.WaitGroup
	stops  []func()
}

// simDoor is one door as hardware: a tile and a relay.
type simDoor struct {
	id        string
	tile      *hwtest.SerialTile
	board     hwtest.Board
	relay     *hwtest.Relay
	tilePort  *hwtest.PTY
	boardPort *hwtest.PTY
	// wrap makes of a credential what this tile sends for it.
	wrap func(kind, value string) string
}

// ids are the people and things of the fake Kisi that the scenes need.
type ids struct {
	place, front, lab        int
	members, labGroup        int
	ann, ben, cleo, dan, eve int
	eveAssignment            int
}

const (
	cardAnn  = "04A2B3C4D5E680"
	cardCleo = "04C1E0C1E0C180"
	cardDan  = "04DA00DA00DA80"
	cardEve  = "04E7E0E7E0E780"
	codeBen  = "TG-BEN-7731"
	apiKey   = "demo-key-of-the-gateway"
)

// What the tile at the front hears when it is to show a light.
const (
	lampGreen = "G"
	lampRed   = "R"
)

// newBuilding makes the ports, the cloud and the people, and writes the settings.
func newBuilding(ctx context.Context, dir string) (_ *building, err error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &building{dir: dir, doors: map[string]*simDoor{}, cancel: cancel}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	for _, sub := range []string{"dev", "run", "state", "credentials"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := b.wire(ctx); err != nil {
		return nil, err
	}
	b.kisi = cloudtest.NewKisi(cloudtest.Options{Organisation: "Cowork Trastevere", Zone: "Europe/Rome"})
	url, stop, err := cloudtest.Serve(ctx, b.kisi, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.url, b.stops = url, append(b.stops, stop)
	b.furnish()
	return b, b.writeSettings()
}

// wire makes two doors: a tile for codes and cards with a Modbus relay board at
// the front, a card reader with a USB relay at the lab.
func (b *building) wire(ctx context.Context) error {
	line := func(name string) (*hwtest.PTY, error) {
		return hwtest.OpenPTY(filepath.Join(b.dir, "dev", name))
	}
	front, errFront := line("front-tile")
	frontBoard, errBoard := line("front-relay")
	lab, errLab := line("lab-tile")
	labBoard, errUSB := line("lab-relay")
	if err := errors.Join(errFront, errBoard, errLab, errUSB); err != nil {
		return err
	}
	scanner, modbus := hwtest.NewQRScanner(front.Master, nil), hwtest.NewModbusBoard(frontBoard.Master, 8)
	reader, usb := hwtest.NewHexReader(lab.Master), hwtest.NewLCUS(labBoard.Master, 1)
	b.doors["front"] = &simDoor{
		id: "front", tile: scanner, board: modbus, relay: modbus.Relay(0), tilePort: front, boardPort: frontBoard,
		wrap: func(kind, value string) string { return map[string]string{"card": "C:", "qr": "Q:"}[kind] + value },
	}
	b.doors["lab"] = &simDoor{
		id: "lab", tile: reader, board: usb, relay: usb.Relay(0), tilePort: lab, boardPort: labBoard,
		wrap: func(_, value string) string { return value },
	}
	for _, device := range []interface{ Run(context.Context) error }{scanner, modbus, reader, usb} {
		b.wg.Go(func() { _ = device.Run(ctx) })
	}
	return nil
}

// furnish puts the people and their rights into the fake Kisi.
func (b *building) furnish() {
	k, d := b.kisi, &b.ids
	k.AddKey(k.Owner(), apiKey)
	d.place = k.AddPlace("Trastevere", "Europe/Rome")
	d.front, d.lab = k.AddLock(d.place, "Front door"), k.AddLock(d.place, "Lab")
	d.members, d.labGroup = k.AddGroup(d.place, "Members"), k.AddGroup(d.place, "Lab people")
	k.PutInGroup(d.members, d.front)
	k.PutInGroup(d.labGroup, d.front)
	k.PutInGroup(d.labGroup, d.lab)
	person := func(name, mail, kind, value string) int {
		user := k.AddUser(name, mail)
		k.AssignCard(k.AddCard(kind, value), cloudtest.ToUser(user), true)
		return user
	}
	now := k.Now()
	d.ann = person("Ann Lee", "ann@example.com", "third_party_hf", cardAnn)
	k.Assign(cloudtest.ToUser(d.ann), d.labGroup, cloudtest.Window{})
	d.ben = person("Ben Okafor", "ben@example.com", "third_party_qr_code", codeBen)
	k.Assign(cloudtest.ToUser(d.ben), d.members, cloudtest.Window{})
	d.dan = person("Dan Weber", "dan@example.com", "third_party_hf", cardDan)
	k.Assign(cloudtest.ToUser(d.dan), d.members, cloudtest.Window{From: now.Add(-48 * time.Hour), Until: now.Add(-24 * time.Hour)})
	d.eve = person("Eve Rossi", "eve@example.com", "third_party_hf", cardEve)
	d.eveAssignment = k.Assign(cloudtest.ToUser(d.eve), d.members, cloudtest.Window{})
	d.cleo = person("Cleo Marino", "cleo@example.com", "third_party_hf", cardCleo)
}

// book gives Cleo a window from when on.
func (b *building) book(from time.Time, length time.Duration) {
	b.kisi.Assign(cloudtest.ToUser(b.ids.cleo), b.ids.members, cloudtest.Window{From: from, Until: from.Add(length)})
}

const settingsText = `# Written by tilesim for a building on a desk.
[site]
id = "trastevere"
name = "Trastevere, Rome"
time_zone = "Europe/Rome"

[kisi]
api_key_file = "kisi-api-key"
places = [%[3]d]
base_url = "%[2]s"
every = "1m"

[[door]]
id = "front"
minimum_assurance = "low"
name = "Front door"
kisi_lock = %[4]d
hold = "3s"
strike = { driver = "modbus", port = "%[1]s/dev/front-relay", channel = 0 }
[door.reader]
driver = "line"
port = "%[1]s/dev/front-tile"
baud = 115200
frame = { type = "delimited", end = ["CR"] }
select = { match = '^(?P<kind>[CQ]):(?P<data>.+)$', kinds = { C = "uid", Q = "qr" } }
decode = { from = "hex", as = "uid" }
dialogue = { granted = "'%[7]s'", refused = "'%[8]s'" }

[[door]]
id = "lab"
minimum_assurance = "low"
name = "Lab"
kisi_lock = %[5]d
hold = "2s"
reader = { driver = "line", preset = "hex-cr", port = "%[1]s/dev/lab-tile" }
strike = { driver = "usbrelay", board = "lcus", port = "%[1]s/dev/lab-relay", channel = 0 }

[control]
view_socket = "%[1]s/run/view.sock"
operate_socket = "%[1]s/run/operate.sock"

[state]
dir = "%[1]s/state"
credentials_dir = "%[1]s/credentials"

[metrics]
listen = "%[6]s"

[log]
level = "info"
`

func (b *building) writeSettings() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	b.metrics = fmt.Sprintf("127.0.0.1:%d", port)
	text := fmt.Sprintf(settingsText, b.dir, b.url, b.ids.place, b.ids.front, b.ids.lab, b.metrics, lampGreen, lampRed)
	if err := os.WriteFile(filepath.Join(b.dir, "credentials", "kisi-api-key"), []byte(apiKey+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(b.settings(), []byte(text), 0o600)
}

func (b *building) settings() string { return filepath.Join(b.dir, "tilegate.toml") }

// close ends the devices and the cloud.
func (b *building) close() {
	b.cancel()
	for _, stop := range b.stops {
		stop()
	}
	for _, d := range b.doors {
		_ = d.tilePort.Close()
		_ = d.boardPort.Close()
	}
	b.wg.Wait()
}
