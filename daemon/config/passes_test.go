package config

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	deskKey  = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
	cloudKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" // RFC 8032 §7.1, test 1
)

func issuerTOML(name, key string) string {
	return "\n[[pass.issuer]]\nname = \"" + name + "\"\npublic_key = \"" + key + "\"\n"
}

func TestIssuersAndTagKeysBecomeOptions(t *testing.T) {
	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	options := mustParse(t, good+issuerTOML("front-desk", deskKey)+issuerTOML("cloud", cloudKey)+
		"\n[sun]\nmeta_key_file = \"meta\"\nmac_key_file = \"/run/mac\"\n")
	var got []string
	for _, i := range options.Issuers {
		got = append(got, i.Name+" "+hex.EncodeToString(i.Key))
	}
	want := []string{
		"front-desk 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
		"cloud d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("issuers (-want +got):\n%s", diff)
	}
	if want := (SUN{MetaKeyFile: filepath.Join(credentials, "meta"), MACKeyFile: "/run/mac"}); options.SUN != want {
		t.Errorf("tag keys: got %+v, want %+v", options.SUN, want)
	}
	named := 0
	for _, s := range options.Secrets {
		if strings.HasPrefix(s.Key, "sun.") {
			named++
		}
	}
	if named != 2 {
		t.Errorf("%d keys of tags are among the secrets, want 2: %+v", named, options.Secrets)
	}
}

func TestWrongIssuersAreRefused(t *testing.T) {
	order8, err := hex.DecodeString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"no name", issuerTOML("", deskKey), "name: missing"},
		{"a name with blanks", issuerTOML("Front desk", deskKey), "cannot be a name"},
		{"a name twice", issuerTOML("desk", deskKey) + issuerTOML("desk", cloudKey), "another issuer has this name"},
		{"in hex", issuerTOML("desk", hex.EncodeToString(make([]byte, 32))), "this is no public key"},
		{"a private key", issuerTOML("desk", base64.StdEncoding.EncodeToString(make([]byte, 64))), "this is no public key"},
		{"another spelling of the same key", issuerTOML("desk", strings.Replace(deskKey, "bg=", "bh=", 1)), "this is no public key"},
		{"a point of small order with a sign", issuerTOML("desk", base64.StdEncoding.EncodeToString(order8)), "anybody could sign"},
		{"an unknown key", issuerTOML("desk", deskKey) + "private_key = \"x\"\n", "unknown key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("tilegate.toml", []byte(good+tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTagKeyThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mac")
	if err := os.WriteFile(path, []byte(strings.Repeat("00", 16)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("tilegate.toml", []byte(good+"\n[sun]\nmac_key_file = \""+path+"\"\n")); err == nil || !strings.Contains(err.Error(), "others on this machine can read") {
		t.Errorf("got %v, want it to be refused", err)
	}
}

// What a default of medium does to a door of card numbers. The drivers are the
// real ones.
func TestDoorThatNobodyCanOpenIsWarnedAbout(t *testing.T) {
	const (
		site   = "[site]\nid = \"x\"\nname = \"X\"\ntime_zone = \"Europe/Rome\"\n[file]\npath = \"/etc/tilegate/roster.json\"\n"
		strike = "strike = { driver = \"modbus\", port = \"/dev/serial/by-path/2\", channel = 0 }\n"
		door   = site + "[[door]]\nid = \"front\"\n" + strike
		line   = door + "reader = { driver = \"line\", preset = \"hex-cr\", port = \"/dev/serial/by-id/1\" }\n"
		field  = door + "reader = { driver = \"pn532\", port = \"/dev/serial/by-id/1\" }\n"
		osdp   = door + "reader = { driver = \"osdp\", port = \"/dev/serial/by-id/1\", address = 0"
	)
	for _, tt := range []struct {
		name, in string
		want     int
	}{
		{"it says nothing of assurance", line, 1},
		{"it asks for more", line + "minimum_assurance = \"high\"\n", 1},
		{"numbers may open it", line + "minimum_assurance = \"low\"\n", 0},
		{"passes are believed", line + issuerTOML("front-desk", deskKey), 0},
		{"tags are believed", line + "\n[sun]\nmac_key_file = \"mac\"\n", 0},
		{"its reader may prove more", field, 0},
		{"its PN532 takes no keys", field[:len(field)-3] + ", accept = [\"uid\"] }\n", 1},
		{"its OSDP reader tells numbers", osdp + " }\n", 1},
		{"its OSDP reader proves cards", osdp + ", assurance = \"high\" }\n", 0},
		{"for passes it is too strict", line + "minimum_assurance = \"high\"\n" + issuerTOML("front-desk", deskKey), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options, err := Parse("tilegate.toml", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			warnings := options.Warnings
			if len(warnings) != tt.want {
				t.Fatalf("warnings %q, want %d", warnings, tt.want)
			}
			if tt.want > 0 && (!strings.Contains(warnings[0], "door front opens for nobody") || !strings.Contains(warnings[0], `minimum_assurance = "low"`)) {
				t.Errorf("%q names neither the door nor the remedy", warnings[0])
			}
		})
	}
}

func TestClearTextIsWarnedAbout(t *testing.T) {
	options, err := Parse("tilegate.toml", []byte(`[site]
id = "x"
time_zone = "Europe/Rome"
[file]
path = "/etc/tilegate/roster.json"
[[door]]
id = "bench"
minimum_assurance = "low"
reader = { driver = "osdp", port = "/dev/serial/by-id/1", address = 0, insecure = true }
strike = { driver = "modbus", port = "/dev/serial/by-path/2", channel = 0 }
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Warnings) != 1 || !strings.Contains(options.Warnings[0], "line 9") || !strings.Contains(options.Warnings[0], "insecure") {
		t.Errorf("got %q, want one about line 9", options.Warnings)
	}
}
