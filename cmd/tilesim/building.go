package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
	pocket  *pocket

	cancel context.CancelFunc
	wg     sync.WaitGroup
	stops  []func()
}

// device is what runs on a port.
type device interface{ Run(context.Context) error }

// everyDoor is all doors that a building can have.
func everyDoor() []string { return []string{"front", "lab", "studio", "workshop"} }

// newBuilding makes the ports, the cloud and the people, and writes the settings,
// of a building with these doors.
func newBuilding(ctx context.Context, dir string, doors ...string) (_ *building, err error) {
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
	if err := b.wire(ctx, doors...); err != nil {
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

// wire puts up the devices of doors.
func (b *building) wire(ctx context.Context, doors ...string) (err error) {
	if b.pocket, err = newPocket(); err != nil {
		return err
	}
	for _, id := range doors {
		d := &simDoor{id: id}
		b.doors[id] = d
		var devices []device
		switch id {
		case "front":
			devices, err = b.wireFront(d)
		case "lab":
			devices, err = b.wireLab(d)
		case "studio":
			devices, err = b.wireStudio(d)
		case "workshop":
			devices, err = b.wireWorkshop(d)
		default:
			err = fmt.Errorf("there is no door %q to wire", id)
		}
		if err != nil {
			return err
		}
		for _, one := range devices {
			b.wg.Go(func() { _ = one.Run(ctx) })
		}
	}
	return nil
}

// line makes a serial line of a door, dev/NAME.
func (b *building) line(d *simDoor, name string) (*hwtest.PTY, error) {
	pty, err := hwtest.OpenPTY(filepath.Join(b.dir, "dev", name))
	if err == nil {
		d.ports = append(d.ports, pty)
	}
	return pty, err
}

// lines makes two of them.
func (b *building) lines(d *simDoor, first, second string) (*hwtest.PTY, *hwtest.PTY, error) {
	one, wrong := b.line(d, first)
	other, alsoWrong := b.line(d, second)
	return one, other, errors.Join(wrong, alsoWrong)
}

// find is a door by its id.
func (b *building) find(id string) (*simDoor, error) {
	if d, ok := b.doors[id]; ok {
		return d, nil
	}
	var known []string
	for _, id := range everyDoor() {
		if b.doors[id] != nil {
			known = append(known, id)
		}
	}
	return nil, fmt.Errorf("there is no door %q; there are %s", id, strings.Join(known, ", "))
}

// port is the serial line with a name, as front-tile.
func (b *building) port(name string) (*hwtest.PTY, error) {
	var known []string
	for _, door := range b.doors {
		for _, port := range door.ports {
			if filepath.Base(port.Path()) == name {
				return port, nil
			}
			known = append(known, filepath.Base(port.Path()))
		}
	}
	slices.Sort(known)
	return nil, fmt.Errorf("there is no port %q; there are %s", name, strings.Join(known, ", "))
}

// close ends the devices and the cloud.
func (b *building) close() {
	b.cancel()
	for _, stop := range b.stops {
		stop()
	}
	for _, d := range b.doors {
		for _, port := range d.ports {
			_ = port.Close()
		}
	}
	b.wg.Wait()
}
