package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

const rosterText = `{
  "doors": [{"id": "front", "name": "Front door"}, {"id": "lab", "name": "Lab"}],
  "groups": [
    {"id": "members", "doors": ["front"]},
    {"id": "scientists", "doors": ["front", "lab"]}
  ],
  "people": [
    {"id": "ann", "name": "Ann Lee", "cards": ["%s"], "groups": ["scientists"]},
    {"id": "ben", "name": "Ben Okafor", "qr": ["%s"], "groups": ["members"]}
  ],
  "grants": [
    {"id": "g1", "person": "ben", "group": "%s"}
  ]
}
`

// TestAFileOpensDoorsWithoutACloud: a site that has no Kisi at all. A file with
// a row that points at nothing is refused whole, with its line; the old rights
// stand.
func TestAFileOpensDoorsWithoutACloud(t *testing.T) {
	d := newDay(t)
	roster := filepath.Join(d.dir, "roster.json")
	write := func(group string) {
		t.Helper()
		fresh := roster + ".new"
		if err := os.WriteFile(fresh, fmt.Appendf(nil, rosterText, cardAnn, codeBen, group), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, roster); err != nil {
			t.Fatal(err)
		}
	}
	d.withoutKisi(roster)

	write("sientists") // a slip of the pen
	d.launch()
	if err := d.daemon.ready(t.Context(), allUp); err != nil {
		t.Fatal(err)
	}
	d.refusesFile(roster, "line 12", `there is no "sientists" in "groups"`)
	if got := d.status().Counts.Credentials; got != 0 {
		t.Errorf("%d cards are known of a file that was refused whole", got)
	}
	d.tap("front", cardAnn, access.Unknown)

	write("scientists")
	d.syncFile()
	d.tap("front", codeBen, access.Granted)
	d.tap("lab", cardAnn, access.Granted)
	if line := d.status().Line; !strings.Contains(line, "rights from a file") {
		t.Errorf("the status line says %q", line)
	}
	rights := d.status().RosterHash

	write("nobody-knows")
	d.refusesFile(roster, "line 12", "refused whole, the old rights stand")
	if err := os.Chmod(roster, 0o644); err != nil {
		t.Fatal(err)
	}
	d.refusesFile(roster, "everybody on this machine may touch it", "chmod 0640")
	if err := os.Remove(roster); err != nil {
		t.Fatal(err)
	}
	d.refusesFile(roster, "there is no such file")
	if got := d.status().RosterHash; got != rights {
		t.Error("a file that was refused changed the rights")
	}
	d.lets("with the old rights", "lab", cardAnn)
	d.lets("with the old rights", "front", cardAnn, codeBen)

	d.stop()
	d.launch()
	if err := d.daemon.ready(t.Context(), allUp); err != nil {
		t.Fatal(err)
	}
	d.lets("after a restart, without the file", "lab", cardAnn)
	if n := len(d.kisi.Requests()); n != 0 {
		t.Errorf("%d requests were sent to a cloud that is not in the settings", n)
	}
}

// withoutKisi makes a site of the building that has only a file.
func (d *day) withoutKisi(roster string) {
	d.t.Helper()
	text, err := os.ReadFile(d.settings())
	if err != nil {
		d.t.Fatal(err)
	}
	start := strings.Index(string(text), "[kisi]")
	end := start + strings.Index(string(text)[start:], "\n\n")
	d.edit(string(text[start:end]), "[file]\npath = \""+roster+"\"",
		fmt.Sprintf("kisi_lock = %d\n", d.ids.front), "", fmt.Sprintf("kisi_lock = %d\n", d.ids.lab), "")
}

func (d *day) syncFile() {
	d.t.Helper()
	if _, err := d.daemon.act.SyncNow(d.t.Context(), "file"); err != nil {
		d.t.Fatal(err)
	}
}

// refusesFile demands that the file is refused, on one line, with its name.
func (d *day) refusesFile(roster string, words ...string) {
	d.t.Helper()
	_, err := d.daemon.act.SyncNow(d.t.Context(), "file")
	if err == nil {
		d.t.Fatalf("the file was taken; want it refused because %q", words)
	}
	all, bad := d.daemon.view.SyncStatus(d.t.Context())
	if bad != nil {
		d.t.Fatal(bad)
	}
	var status control.Sync
	for _, s := range all {
		if s.Source == "file" {
			status = s
		}
	}
	if status.Result != "failed" || strings.Contains(status.Err, "\n") {
		d.t.Errorf("got %s, %q; want failed, on one line", status.Result, status.Err)
	}
	for _, word := range append(words, roster) {
		if !strings.Contains(err.Error(), word) || !strings.Contains(status.Err, word) {
			d.t.Errorf("got %q and %q, want both to say %q", err, status.Err, word)
		}
	}
}
