package config

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tilegate/tilegate/hw"
)

// refused parses a text that must not pass and returns its mistakes, one line
// each, without the name of the file.
func refused(t *testing.T, text string) []string {
	t.Helper()
	_, err := parse("tilegate.toml", []byte(text), bench)
	if err == nil {
		t.Fatal("the settings are accepted, want mistakes")
	}
	var lines []string
	for _, m := range Mistakes(err) {
		lines = append(lines, strings.TrimPrefix(m.Error(), "tilegate.toml"))
	}
	return lines
}

// changed is the good site with one thing replaced. It fails when there was
// nothing to replace.
func changed(t *testing.T, what, by string) string {
	t.Helper()
	if strings.Count(good, what) == 0 {
		t.Fatalf("the good settings have no %q", what)
	}
	return strings.Replace(good, what, by, 1)
}

// spoilt is the good site with one thing replaced, and what is said of it.
var spoilt = []struct {
	name, what, by string
	want           []string
}{
	{
		"unknown key", `hold = "5s"`, `hodl = "5s"`,
		[]string{`:14: door[0].hodl: unknown key; did you mean "hold"?`},
	},
	{
		"unknown section", `[kisi]`, `[kisl]`,
		[]string{
			`: no source of rights, so nobody could open a door; add [kisi] with api_key_file = "kisi-api-key", or [file] with path = "/etc/tilegate/roster.json"`,
			`:6: kisl: unknown key; did you mean "kisi"?`,
			`:13: door[0].kisi_lock: there is no Kisi to know lock 2006; add [kisi], or leave kisi_lock away`,
			`:20: door[1].kisi_lock: there is no Kisi to know lock 2007; add [kisi], or leave kisi_lock away`,
		},
	},
	{
		"a driver's unknown key, inline", `address = 0 }`, `adress = 0 }`,
		[]string{`:15: door[0].reader.adress: unknown key; did you mean "address"?`},
	},
	{
		"a driver's unknown key, in a table of its own", `address = 1`, "address = 1\nbuad = 9600",
		[]string{`:27: door[1].reader.buad: unknown key; did you mean "baud"?`},
	},
	{
		"a key that slid into the table above", "address = 1\n", "address = 1\nhold = \"5s\"\n",
		[]string{`:27: door[1].reader.hold: unknown key; hold belongs into [[door]]`},
	},
	{
		"a wrong kind", `id = "front"`, `id = 7`,
		[]string{`:11: door[0].id: this is a whole number; it must be text in quotes`},
	},
	{
		"a duration without its unit", `hold = "5s"`, `hold = 5`,
		[]string{`:14: door[0].hold: this is a whole number; it must be a duration with its unit in quotes, as in "5s" or "15m"`},
	},
	{
		"no duration", `hold = "5s"`, `hold = "five"`,
		[]string{`:14: door[0].hold: "five" is not a duration; write it as "5s", "500ms", "15m" or "1h30m"`},
	},
	{
		"a hold that is too long", `hold = "5s"`, `hold = "31s"`,
		[]string{`:14: door[0].hold: 31s is not between 500ms and 30s`},
	},
	{
		"a hold that is too short", `hold = "5s"`, `hold = "0s"`,
		[]string{`:14: door[0].hold: 0s is not between 500ms and 30s`},
	},
	{
		"two doors of one name", `id = "rear"`, `id = "front"`,
		[]string{`:19: door[1].id: another door has this id, on line 11; each door needs its own`},
	},
	{
		"two doors on one lock", `kisi_lock = 2007`, `kisi_lock = 2006`,
		[]string{`:20: door[1].kisi_lock: lock 2006 is already the door on line 13; a lock of Kisi is one door here`},
	},
	{
		"no lock", `kisi_lock = 2007`, `kisi_lock = 0`,
		[]string{`:20: door[1].kisi_lock: 0 is not the number of a lock; it is the number in the address of the lock's page in Kisi`},
	},
	{
		"no assurance", `"medium"`, `"strong"`,
		[]string{`:21: door[1].minimum_assurance: assurance "strong": use any, low, medium or high`},
	},
	{
		"home and vault", `high_security = true`, "high_security = true\nresidential = true",
		[]string{`:23: door[1].residential: a home is never refused for old rights, a high_security door always: it cannot be both; leave one of them away`},
	},
	{
		"an unknown zone", `"Europe/Rome"`, `"Europe/Roma"`,
		[]string{`:4: site.time_zone: time zone "Europe/Roma" is not known; use a name such as "Europe/Rome" or "America/New_York"`},
	},
	{
		"the machine's zone", `"Europe/Rome"`, `"Local"`,
		[]string{`:4: site.time_zone: the zone of the machine is a guess; name the zone, as in "Europe/Rome"`},
	},
	{
		"a name that cannot be a label", `"trastevere"`, `"Trastevere!"`,
		[]string{`:2: site.id: "Trastevere!" cannot be a name; use small letters, digits and hyphens, at most 63 of them`},
	},
	{
		"no strike", `strike = { driver = "relays", port = "/dev/serial/by-path/2", channel = 0 }`, ``,
		[]string{`:10: door[0].strike: missing; add strike = { driver = "…", port = "…" }; without one the door cannot open`},
	},
	{
		"no driver", `reader = { driver = "bus", `, `reader = { `,
		[]string{`:15: door[0].reader.driver: missing; say which kind of device it is, as in driver = "line"`},
	},
	{
		"an unknown driver", `reader = { driver = "bus", `, `reader = { driver = "buss", `,
		[]string{`:15: door[0].reader: driver "buss" is not known; there are: alone, bus, relays`},
	},
	{
		"a driver's own complaint", `channel = 1`, `channel = 9`,
		[]string{`:27: door[1].strike: channel 9: the board has 0 to 7`},
	},
	{
		"two protocols on one port", `driver = "relays", port = "/dev/serial/by-path/2", channel = 0`, `driver = "relays", port = "/dev/serial/by-id/usb-FTDI_1", channel = 0`,
		[]string{`:16: door[0].strike: /dev/serial/by-id/usb-FTDI_1 speaks relays here and bus on line 15; give it a port of its own`},
	},
	{
		"two speeds on one port", `address = 0 }`, `address = 0, baud = 9600 }`,
		[]string{`:23: door[1].reader: /dev/serial/by-id/usb-FTDI_1 has other line settings on line 15; give both the same speed, parity and bits`},
	},
	{
		"one address twice", `address = 1`, `address = 0`,
		[]string{`:23: door[1].reader: address 0 on /dev/serial/by-id/usb-FTDI_1 is already taken, on line 15; give each device its own address or channel, or its own port`},
	},
	{
		"no address on a shared port", `address = 1`, ``,
		[]string{`:23: door[1].reader: /dev/serial/by-id/usb-FTDI_1 is already used on line 15, and bus has no addresses; give each a port of its own`},
	},
	{
		"numbers for all the world", "[kisi]", "[metrics]\nlisten = \"0.0.0.0:9843\"\n[kisi]",
		[]string{`:7: metrics.listen: the numbers say which door opens when, and 0.0.0.0:9843 shows them to the whole network; add web_config_file with TLS and a password, or listen on 127.0.0.1`},
	},
	{
		"numbers on every address", "[kisi]", "[metrics]\nlisten = \":9843\"\n[kisi]",
		[]string{`:7: metrics.listen: the numbers say which door opens when, and :9843 shows them to the whole network; add web_config_file with TLS and a password, or listen on 127.0.0.1`},
	},
	{
		"no port to listen on", "[kisi]", "[metrics]\nlisten = \"127.0.0.1\"\n[kisi]",
		[]string{`:7: metrics.listen: "127.0.0.1" has no port; write host:port, as in "127.0.0.1:9843"`},
	},
	{
		"one socket for both", "[kisi]", "[control]\nview_socket = \"/run/a.sock\"\noperate_socket = \"/run/a.sock\"\n[kisi]",
		[]string{`:8: control.operate_socket: the same path as view_socket; give each its own path; who may look is not who may act`},
	},
	{
		"the secret itself", `"kisi-api-key"`, `"75388d1d1ff0dff6b7b04a7d5162cc6c"`,
		[]string{`:7: kisi.api_key_file: this looks like the secret itself; put it into a file of its own and name the file here`},
	},
	{
		"a webhook's secret URL", "[kisi]", "[alert]\nwebhook_url_file = \"https://hooks.example/s3cret\"\n[kisi]",
		[]string{`:7: alert.webhook_url_file: this looks like the secret itself; put it into a file of its own and name the file here`},
	},
	{
		"half a mailbox", "[kisi]", "[alert.mail]\nserver = \"mail.example.org\"\nfrom = \"gate@example.org\"\nto = [\"a@example.org\", \"nobody\"]\nuser = \"gate\"\n[kisi]",
		[]string{
			`:6: alert.mail: user and password_file belong together; give both, or neither for a server that asks for none`,
			`:7: alert.mail.server: "mail.example.org" has no port; write host:port, as in "mail.example.org:587"`,
			`:9: alert.mail.to[1]: "nobody" is not a mail address`,
		},
	},
	{
		"a word that is no level", "[kisi]", "[log]\nlevel = \"loud\"\n[kisi]",
		[]string{`:7: log.level: "loud" is not one of the choices; use error, warn, info or debug`},
	},
	{
		"full crawls without end", "places = [46]", `every = "1s"`,
		[]string{`:8: kisi.every: 1s is not between 1m and 24h`},
	},
	{
		"the secret where a name should be", `api_key_file = "kisi-api-key"`, `api_key = "75388d1d1ff0dff6b7b04a7d5162cc6c"`,
		[]string{`:7: kisi.api_key: unknown key; did you mean "api_key_file"?`},
	},
	{
		"broken text", `id = "front"`, `id = front`,
		[]string{`:11: door.id: expected value but found "front" instead; text stands in quotes, lists in brackets, each key = value on its own line, and each [section] once`},
	},
}

func TestEachMistakeIsNamedWithItsLine(t *testing.T) {
	for _, test := range spoilt {
		t.Run(test.name, func(t *testing.T) {
			got := refused(t, changed(t, test.what, test.by))
			if !slices.Equal(got, test.want) {
				t.Errorf("mistakes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestAllMistakesAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	text := changed(t, `"Europe/Rome"`, `"Mars"`)
	text = strings.Replace(text, `hold = "5s"`, `hold = "1h"`, 1)
	text = strings.Replace(text, `channel = 1`, `chanel = 1`, 1)
	got := refused(t, text)
	var starts []string
	for _, line := range got {
		key, _, _ := strings.Cut(line, ": ")
		starts = append(starts, key)
	}
	if want := []string{":4", ":14", ":30"}; !slices.Equal(starts, want) {
		t.Errorf("lines %v, want %v; mistakes:\n%s", starts, want, strings.Join(got, "\n"))
	}
}

// A key that the driver of one door knows must not pass at another door, whose
// driver does not: the TOML reader's own list of unknown keys has this hole.
func TestKeyOfOneDriverIsUnknownToAnother(t *testing.T) {
	only := bench
	plain := only.reader
	only.reader = func(driver string, decode hw.Decode) (hw.ReaderPlan, error) {
		if driver != "alone" {
			return plain(driver, decode)
		}
		var own struct {
			Port string `toml:"port"`
		}
		return nil, decode(&own)
	}
	text := changed(t, "driver = \"bus\"\nport = \"/dev/serial/by-id/usb-FTDI_1\"\naddress = 1", "driver = \"alone\"\nport = \"/dev/ttyUSB7\"\naddress = 1")
	_, err := parse("tilegate.toml", []byte(text), only)
	want := `tilegate.toml:26: door[1].reader.address: unknown key; known here: port`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestSecretThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "kisi-api-key")
	if err := os.WriteFile(secret, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := good + "[state]\ncredentials_dir = \"" + dir + "\"\n"
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	for _, test := range []struct {
		mode os.FileMode
		want string
	}{
		{0o600, ""},
		{0o400, ""},
		{0o640, "others on this machine can read " + secret + " (mode 0640); chmod 0600 " + secret},
		{0o604, "others on this machine can read " + secret + " (mode 0604); chmod 0600 " + secret},
		{0o620, "others on this machine can read " + secret + " (mode 0620); chmod 0600 " + secret},
	} {
		if err := os.Chmod(secret, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := parse("tilegate.toml", []byte(text), bench)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("mode %04o: %v, want it accepted", test.mode, err)
		case test.want != "" && (err == nil || err.Error() != "tilegate.toml:7: kisi.api_key_file: "+test.want):
			t.Errorf("mode %04o: %v, want %s", test.mode, err, test.want)
		}
	}
}

// systemd shows its credentials with mode 0440, because the mask of their
// access list stands where the group's rights do.
func TestSecretsThatSystemdKeepsAreNotRefused(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "kisi-api-key"), []byte("k"), 0o440); err != nil {
		t.Fatal(err)
	}
	options := mustParse(t, good)
	if got, want := options.Secrets[0].Path, filepath.Join(dir, "kisi-api-key"); got != want {
		t.Errorf("secret at %s, want %s", got, want)
	}
	if err := options.CheckSecrets(); err != nil {
		t.Errorf("secrets: %v, want none wrong", err)
	}
}

// R6: a secret that was pasted into the settings is not repeated to the screen
// or the journal, whatever the paste did to the file.
func TestPastedSecretIsNotRepeated(t *testing.T) {
	for _, secret := range []string{
		"75388d1d1ff0dff6b7b04a7d5162cc6c", "abcdefabcdefabcdefabcdefabcdefab", "1234567890123456789012345678901234567890", "0x75388d1d1ff0dff6b7b04a7d5162cc6c",
	} {
		for _, line := range []string{
			"api_key_file = %", "api_key_file = \"%\"", "api_key_file = '%", "api_key = \"%\"", "api_key = %", "% = 1", "%", "api_key_file \"%\"",
			"api_key_file = \"%\\q\"", "api_key_file = \"kisi-api-key\" %",
		} {
			_, err := parse("tilegate.toml", []byte(changed(t, `api_key_file = "kisi-api-key"`, strings.ReplaceAll(line, "%", secret))), bench)
			if err == nil {
				t.Errorf("%s is accepted", line)
				continue
			}
			if strings.Contains(err.Error(), secret[:16]) {
				t.Errorf("%s: the error repeats the secret: %v", line, err)
			}
		}
	}
}

func TestMissingSecretIsToldWithWhatToDo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	options := mustParse(t, good+"[state]\ncredentials_dir = \""+dir+"\"\n")
	path := filepath.Join(dir, "kisi-api-key")
	want := "tilegate.toml:7: kisi.api_key_file: there is no " + path + " yet; make it with: sudo install -m 0600 -o tilegated -g tilegated /dev/stdin " + path + " (paste the secret, then Enter and Ctrl-D)"
	if err := options.CheckSecrets(); err == nil || err.Error() != want {
		t.Errorf("secrets: %v, want %s", err, want)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want = "tilegate.toml:7: kisi.api_key_file: " + path + " is empty; put the secret into it, on one line"
	if err := options.CheckSecrets(); err == nil || err.Error() != want {
		t.Errorf("secrets: %v, want %s", err, want)
	}
}

// The most likely slip of the first evening: the key was saved as root.
func TestSecretOfSomebodyElseIsToldToRoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kisi-api-key")
	if err := os.WriteFile(path, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if what, _ := usable(path, strconv.Itoa(os.Getuid())); what != "" {
		t.Errorf("its owner is told %q, want nothing", what)
	}
	what, hint := usable(path, strconv.Itoa(os.Getuid()+1))
	if want := path + " does not belong to the user tilegated, so the gateway cannot read it"; what != want {
		t.Errorf("told %q, want %q", what, want)
	}
	if want := "chown tilegated: " + path; hint != want {
		t.Errorf("hint %q, want %q", hint, want)
	}
}

func TestGatewayWithoutDoorsIsWarnedAbout(t *testing.T) {
	mirror, _, _ := strings.Cut(good, "[[door]]")
	options := mustParse(t, mirror)
	if len(options.Warnings) != 1 || !strings.Contains(options.Warnings[0], "opens nothing") {
		t.Errorf("warnings %q, want one that says so", options.Warnings)
	}
}

func TestANameThatMayBecomeAnotherDeviceIsWarnedAbout(t *testing.T) {
	if options := mustParse(t, good); len(options.Warnings) != 0 {
		t.Errorf("stable names: warnings %q, want none", options.Warnings)
	}
	options := mustParse(t, strings.ReplaceAll(good, "/dev/serial/by-path/2", "/dev/ttyUSB0"))
	if len(options.Warnings) != 1 || !strings.Contains(options.Warnings[0], "line 16: /dev/ttyUSB0") || !strings.Contains(options.Warnings[0], "by-id") {
		t.Errorf("warnings %q, want one that names line, port and remedy", options.Warnings)
	}
}

func TestMissingFileSaysWhereToGetOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tilegate.toml")
	_, err := Load(path)
	if got := Mistakes(err); len(got) != 1 || !strings.Contains(got[0].What, "no such settings file") {
		t.Errorf("error %v, want a mistake that says so", err)
	}
}

func TestEndlessFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tilegate.toml")
	if err := os.WriteFile(path, []byte(strings.Repeat("#\n", maxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than 256 KiB") {
		t.Errorf("error %v, want it to say how large", err)
	}
}
