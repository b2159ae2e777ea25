package hw

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/tilegate/tilegate/daemon/access"
)

// sown draws settings: every key of a driver, left away or with a value of its
// type, sensible or not.
type sown struct{ dice *rand.Rand }

func (s *sown) draw() int { return s.dice.IntN(256) }

// needed are the keys without which little else is looked at.
var needed = map[string]bool{"port": true, "chip": true, "normally": true, "frame": true, "decode": true, "type": true, "as": true, "end": true, "baud": true, "size": true, "offset": true, "bytes": true, "in": true, "want": true, "send": true, "every": true, "expect": true}

// likely are words that make sense for a key; they are drawn more often than
// others, so that more than the first check is reached.
var likely = map[string]string{
	"port": `"/dev/ttyS9"`, "chip": `"/dev/gpiochip0"`, "line": "4", "normally": `"open"`, "baud": "9600", "preset": "", "variant": "",
	"type": `"delimited" "length" "fixed" "gap"`, "from": `"text" "hex" "decimal"`, "as": `"uid" "qr" "keys" "wiegand"`,
	"end": `["CR"] ["03"]`, "size": "1 2", "offset": "1 2", "bytes": "4 12", "send": `"'A'" "02"`, "expect": `"06"`, "every": `"1s" "50ms" "1ns"`,
	"timeout": `"1s" "1ns"`, "match": `"(?P<data>.*)"`, "board": `"kmtronic" "e3"`, "poly": "0x1021", "energise_to": `"open" "lock"`, "on_stop": `"lock" "open"`,
	"accept": `["uid"]`, "skip": "0", "rate": "5", "reverse": `["bits"]`, "bias": `"pull-up" "pull-down"`, "data_bits": "8 7", "stop_bits": "1",
}

var (
	someWords = []string{
		"", "delimited", "length", "fixed", "gap", "crc16", "xor-hex", "none", "hex", "text", "decimal", "d18", "uid", "qr", "keys", "wiegand", "raw",
		"CR", "02", "'A'", "1ns", "-1s", "50ms", "5s", "2400000h", "dtr", "open", "closed", "lock", "pull-up", "(?P<data>.*)", "(", "rdm6300", "gm65",
		"command", "trigger", "kmtronic", "e3", "bytes", "pkoc", "/dev/ttyS9", "/dev/gpiochip0", "h10301", "N", "E", "on", "\x01", "\u009b2J",
	}
	someNumbers = []int64{0, 1, 2, 3, 4, 7, 8, 12, 26, 37, 64, 247, 1024, 9600, 115200, -1, math.MinInt64, math.MaxInt64, math.MaxInt64 - 1, 1 << 32}
)

// table writes the keys of a struct.
func (s *sown) table(of reflect.Type, depth int) string {
	var out []string
	for field := range of.Fields() {
		key := field.Tag.Get("toml")
		switch {
		case field.Anonymous:
			if inner := s.table(field.Type, depth); inner != "" {
				out = append(out, inner)
			}
		case key != "" && (s.draw()%16 == 0 || needed[key]):
			value := s.value(field.Type, depth)
			if sense := strings.Fields(likely[key]); len(sense) > 0 && field.Type.Kind() != reflect.Struct && s.draw()%16 != 0 {
				value = sense[s.draw()%len(sense)]
			}
			if value != "" {
				out = append(out, key+" = "+value)
			}
		}
	}
	return strings.Join(out, ", ")
}

func (s *sown) value(of reflect.Type, depth int) string {
	word := func() string { return fmt.Sprintf("%q", someWords[s.draw()%len(someWords)]) }
	one := func(words ...string) string { return fmt.Sprintf("%q", words[s.draw()%len(words)]) }
	switch {
	case s.draw()%32 == 0: // any
	case of == reflect.TypeFor[span]():
		return one("1ns", "50ms", "1s", "3s", "2400000h")
	case of == reflect.TypeFor[octets]():
		return one("CR", "02", "'A'", "7E 00 08 01", "")
	}
	if reflect.PointerTo(of).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
		return strings.ReplaceAll(word(), `\x`, `\u00`)
	}
	switch of.Kind() {
	case reflect.Pointer:
		return s.value(of.Elem(), depth)
	case reflect.String:
		return strings.ReplaceAll(word(), `\x`, `\u00`)
	case reflect.Bool:
		return fmt.Sprint(s.draw()%2 == 0)
	case reflect.Int:
		return fmt.Sprint(someNumbers[s.draw()%len(someNumbers)])
	case reflect.Uint16:
		return fmt.Sprint(someNumbers[s.draw()%15])
	case reflect.Slice:
		var all []string
		for range s.draw() % 3 {
			all = append(all, s.value(of.Elem(), depth+1))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case reflect.Struct:
		if depth > 3 {
			return ""
		}
		return "{" + s.table(of, depth+1) + "}"
	case reflect.Map:
		return "{a = " + s.value(of.Elem(), depth+1) + "}"
	default:
		panic("no value for " + of.String())
	}
}

// FuzzOptions: whatever stands in the settings of a driver, checking them does
// not panic, and an error names a key. A line reader that was let through then
// reads what it likes without harm (X5).
func FuzzOptions(f *testing.F) {
	for seed := range uint64(4000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, of := range []struct {
			options any
			check   func(Decode) (any, error)
		}{
			{lineOptions{}, func(d Decode) (any, error) { return checkLine(d) }},
			{pn532Options{}, func(d Decode) (any, error) { return checkPN532(d) }},
			{modbusOptions{}, func(d Decode) (any, error) { return checkModbus(d) }},
			{usbOptions{}, func(d Decode) (any, error) { return checkUSBRelay(d) }},
			{gpioStrikeOptions{}, func(d Decode) (any, error) { return checkGPIOStrike(d) }},
			{gpioInputOptions{}, func(d Decode) (any, error) { return checkGPIOInput(d) }},
			{modbusInputOptions{}, func(d Decode) (any, error) { return checkModbusInput(d) }},
		} {
			s := &sown{rand.New(rand.NewPCG(seed, 1))}
			text := strings.ReplaceAll("d = {"+s.table(reflect.TypeOf(of.options), 0)+"}", "{, ", "{")
			inside := false
			plan, err := of.check(func(into any) error {
				var d struct{ D toml.Primitive }
				meta, err := toml.Decode(text, &d)
				if err == nil {
					err = meta.PrimitiveDecode(d.D, into)
				}
				inside = err != nil
				return err
			})
			switch line, ok := plan.(*linePlan); {
			case err != nil && !inside && !namesKey(err.Error()):
				t.Errorf("%T: %v\nnames no key of\n%s", of.options, err, text)
			case err == nil && ok:
				tryLine(t, line, text)
			}
		}
	})
}

// namesKey says whether a person finds in an error what to change.
func namesKey(err string) bool {
	for _, of := range []any{
		lineOptions{},
		frameOptions{},
		checkOptions{},
		selectOptions{},
		decodeOptions{},
		dialogueOptions{},
		step{},
		vector{},
		pn532Options{},
		modbusOptions{},
		usbOptions{},
		gpioStrikeOptions{},
		gpioInputOptions{},
		modbusInputOptions{},
		portOptions{},
		strikeOptions{},
		circuitOptions{},
		gpioOptions{},
	} {
		kind := reflect.TypeOf(of)
		for field := range kind.Fields() {
			if key := field.Tag.Get("toml"); key != "" && strings.Contains(err, key) {
				return true
			}
		}
	}
	return false
}

// shortest is how long a value of a kind is at least, where the settings leave
// that open.
var shortest = map[access.Kind]int{access.PIN: 1, access.QR: 1, access.Card: 6, access.Wiegand: 8}

// tryLine reads noise under settings that were let through.
func tryLine(t *testing.T, plan *linePlan, text string) {
	_ = plan.SelfTest()
	d := newLineDecoder(plan.layout)
	at := time.Unix(100, 0)
	d.open(at)
	noise := bytes.Repeat([]byte("\x02A1\r\x0301000734E0D2\xFF\x00\xFF\xFF\xFF\xFF\r\n"), 60)
	for _, one := range append(d.feed(at.Add(time.Second), noise), d.idle(at.Add(time.Hour))...) {
		if one.ok && len(one.value) < shortest[one.kind] {
			t.Errorf("a %s of %d characters under\n%s", one.kind, len(one.value), text)
		}
	}
	talk := dialogue{dialogueOptions: plan.dialogue}
	talk.open(at)
	said := 0
	for now := at; now.Before(at.Add(10*time.Second)) && said < 2000; {
		send, _ := talk.next(now)
		if len(send) > 0 {
			said++
		}
		due := talk.due()
		if due.IsZero() {
			break
		}
		if due.After(now) {
			now = due
		}
	}
	if said > 10*30 {
		t.Errorf("%d things said in ten seconds under\n%s", said, text)
	}
}
