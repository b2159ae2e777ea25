package config

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/hw"
)

const reference = "../../configs/tilegate.toml"

// setting is a line of the reference that is commented out: prose has a blank
// after the #.
var setting = regexp.MustCompile(`(?m)^#([a-z\[])`)

// whole is the reference with every setting switched on.
func whole(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	return setting.ReplaceAllString(string(text), "$1")
}

func TestReferenceIsValidAsItIsShipped(t *testing.T) {
	options, err := Load(reference)
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Doors) != 0 {
		t.Errorf("the reference has %d doors switched on, want none: nobody's ports are ours", len(options.Doors))
	}
}

func TestReferenceIsValidWithEverySettingOn(t *testing.T) {
	if _, err := Parse(reference, []byte(whole(t))); err != nil {
		t.Error(err)
	}
}

// The defaults that the reference shows are those of the code: switching them
// all on changes nothing.
func TestReferenceShowsTheRealDefaults(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	plain, err := Load(reference)
	if err != nil {
		t.Fatal(err)
	}
	on, err := Parse(reference, []byte(whole(t)))
	if err != nil {
		t.Fatal(err)
	}
	type shown struct {
		Metrics           Metrics
		Control           Control
		State             State
		Log               Log
		Kisi              KisiOptions
		Heartbeat, Patien string
	}
	show := func(o *Options) shown {
		o.Metrics.WebConfig = ""
		return shown{o.Metrics, o.Control, o.State, o.Log, *o.Kisi, o.Alert.HeartbeatEvery.String(), o.Alert.Patience.String()}
	}
	if got, want := show(on), show(plain); got != want {
		t.Errorf("the reference shows %+v, the defaults are %+v", got, want)
	}
	if got := on.File.Every.String(); got != "10s" {
		t.Errorf("[file] every is %s, want 10s", got)
	}
	front := on.Doors[0]
	if front.Hold != defaultHold || front.Policy.MinimumAssurance != access.MediumAssured || front.Policy.HighSecurity || front.Policy.Residential {
		t.Errorf("the first door of the reference shows %+v, which are no defaults", front.Policy)
	}
}

// Every key of the code stands in the reference, and every key of the reference
// is one of the code's: the first half is here, the second is that the whole
// reference is valid, since unknown keys are not.
func TestReferenceHasEveryKey(t *testing.T) {
	keys := map[string]any{}
	if _, err := toml.Decode(whole(t), &keys); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	pathsOf("", keys, have)
	want := map[string]bool{}
	for section, names := range schema() {
		for _, name := range names {
			want[strings.Trim(section, "[]")+"."+name] = true
		}
	}
	for _, name := range cloud.Sources() {
		_, _ = cloud.CheckSource(name, func(into any) error {
			fieldPaths(name, reflect.TypeOf(into).Elem(), want)
			return errNoted
		})
	}
	collectDriver := func(path, driver string) func(any) error {
		return func(into any) error {
			fieldPaths(path+"("+driver+")", reflect.TypeOf(into).Elem(), want)
			return errNoted
		}
	}
	for _, name := range hw.ReaderDrivers() {
		_, _ = hw.CheckReader(name, collectDriver("door.reader", name))
	}
	for _, key := range keysOf(reflect.TypeFor[readerTable]()) {
		want["door.reader(line)."+key] = true
	}
	for _, name := range hw.InputDrivers() {
		_, _ = hw.CheckInput(name, func(into any) error {
			fieldPaths("input.device("+name+")", reflect.TypeOf(into).Elem(), want)
			return errNoted
		})
	}
	for _, name := range hw.StrikeDrivers() {
		_, _ = hw.CheckStrike(name, collectDriver("door.strike", name))
	}
	for _, name := range hw.InputDrivers() {
		_, _ = hw.CheckInput(name, collectDriver("input.device", name))
	}
	if len(want) < 60 {
		t.Fatalf("only %d keys were found in the code; this test looks in the wrong place", len(want))
	}
	delete(want, "door.reader(line).dialogue.init.every") // only ping, which has the same fields, repeats
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !have[key] {
			t.Errorf("%s is not in %s", key, reference)
		}
		for part := range strings.SplitSeq(key, ".") {
			if long.MatchString(part) {
				t.Errorf("%s: a key as long as %q would be hidden in messages as if it were a secret", key, part)
			}
		}
	}
}

// pathsOf lists the keys of a decoded file without the indexes of lists. Below
// a device they carry its driver.
func pathsOf(path string, value any, into map[string]bool) {
	into[path] = true
	if keys, ok := value.(map[string]any); ok {
		if driver, ok := keys["driver"].(string); ok {
			path += "(" + driver + ")"
		}
		for key, inner := range keys {
			pathsOf(strings.TrimPrefix(path+"."+key, "."), inner, into)
		}
	}
	if elements, ok := listOf(value); ok {
		for _, inner := range elements {
			pathsOf(path, inner, into)
		}
	}
}

// fieldPaths lists the keys that a driver or a source decodes.
func fieldPaths(path string, of reflect.Type, into map[string]bool) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || strings.HasSuffix(of.Name(), "Duration") {
		return
	}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		switch {
		case field.Anonymous && name == "":
			fieldPaths(path, field.Type, into)
		case name != "":
			into[path+"."+name] = true
			fieldPaths(path+"."+name, field.Type, into)
		}
	}
}

func TestEveryExampleIsValid(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no examples")
	}
	for _, file := range files {
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
	}
}

// Each invalid example begins with "# want: " and a part of the error that it
// must give.
func TestEveryInvalidExampleIsRefusedAsItSays(t *testing.T) {
	files, err := filepath.Glob("../../configs/invalid/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("there are only %d invalid examples", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, ok := strings.CutPrefix(first, "# want: ")
			if !ok {
				t.Fatalf("%s does not begin with %q", file, "# want: ")
			}
			_, err = Load(file)
			if err == nil {
				t.Fatalf("%s is accepted, want %q", file, want)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error:\n%v\nwant it to contain:\n%s", err, want)
			}
			if n := len(Mistakes(err)); n != 1 {
				t.Errorf("%d mistakes, want the one that the example is about:\n%v", n, err)
			}
		})
	}
}
