package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/hw/hwtest"
)

// patience is how long anything may take on a machine that is busy with other
// things. Nothing waits for it that goes well.
const patience = 40 * time.Second

// day is a building with the real daemon in it, for one test.
type day struct {
	*building
	t      *testing.T
	daemon *process // nil: not running
}

// newDay makes a building of which nothing runs yet, with these doors; none named:
// front and lab. Days go side by side.
func newDay(t *testing.T, doors ...string) *day {
	t.Helper()
	if testing.Short() {
		t.Skip("short: the whole daemon is tested by make test")
	}
	t.Parallel()
	builtDaemon(t)
	// Not t.TempDir(): the sockets below it must fit in 108 bytes.
	dir, err := os.MkdirTemp("", "day-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// Not t.Context(): the boards must outlive the daemon's last word to them.
	if len(doors) == 0 {
		doors = []string{"front", "lab"}
	}
	b, err := newBuilding(context.Background(), dir, doors...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	d := &day{building: b, t: t}
	t.Cleanup(d.evening)
	return d
}

// evening ends the daemon, if the test did not, and looks at what it said.
func (d *day) evening() {
	if d.daemon != nil {
		d.stop()
	}
	text, err := os.ReadFile(d.dir + "/tilegated.log")
	if err != nil {
		return // it was never started
	}
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(string(text), bad) {
			d.t.Errorf("the daemon said %q", bad)
		}
	}
	if d.t.Failed() {
		d.t.Logf("the daemon's log ends:\n%s", text[max(0, len(text)-12_000):])
	}
}

// edit changes the settings file; what is to be changed must be there.
func (d *day) edit(pairs ...string) {
	d.t.Helper()
	text, err := os.ReadFile(d.settings())
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			d.t.Fatalf("the settings do not hold %q", pairs[i])
		}
		text = []byte(strings.ReplaceAll(string(text), pairs[i], pairs[i+1]))
	}
	if err := os.WriteFile(d.settings(), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// launch starts the daemon without waiting.
func (d *day) launch(environment ...string) {
	d.t.Helper()
	p, err := startDaemon(d.dir, d.settings(), environment...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.daemon = p
}

// begin starts the daemon and waits until it has its rights and its devices.
func (d *day) begin() {
	d.t.Helper()
	d.launch()
	err := d.daemon.ready(d.t.Context(), func(s control.Status) bool { return stocked(s) && allUp(s) })
	if err != nil {
		d.t.Fatal(err)
	}
}

// stop ends the daemon as systemd would; it must end well.
func (d *day) stop() {
	d.t.Helper()
	if err := d.daemon.stop(); err != nil {
		d.t.Errorf("the daemon did not end well: %v", err)
	}
	d.daemon = nil
}

func (d *day) kill() {
	d.daemon.kill()
	d.daemon = nil
}

// until waits for something to become true.
func (d *day) until(what string, is func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("after %v it is still not so: %s", patience, what)
		}
	}
}

func (d *day) status() control.Status {
	d.t.Helper()
	s, err := d.daemon.view.Status(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// door is how one door stands.
func (d *day) door(id string) control.Door {
	d.t.Helper()
	for _, door := range d.status().Doors {
		if door.ID == id {
			return door
		}
	}
	d.t.Fatalf("there is no door %s", id)
	return control.Door{}
}

// trouble is what people are told, or nil.
func (d *day) trouble(code, subject string) *control.Trouble {
	d.t.Helper()
	for _, trouble := range d.status().Troubles {
		if trouble.Code == code && trouble.Subject == subject {
			return &trouble
		}
	}
	return nil
}

// told waits for a trouble and holds its words against what they must say.
func (d *day) told(code, subject string, words ...string) {
	d.t.Helper()
	d.until("trouble "+code+" of "+subject, func() bool { return d.trouble(code, subject) != nil })
	trouble := d.trouble(code, subject)
	for _, word := range words {
		if trouble == nil || !strings.Contains(trouble.Text, word) {
			d.t.Errorf("trouble %s: got %+v, want it to say %q", code, trouble, word)
		}
	}
}

// over waits for the end of a trouble.
func (d *day) over(code, subject string) {
	d.t.Helper()
	d.until("end of trouble "+code+" of "+subject, func() bool { return d.trouble(code, subject) == nil })
}

// page is what the gateway shows Prometheus.
func (d *day) page() string {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.metrics+"/metrics", http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// number is one series as the page shows it; one that is not there fails the
// test.
func (d *day) number(series string) float64 {
	d.t.Helper()
	for line := range strings.Lines(d.page()) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				d.t.Fatal(err)
			}
			return n
		}
	}
	d.t.Fatalf("there is no number %s", series)
	return 0
}

func (d *day) drops(door, why string) float64 {
	d.t.Helper()
	return d.number(fmt.Sprintf("tilegate_frame_drops_total{device=%q,door=%q,why=%q}", "reader", door, why))
}

// events are those after a number, all of one kind.
func (d *day) events(kind string, after uint64) []access.Event {
	d.t.Helper()
	all, err := d.daemon.view.Events(d.t.Context(), control.EventQuery{After: max(after, 1), Limit: control.MaxEvents, Kind: kind})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// last is the number of the newest event.
func (d *day) last() uint64 { return d.status().Journal.Last }

// tap holds a card or a code to the tile and demands a decision and, if it is
// to open, a relay that moved.
func (d *day) tap(door, value string, want access.Reason) access.Event {
	d.t.Helper()
	got, err := d.present(d.t.Context(), d.daemon, door, value)
	if err != nil {
		d.t.Fatalf("a tap at %s: %v", door, err)
	}
	if got.Event.Reason != want {
		d.t.Errorf("a tap at %s: got %v, want %v", door, got.Event.Reason, want)
	}
	if open := d.doors[door].relay.Energised(); open != (want == access.Granted) {
		d.t.Errorf("a tap at %s that was %v: open is %v", door, want, open)
	}
	return got.Event
}

// show holds something to a tile and waits for nothing.
func (d *day) show(door, value string) (away func()) {
	d.t.Helper()
	away, err := d.doors[door].tile.hold(value)
	if err != nil {
		d.t.Fatal(err)
	}
	return away
}

// lamps is all that the tile at the front was told to show.
func (d *day) lamps() []byte { return d.doors["front"].tile.(*lineTile).Heard() }

// plug is a serial line by its name.
func (d *day) plug(name string) *hwtest.PTY {
	d.t.Helper()
	port, err := d.port(name)
	if err != nil {
		d.t.Fatal(err)
	}
	return port
}

// locked waits until a door has locked itself again.
func (d *day) locked(door string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	if !d.doors[door].relay.Await(ctx, false) {
		d.t.Fatalf("door %s did not lock again", door)
	}
}

// openings is how often the relay of a door has unlocked it.
func (d *day) openings(door string) int {
	n := 0
	for _, moved := range d.doors[door].relay.History() {
		if moved.Energised {
			n++
		}
	}
	return n
}

// member adds somebody with a code who may enter at the front.
func (d *day) member(n int) (code string) {
	code = fmt.Sprintf("TG-MEMBER-%03d", n)
	user := d.kisi.AddUser(fmt.Sprintf("Member %03d", n), fmt.Sprintf("member%03d@example.com", n))
	d.kisi.AssignCard(d.kisi.AddCard("third_party_qr_code", code), cloudtest.ToUser(user), true)
	d.kisi.Assign(cloudtest.ToUser(user), d.ids.members, cloudtest.Window{})
	return code
}
