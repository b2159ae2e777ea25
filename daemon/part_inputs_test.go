package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
	"github.com/tilegate/tilegate/daemon/store"
	"github.com/tilegate/tilegate/hw"
)

// fakePlan opens a circuit that the test moves.
type fakePlan struct{ *fakeInput }

func (p fakePlan) Port() hw.PortUse                               { return hw.PortUse{Protocol: "fake"} }
func (p fakePlan) Open(*hw.Lines, hclog.Logger) (hw.Input, error) { return p.fakeInput, nil }

// withInputs is a house whose site has an input of each role, and whatever it had.
func withInputs(t *testing.T) (*house, map[config.Role]*fakeInput) {
	t.Helper()
	h := newHouse(t)
	devices := map[config.Role]*fakeInput{}
	settings := *h.inForce()
	for _, role := range []config.Role{config.RoleFire, config.RoleMainsFail, config.RoleBattery, config.RoleEnclosure, config.RoleTamper} {
		devices[role] = newFakeInput()
		settings.Inputs = append(settings.Inputs, config.Input{ID: "the-" + strings.ReplaceAll(string(role), "_", "-"), Role: role, Plan: fakePlan{devices[role]}})
	}
	if err := h.inputs.apply(&settings); err != nil {
		t.Fatal(err)
	}
	return h, devices
}

// recorded are the alarms of the journal, with what each is about.
func (h *house) recorded() string {
	h.t.Helper()
	events, err := h.journal.Events(h.t.Context(), store.EventQuery{Kind: access.AlarmEvent.String()})
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, e := range events {
		all = append(all, e.Reader+" "+e.Detail)
	}
	return strings.Join(all, ", ")
}

func TestInputsOfTheSiteAreWrittenDownAndTold(t *testing.T) {
	h, devices := withInputs(t)
	tests := []struct {
		role    config.Role
		id      string
		alarm   access.Alarm
		trouble string
	}{
		{config.RoleMainsFail, "the-mains-fail", access.MainsFail, troubleMainsFail},
		{config.RoleBattery, "the-battery", access.Battery, troubleBattery},
		{config.RoleEnclosure, "the-enclosure", access.Enclosure, troubleEnclosure},
		{config.RoleTamper, "the-tamper", access.Tamper, troubleTamper},
		{config.RoleFire, "the-fire", access.Fire, troubleFire},
	}
	for _, tt := range tests {
		devices[tt.role].levels <- hw.LevelNormal
		if h.site.onFire() {
			t.Fatal("there is a fire before there is one")
		}
		devices[tt.role].levels <- hw.LevelActive
		h.until("people are told of "+tt.trouble, func() bool { return h.troubles.declared(tt.trouble, tt.id) })
		if got := h.recorded(); !strings.Contains(got, tt.id+" "+tt.alarm.String()) {
			t.Errorf("people are told before it is written down: %s", got)
		}
		if got := h.series()["tilegate_site_alarm{alarm="+tt.alarm.String()+",input="+tt.id+"}"]; got != 1 {
			t.Errorf("the number of %s is %v, want 1", tt.alarm, got)
		}
	}
	if !h.site.onFire() {
		t.Error("the doors hear of no fire")
	}
	for _, tt := range tests {
		devices[tt.role].levels <- hw.LevelNormal
	}
	for _, tt := range tests {
		h.until(tt.id+" is over", func() bool { return strings.Contains(h.recorded(), tt.id+" "+tt.alarm.Detail(false)) })
	}
	if h.site.onFire() {
		t.Error("the doors still hear of a fire")
	}
}

// A fire may burn the cable that told of it.
func TestAFireThatCannotBeHeardAnyMoreIsStillAFire(t *testing.T) {
	h, devices := withInputs(t)
	fire := devices[config.RoleFire]
	fire.levels <- hw.LevelActive
	h.until("there is a fire", h.site.onFire)
	fire.levels <- hw.LevelUnknown
	fire.errs <- errors.New("the cable is gone")
	h.until("the loss is written down", func() bool { return strings.Contains(h.recorded(), "the-fire input_lost") })
	if !h.site.onFire() {
		t.Error("the fire is over because its panel cannot be heard")
	}
	fire.levels <- hw.LevelFault
	h.until("the short is written down", func() bool { return strings.Contains(h.recorded(), "the-fire tamper") })
	if !h.site.onFire() {
		t.Error("the fire is over because its circuit is at fault")
	}
	fire.levels <- hw.LevelNormal
	h.until("the panel says so", func() bool { return !h.site.onFire() })
}

// An input that never says anything is not at rest, and one that is taken out of
// the settings says nothing.
func TestAnInputThatIsTakenOutEndsWhatItSaid(t *testing.T) {
	h, devices := withInputs(t)
	devices[config.RoleFire].levels <- hw.LevelActive
	h.until("there is a fire", h.site.onFire)
	h.until("people are told", func() bool { return h.troubles.declared(troubleFire, "the-fire") })
	if err := h.inputs.apply(h.inForce()); err != nil {
		t.Fatal(err)
	}
	if h.site.onFire() {
		t.Error("the fire goes on")
	}
	h.until("nobody is told any more", func() bool { return !h.troubles.declared(troubleFire, "the-fire") })
	if got := len(h.inputs.all()); got != 1 {
		t.Errorf("%d inputs are left, want the one of the settings", got)
	}
}

// The board of the lab is away: its contact and the fire panel cannot be heard.
func TestInputsThatAreAwayAreATrouble(t *testing.T) {
	h := newHouse(t)
	h.until("people are told of both", func() bool {
		return h.troubles.declared(troubleInputDown, "lab contact") && h.troubles.declared(troubleInputDown, "panel")
	})
	doors, err := h.Doors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lab := doors[1]
	if lab.ID != "lab" || lab.Contact != "unknown" || len(lab.Inputs) != 1 || lab.Inputs[0].Name != contactInput || lab.Inputs[0].Up {
		t.Errorf("the lab is shown as %+v", lab)
	}
	if len(lab.Alarms) == 0 || lab.Alarms[0].Alarm != access.InputLost || lab.Alarms[0].Of != contactInput {
		t.Errorf("its alarms: %+v", lab.Alarms)
	}
	h.edit(h.section("[[input]]"), "")
	changed, err := h.reload(t.Context())
	if err != nil || strings.Join(changed, ", ") != "inputs changed" {
		t.Errorf("changed: %v, %v", changed, err)
	}
	h.until("the trouble of the panel ends", func() bool { return !h.troubles.declared(troubleInputDown, "panel") })
	if !h.troubles.declared(troubleInputDown, "lab contact") {
		t.Error("that of the lab ended as well")
	}
}

// A port may change from an input to a door and back in one reload.
func TestAnInputAndADoorChangePlaces(t *testing.T) {
	h := newHouse(t)
	h.edit(`channel = 1, normally = "closed"`, `channel = 7, normally = "closed"`)
	h.edit(`channel = 0, normally = "closed"`, `channel = 1, normally = "closed"`)
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.edit(`channel = 7, normally = "closed"`, `channel = 0, normally = "closed"`)
	if _, err := h.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestHoldsThatCannotBeAreRefusedInWords(t *testing.T) {
	h := newHouse(t)
	caller := control.Caller{Name: "anna"}
	tests := []struct {
		name string
		do   func() error
		want control.Code
	}{
		{"a door that is not there", func() error {
			_, err := h.HoldDoor(t.Context(), caller, control.Hold{Door: "cellar", For: control.LongestHold})
			return err
		}, control.NotFound},
		{"a door that is not held", func() error { _, err := h.Release(t.Context(), caller, control.Where{Door: "front"}); return err }, control.Conflict},
		{"a release of a door that is not there", func() error { _, err := h.Release(t.Context(), caller, control.Where{Door: "cellar"}); return err }, control.NotFound},
		{"a door whose strike is away", func() error {
			_, err := h.HoldDoor(t.Context(), caller, control.Hold{Door: "front", For: control.LongestHold})
			return err
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			var told *control.Error
			if errors.As(err, &told); err == nil || tt.want != "" && (told == nil || told.Code != tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
