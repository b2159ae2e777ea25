package casefile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
)

// good is a case on ten lines, without a mistake.
const good = `title = "A door"
zone = "Europe/Rome"
door = [{ name = "Front", limited_to_hours = true, hours = ["Mon-Fri 09:00-18:00"] }]
group = [{ name = "Desk", doors = ["Front"] }]
person = [{ name = "Ann", cards = ["ann"] }]
team = [{ name = "Acme", members = ["Ann"] }]
right = [{ name = "Ann's", person = "Ann", group = "Desk", from = "2026-11-02 08:00" }]
tap = [
  { card = "ann", door = "Front", at = "2026-11-02 12:00", granted = "Ann's" },
]
`

func TestAGoodCaseHasNoMistake(t *testing.T) {
	c, err := Parse("case.toml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.Run()
	if err != nil || len(results) != 1 || !results[0].AsExpected() || !results[0].Open || results[0].Line != 9 {
		t.Errorf("got %+v, %v", results, err)
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	for _, test := range []struct {
		name, what, by string
		want           []string
	}{
		{"no TOML", `title = "A door"`, `title = A door`, []string{`:1: title: expected value but found "A" instead`}},
		{"unknown key", `card = "ann"`, `crad = "ann"`, []string{
			`:9: tap[0]: say who taps with one of card, code, pass, key, pin, person and fault`, `:9: tap[0].crad: unknown key; did you mean "card"?`,
		}},
		{"a key of the settings", `title = "A door"`, `api_key_file = "x"`, []string{`:1: api_key_file: unknown key; known here: `}},
		{"a number for a text", `title = "A door"`, `title = 7`, []string{`:1: title: this is a whole number; it must be text in quotes`}},
		{"no such zone", `zone = "Europe/Rome"`, `zone = "Europe/Roma"`, []string{`:2: zone: "Europe/Roma" is no time zone; write it as "Europe/Rome"`}},
		{"no such door in a group", `doors = ["Front"]`, `doors = ["Font"]`, []string{`:4: group[0].doors[0]: there is no door "Font"`}},
		{"no such member", `members = ["Ann"]`, `members = ["Anna"]`, []string{`:6: team[0].members[0]: there is no person "Anna"`}},
		{"a right of nobody", `person = "Ann", group`, `group`, []string{`:7: right[0]: say whose right it is: person or team`}},
		{"a right of two", `person = "Ann", group`, `person = "Ann", team = "Acme", group`, []string{`:7: right[0]: say whose right it is: person or team`}},
		{"a right for two things", `group = "Desk"`, `group = "Desk", door = "Front"`, []string{`:7: right[0]: it must cover exactly one thing`}},
		{"a right that ends first", `from = "2026-11-02 08:00"`, `from = "2026-11-02 08:00", until = "2026-11-02 07:00"`, []string{`:7: right[0].until: the right ends before it begins`}},
		{"a lockdown that ends first", `title = "A door"`, `lockdown = [{ everywhere = true, from = "2026-11-02 08:00", until = "2026-11-02 08:00" }]`, []string{`:1: lockdown[0].until: the lockdown ends before it begins`}},
		{"a right of no source", `group = "Desk"`, `group = "Desk", source = "rumour"`, []string{`:7: right[0].source: there is no source "rumour"`}},
		{"two of one name", `person = [{`, `person = [{ name = "Ann" }, {`, []string{`:5: person[1].name: there are two of the kind person with the name "Ann"`}},
		{"no name", `person = [{`, `person = [{ suspended = true }, {`, []string{`:5: person[0]: this person has no name`}},
		{"a card that is not there", `cards = ["ann"]`, `cards = ["ann"], not_activated = ["an"]`, []string{`:5: person[0].not_activated[0]: Ann has no "an"`}},
		{"hours past midnight", `09:00-18:00`, `22:00-06:00`, []string{`:3: door[0].hours[0]: 22:00-06:00 ends before it begins; what goes on past midnight is two`}},
		{"hours of no day", `Mon-Fri`, `Mon-Fry`, []string{`:3: door[0].hours[0]: "Mon-Fry" is no day`}},
		{"hours with a sign", `09:00-18:00`, `+9:00-18:00`, []string{`:3: door[0].hours[0]: "+9:00" is no time of the day`}},
		{"hours of no time", `18:00`, `18:60`, []string{`:3: door[0].hours[0]: "18:60" is no time of the day`}},
		{"a time that is skipped", `at = "2026-11-02 12:00"`, `at = "2026-03-29 02:30"`, []string{`:9: tap[0].at: 2026-03-29 02:30 does not exist in Europe/Rome`}},
		{"a time that comes twice", `at = "2026-11-02 12:00"`, `at = "2026-10-25 02:30"`, []string{`:9: tap[0].at: 2026-10-25 02:30 comes twice in Europe/Rome; say "2026-10-25 02:30 first" or`}},
		{"a time that comes once", `at = "2026-11-02 12:00"`, `at = "2026-11-02 12:00 second"`, []string{`:9: tap[0].at: 2026-11-02 12:00 comes only once in Europe/Rome; leave "second" away`}},
		{"no time", `at = "2026-11-02 12:00"`, `at = "noon"`, []string{`:9: tap[0].at: "noon" is no time`}},
		{"no time at all", `at = "2026-11-02 12:00", `, ``, []string{`:9: tap[0]: it must say when: at`}},
		{"no door", `door = "Front", at`, `at`, []string{`:9: tap[0]: it must say at which door`}},
		{"no length of time", `granted = "Ann's"`, `granted = "Ann's", last_used = "5 minutes"`, []string{`:9: tap[0].last_used: "5" is no length of time`}},
		{"nothing expected", `, granted = "Ann's"`, ``, []string{`:9: tap[0]: say what should become of it: granted or refused`}},
		{"both expected", `granted = "Ann's"`, `granted = "Ann's", refused = ["clock"]`, []string{`:9: tap[0]: say what should become of it: granted or refused`}},
		{"a right that is not there", `granted = "Ann's"`, `granted = "Anne's"`, []string{`:9: tap[0].granted: there is no right "Anne's"`}},
		{"a reason that is not there", `granted = "Ann's"`, `refused = ["clock", "mood"]`, []string{`:9: tap[0].refused[1]: "mood" is not a reason`}},
		{"a reason by no right", `granted = "Ann's"`, `refused = ["clock by Bo's"]`, []string{`:9: tap[0].refused[0]: there is no right "Bo's"`}},
		{"works with a grant", `granted = "Ann's"`, `granted = "Ann's", works = "never"`, []string{`:9: tap[0]: works and says are of a refusal`}},
		{"a state of the keypad", `card = "ann"`, `card = "ann", keypad = "maybe"`, []string{`:9: tap[0].keypad: "maybe" is no state of the keypad`}},
		{"a clock state", `card = "ann"`, `card = "ann", clock = "slow"`, []string{`:9: tap[0].clock: clock state "slow"`}},
		{"two who tap", `card = "ann"`, `card = "ann", person = "Ann"`, []string{`:9: tap[0]: say who taps with one of card`}},
		{"no taps", "tap = [\n  { card = \"ann\", door = \"Front\", at = \"2026-11-02 12:00\", granted = \"Ann's\" },\n]", "", []string{`: a case without taps shows nothing`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(good, test.what) == 0 {
				t.Fatalf("the good case has no %q", test.what)
			}
			_, err := Parse("case.toml", []byte(strings.Replace(good, test.what, test.by, 1)))
			var got []string
			for i, m := range config.Mistakes(err) {
				line := strings.TrimPrefix(m.Error(), "case.toml")
				if i < len(test.want) && strings.HasPrefix(line, test.want[i]) {
					line = test.want[i]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mistakes (-want +got; the beginning of each is enough):\n%s\n%v", diff, err)
			}
		})
	}
}

func TestWhatIsNotAsExpectedIsToldInWords(t *testing.T) {
	for _, test := range []struct{ name, by, want string }{
		{"another right", `{ card = "ann", door = "Front", at = "2026-11-02 12:00", granted = "Acme's" }`, `it should be granted by "Acme's", and is by "Ann's"`},
		{"refused", `{ card = "ann", door = "Front", at = "2026-11-02 12:00", refused = ["no_grant", "clock"] }`, `it should be refused: no_grant, clock`},
		{"granted", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", granted = "any" }`, `it should be granted by "any", and is refused: not_yet, door_hours`},
		{"other reasons", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", refused = ["door_hours", "not_yet"] }`, `the reasons should be door_hours, not_yet, and are not_yet, door_hours`},
		{"another instant", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", refused = ["not_yet opens 2026-11-02 07:00", "door_hours opens never"] }`, `not_yet should pass by waiting until Mon 2026-11-02 07:00:00 +01:00, and passes Mon 2026-11-02 08:00:00 +01:00; door_hours should pass by waiting until never, and passes Mon 2026-11-02 09:00:00 +01:00`},
		{"of another right", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", refused = ["not_yet by Acme's", "door_hours"] }`, `not_yet should be told of "Acme's", and is told of "Ann's"`},
		{"works", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", refused = ["not_yet", "door_hours"], works = "never" }`, `it should work again never, and works Mon 2026-11-02 09:00:00 +01:00`},
		{"says", `{ card = "ann", door = "Front", at = "2026-11-01 12:00", refused = ["not_yet", "door_hours"], says = "come in" }`, `it should say "come in", and says ""`},
		{"warned", `{ card = "ann", door = "Front", at = "2026-11-02 12:00", granted = "any", warned = true }`, `that it came again too soon should be true, and is false`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, `{ card = "ann", door = "Front", at = "2026-11-02 12:00", granted = "Ann's" }`, test.by, 1)
			text = strings.Replace(text, "right = [", `right = [{ name = "Acme's", team = "Acme", door = "Front", until = "2000-01-01 00:00", cancelled = true }, `, 1)
			// Cancelled and stale rights of the team would be told as well.
			text = strings.Replace(text, `members = ["Ann"]`, `members = []`, 1)
			c, err := Parse("case.toml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			results, err := c.Run()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(results[0].Wrong, "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestADoorThatShouldStandOpenAndDoesNotIsTold(t *testing.T) {
	c, err := Parse("case.toml", []byte(good+"stands = [{ door = \"Front\", at = \"2026-11-02 12:00\", open = true }]\n"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.Run()
	if err != nil || len(results) != 2 || strings.Join(results[1].Wrong, "") != "it should stand open" || results[1].Line != 11 {
		t.Errorf("got %+v, %v", results, err)
	}
}

// FuzzParse: whatever stands in a file, it is a case or an error, and every case runs.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, line := range []string{
		`at = "2026-10-25 02:30 Europe/Rome first -1us"`, `hours = ["Sat,Sun", "2026-12-24 to 2026-12-26", "2026-11-07 20:00 until 2026-11-08 01:30"]`,
		`refused = ["not_yet by Ann's opens 2026-11-02 09:00"]`, `silent = "7d +1us"`,
	} {
		f.Add([]byte("tap = [{ " + line + " }]\ndoor = [{ " + line + " }]"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("case.toml", text)
		if err != nil {
			return
		}
		results, err := c.Run()
		if err != nil {
			t.Fatalf("a case that was read does not run: %v", err)
		}
		for i := range results {
			if d := results[i].Decision; d != nil && d.Granted == (d.Reason != access.Granted) {
				t.Fatalf("granted %t with the reason %s", d.Granted, d.Reason)
			}
		}
	})
}
