package cloud

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/tilegate/tilegate/daemon/access"
)

func FuzzRosterFile(f *testing.F) {
	example, err := os.ReadFile("../configs/examples/roster.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	for _, seed := range []string{
		``, `{}`, `{"people":[]}`, `{"people":[{"id":"a","qr":["x"]}]}`, `{"people":[{"id":"a\"","id":"b"}]}`, `{"people":[{"\\":1}]}`,
		`{"people":[{"id":"a"}],"grants":[{"person":"a","everywhere":true,"until":"2026-11-02T09:00:00Z"}]}`, `{"people":[{"id":"a","groups":["g"]}]}`,
	} {
		f.Add([]byte(seed))
	}
	deps := Deps{Digest: testKey(f)}
	f.Fuzz(func(t *testing.T, content []byte) {
		roster, err := newRosterReader("roster.json", bytes.NewReader(content), deps).read(t.Context())
		if err != nil {
			var refused *RosterError
			if !errors.As(err, &refused) || refused.Mistakes[0].Line < 1 || refused.Mistakes[0].Line > bytes.Count(content, []byte("\n"))+1 {
				t.Errorf("%v: want a *RosterError with a line of the file", err)
			}
			return
		}
		if _, err := access.Build(roster, []access.Contact{{Source: "file"}}, 1); err != nil {
			t.Errorf("a roster that was read cannot be used: %v", err)
		}
	})
}

func BenchmarkRosterFile500k(b *testing.B) {
	var file bytes.Buffer
	file.WriteString(`{"doors":[{"id":"front"}],"groups":[{"id":"all","doors":["front"]}],"people":[`)
	for i := range 500_000 {
		if i > 0 {
			file.WriteByte(',')
		}
		fmt.Fprintf(&file, "\n{\"id\":\"p%06d\",\"name\":\"Person %06d\",\"cards\":[\"04%012X\"],\"groups\":[\"all\"]}", i, i, i)
	}
	file.WriteString("]}")
	deps := Deps{Digest: testKey(b)}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		roster, err := newRosterReader("roster.json", bytes.NewReader(file.Bytes()), deps).read(b.Context())
		if err != nil || len(roster.Assignments) < 999_000 {
			b.Fatalf("%d rows, %v", len(roster.Assignments), err)
		}
	}
}
