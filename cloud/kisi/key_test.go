package kisi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestKeyIsRereadAndRefusedWhereOthersMayReadIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kisi-api-key")
	source := KeyFile(file)
	if _, err := source(); !errors.Is(err, ErrNoKey) {
		t.Errorf("no file: got %v, want ErrNoKey", err)
	}
	for _, test := range []struct {
		name, content string
		mode          os.FileMode
		want          Key
		err           string
	}{
		{"a key", "abcdef0123456789", 0o600, "abcdef0123456789", ""},
		{"another key, with the end of a line", "9876543210fedcba\r\n", 0o400, "9876543210fedcba", ""},
		{"a key with its scheme", "KISI-LOGIN abc\n", 0o600, "abc", ""},
		{"readable by the group", "s3cr3t", 0o640, "", "chmod 0600"},
		{"readable by everybody", "s3cr3t", 0o604, "", "chmod 0600"},
		{"empty", " \n", 0o600, "", "is empty"},
		{"two lines", "s3cr3t\ns3cr3t", 0o600, "", "one line"},
		{"a header put in", "s3cr3t\r\nX-Evil: s3cr3t", 0o600, "", "one line"},
		{"a page of text", strings.Repeat("s3cr3t", 1000), 0o600, "", "longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_ = os.Remove(file)
			if err := os.WriteFile(file, []byte(test.content), test.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, test.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			got, err := source()
			if test.err == "" {
				if err != nil || got != test.want {
					t.Errorf("got %q, %v; want %q", string(got), err, string(test.want))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got %v, want an error with %q and without the key", err, test.err)
			}
		})
	}
	if _, err := KeyFile(t.TempDir())(); err == nil {
		t.Error("a directory was taken for a key")
	}
}

func TestKeyFromSystemdIsTakenWithTheModeThatItsAccessListShows(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kisi-api-key")
	if err := errors.Join(os.WriteFile(file, []byte("s3cr3t"), 0o600), os.Chmod(file, 0o440)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Join(dir, "others"))
	if _, err := KeyFile(file)(); err == nil {
		t.Error("a key that the group may read was taken from a directory that is not systemd's")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir+"/")
	if got, err := KeyFile(file)(); err != nil || got != "s3cr3t" {
		t.Errorf("from the credentials directory: %v, want the key", err)
	}
}

// R6.
func TestSecretsShowThemselvesToNobody(t *testing.T) {
	key, link := Key(testKey), CreatedGroupLink{Secret: testKey, QRToken: testKey, QRImage: testKey}
	card := Card{Type: "third_party_hf", UID: testKey, CardNumber: testKey}
	var log bytes.Buffer
	logger := hclog.New(&hclog.LoggerOptions{Output: &log})
	logger.Info("things", "key", key, "link", link.Secret, "card", card, "cards", []Card{card}, "new", NewCard{UID: testKey})
	for _, text := range []string{
		fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %s %q %x", key, key, key, key, key, key), fmt.Sprintf("%v %+v %#v", link, link, link),
		fmt.Sprintf("%v %+v %#v", card, card, card), fmt.Sprintf("%v", []Card{card}), fmt.Sprintf("%v %#v", NewCard{UID: testKey}, NewCard{UID: testKey}), log.String(),
	} {
		if strings.Contains(text, testKey) || strings.Contains(text, fmt.Sprintf("%x", testKey)) {
			t.Errorf("a secret shows in %s", text)
		}
	}
}
