package cloudtest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// deaf goes on saying what its source said first.
type deaf struct {
	cloud.Source
	first *cloud.Fetched
}

func (d deaf) Fetch(ctx context.Context, cursor cloud.Cursor) (cloud.Fetched, error) {
	if d.first.At.IsZero() {
		f, rows, err := said(ctx, d.Source, cursor)
		f.Rows = cloud.RowsOf(rows)
		*d.first = f
		return f, err
	}
	return *d.first, nil
}

func TestFileSourcePassesLocalSuite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.json")
	open := func(t *testing.T) cloud.Source {
		t.Helper()
		write(t, path, `{"doors": [{"id": "front"}], "people": [{"id": "ann", "cards": ["04A2B3C4D5E680"]}], "grants": [{"person": "ann", "door": "front"}]}`)
		plan, err := cloud.CheckSource("file", func(into any) error {
			return toml.Unmarshal([]byte("path = "+strconv.Quote(path)), into)
		})
		if err != nil {
			t.Fatal(err)
		}
		key, err := access.NewDigestKey(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		src, err := plan.Open(cloud.Deps{Log: hclog.NewNullLogger(), Digest: key})
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv(carelessEnv) == "deaf" {
			return deaf{src, new(cloud.Fetched)}
		}
		return src
	}
	LocalSourceSuite(t, open, func(t *testing.T) { write(t, path, `{"people": [{"id": "ann"`) })
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
