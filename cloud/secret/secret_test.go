package secret

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlySecretsThatNobodyElseCanReadAreRead(t *testing.T) { // R6
	tests := []struct {
		name, content string
		mode          os.FileMode
		want, refused string
	}{
		{name: "a key and a line end", content: "s3cr3t\n", mode: 0o600, want: "s3cr3t"},
		{name: "read-only", content: "s3cr3t", mode: 0o400, want: "s3cr3t"},
		{name: "the group can read it", content: "s3cr3t", mode: 0o640, refused: "chmod 0600"},
		{name: "everybody can read it", content: "s3cr3t", mode: 0o604, refused: "chmod 0600"},
		{name: "empty", content: " \n", mode: 0o600, refused: "is empty"},
		{name: "too long", content: strings.Repeat("s3cr3t", 1000), mode: 0o600, refused: "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			got, err := Read(path)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.refused == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), tt.refused) || strings.Contains(err.Error(), "s3cr3t")) {
				t.Errorf("error: got %v, want %q in it and no secret", err, tt.refused)
			}
		})
	}
}

func TestNoFileIsNoSecret(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "key")); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a directory was read as a secret")
	}
}

func TestWhatSystemdPutThereIsBelieved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte("s3cr3t"), 0o440); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || got != "s3cr3t" {
		t.Errorf("got %q, %v", got, err)
	}
}
