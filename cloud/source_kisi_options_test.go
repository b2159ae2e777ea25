package cloud_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/cloud/cloudtest"
	"github.com/tilegate/tilegate/cloud/kisi"
)

func TestWithoutAKeyNothingIsAsked(t *testing.T) {
	k := cloudtest.NewKisi(cloudtest.Options{})
	plan, err := cloud.CheckSource("kisi", settings(map[string]any{"api_key_file": filepath.Join(t.TempDir(), "none")}))
	if err != nil {
		t.Fatal(err)
	}
	source, err := plan.Open(deps(t, k))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Fetch(t.Context(), ""); !errors.Is(err, kisi.ErrNoKey) {
		t.Errorf("Fetch: %v, want ErrNoKey", err)
	}
	if _, err := source.Test(t.Context()); !errors.Is(err, kisi.ErrNoKey) {
		t.Errorf("Test: %v, want ErrNoKey", err)
	}
	if n := len(k.Requests()); n > 0 {
		t.Errorf("%d requests without a key", n)
	}
}

func TestKisiOptionsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		keys       map[string]any
	}{
		{"no key", "api_key_file", map[string]any{}},
		{"a place that is none", "places: 0", map[string]any{"api_key_file": "k", "places": []int64{46, 0}}},
		{"a place twice", "places: 46", map[string]any{"api_key_file": "k", "places": []int64{46, 46}}},
		{"a key in clear", "base_url: ", map[string]any{"api_key_file": "k", "base_url": "http://kisi.example"}},
		{"a choice that is none", `organization_hours: "office" is no choice: write "door" or "organization"`, map[string]any{"api_key_file": "k", "organization_hours": "office"}},
		{"hours that are neither", `hours_missing: "yes"`, map[string]any{"api_key_file": "k", "hours_missing": "yes"}},
		{"an end that is neither", `hours_until_2359: "24:00"`, map[string]any{"api_key_file": "k", "hours_until_2359": "24:00"}},
		{"restrictions that are neither", `app_restrictions: "none"`, map[string]any{"api_key_file": "k", "app_restrictions": "none"}},
		{"no URL", "base_url: ", map[string]any{"api_key_file": "k", "base_url": "kisi"}},
	} {
		if _, err := cloud.CheckSource("kisi", settings(tt.keys)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error that begins with %q", tt.name, err, tt.want)
		}
	}
	if _, err := cloud.CheckSource("kisi", settings(map[string]any{"api_key_file": "k", "base_url": "http://127.0.0.1:8080"})); err != nil {
		t.Errorf("a simulator on loopback: %v", err)
	}
}
