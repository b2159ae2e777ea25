package hw

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

// press is keys after so long a time.
type press struct {
	after time.Duration
	keys  string
}

// pressed is what a keypad makes of keys, as "pin 1234", "unreadable", and of a
// silence of a minute behind them.
func pressed(pause time.Duration, all ...press) (said []string) {
	k := keypad{pause: pause}
	at := time.Unix(100, 0)
	tell := func(reads ...Read) {
		for _, read := range reads {
			switch {
			case read.At.IsZero():
				said = append(said, "A READ WITHOUT A TIME")
			case read.Fault != access.Granted:
				said = append(said, read.Kind.String()+" "+read.Fault.String())
			default:
				said = append(said, read.Kind.String()+" "+string(read.Value))
			}
		}
	}
	for _, p := range all {
		at = at.Add(p.after)
		tell(k.press(at, []byte(p.keys))...)
	}
	if read, ended := k.idle(at.Add(time.Minute)); ended {
		tell(read)
	}
	return said
}

func TestKeysBecomeAPIN(t *testing.T) {
	const second = time.Second
	slow := func(keys string, each time.Duration) (all []press) {
		for _, key := range keys {
			all = append(all, press{each, string(key)})
		}
		return all
	}
	for _, tt := range []struct {
		name  string
		pause time.Duration
		in    []press
		want  []string
	}{
		{"digits and #", 0, []press{{0, "1234#"}}, []string{"pin 1234"}},
		{"as OSDP sends them", 0, []press{{0, "1"}, {second, "2"}, {second, "34\x0D"}}, []string{"pin 1234"}},
		{"# alone", 0, []press{{0, "#"}}, nil},
		{"two PINs in one report", 0, []press{{0, "12#34#"}}, []string{"pin 12", "pin 34"}},
		{"* clears", 0, []press{{0, "99*1234#"}}, []string{"pin 1234"}},
		{"* of OSDP clears", 0, []press{{0, "99\x7F1234#"}}, []string{"pin 1234"}},
		{"* and #", 0, []press{{0, "99*#"}}, nil},
		{"never ended", 0, []press{{0, "1234"}}, nil},
		{"twelve", 0, []press{{0, "123456789012#"}}, []string{"pin 123456789012"}},
		{"thirteen are none, and not the first twelve", 0, []press{{0, "1234567890123#"}, {second, "77#"}}, []string{"pin unreadable", "pin 77"}},
		{"thirteen, cleared", 0, []press{{0, "1234567890123*77#"}}, []string{"pin 77"}},
		{"nine seconds between", 0, slow("1234#", 9*second), []string{"pin 1234"}},
		{"ten seconds between: the next member", 0, []press{{0, "12"}, {10 * second, "34#"}}, []string{"pin 34"}},
		{"other keys count for nothing", 0, []press{{0, "1A2\x00\xFF3\r"}}, []string{"pin 123"}},
		{"a pause ends it", 3 * second, []press{{0, "1234"}}, []string{"pin 1234"}},
		{"a pause ends it before the next key", 3 * second, []press{{0, "12"}, {3 * second, "34"}}, []string{"pin 12", "pin 34"}},
		{"no pause yet", 3 * second, []press{{0, "12"}, {2 * second, "34"}}, []string{"pin 1234"}},
		{"# before the pause, once", 3 * second, []press{{0, "12#"}}, []string{"pin 12"}},
		{"too many and a pause", 3 * second, []press{{0, "1234567890123"}}, []string{"pin unreadable"}},
	} {
		if diff := cmp.Diff(tt.want, pressed(tt.pause, tt.in...)); diff != "" {
			t.Errorf("%s: want, got differ:\n%s", tt.name, diff)
		}
	}
}

func TestKeypadSaysWhenItHasSomethingToDo(t *testing.T) {
	at := time.Unix(100, 0)
	for _, tt := range []struct {
		pause time.Duration
		keys  string
		want  time.Time
	}{
		{0, "", time.Time{}},
		{0, "12", at.Add(forgetAfter)},
		{3 * time.Second, "12", at.Add(3 * time.Second)},
		{0, "12#", time.Time{}},
		{0, "12*", time.Time{}},
	} {
		k := keypad{pause: tt.pause}
		k.press(at, []byte(tt.keys))
		if got := k.due(); !got.Equal(tt.want) {
			t.Errorf("%q, pause %s: got %s, want %s", tt.keys, tt.pause, got, tt.want)
		}
	}
}

// FuzzKeypad looks that no keys make anything but digits, and that a keypad
// keeps no more than a PIN (X5).
func FuzzKeypad(f *testing.F) {
	f.Add([]byte("1234#"), uint16(0), uint16(0))
	f.Add([]byte("99*1234567890123\x0D"), uint16(3000), uint16(4000))
	f.Add([]byte("\x7F\x0D*#\x00"), uint16(1), uint16(20000))
	f.Fuzz(func(t *testing.T, keys []byte, pause, between uint16) {
		k := keypad{pause: time.Duration(pause) * time.Millisecond}
		at := time.Unix(100, 0)
		for _, key := range keys {
			at = at.Add(time.Duration(between) * time.Millisecond)
			for _, read := range k.press(at, []byte{key}) {
				if (read.Value == "") == (read.Fault == access.Granted) || strings.Trim(string(read.Value), "0123456789") != "" || len(read.Value) > longestPIN {
					t.Fatalf("%q: a PIN of %d characters, fault %s", keys, len(read.Value), read.Fault)
				}
			}
			if cap(k.digits) > 4*longestPIN {
				t.Fatalf("holds %d digits", cap(k.digits))
			}
		}
	})
}
