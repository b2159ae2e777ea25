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
		`{"people":[{"id":"a"}],"groups":[{"id":"g","time_zone":"Europe/Rome","hours":[{"days":"fri-mon","from":"22:00","until":"06:00"},{"dates":["2026-12-25"],"except":true}]}]}`,
		`{"people":[{"id":"a"}],"doors":[{"id":"d","unlock":[{"from":"2026-12-24T12:00:00Z","until":"2026-12-24T13:00:00+00:30"}],"first_to_arrive":true,"locked_down":true}]}`,
	} {
		f.Add([]byte(seed))
	}
	deps := Deps{Digest: testKey(f)}
	f.Fuzz(func(t *testing.T, content []byte) {
		var in tray
		if err := newRosterReader("roster.json", bytes.NewReader(content), deps, &in).read(t.Context()); err != nil {
			var refused *RosterError
			if !errors.As(err, &refused) || refused.Mistakes[0].Line < 1 || refused.Mistakes[0].Line > bytes.Count(content, []byte("\n"))+1 {
				t.Errorf("%v: want a *RosterError with a line of the file", err)
			}
			return
		}
		if _, err := access.Build(in.rows, []access.Contact{{Source: "file"}}, 1); err != nil {
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
		var n rowCount
		if err := newRosterReader("roster.json", bytes.NewReader(file.Bytes()), deps, &n).read(b.Context()); err != nil || n.credentials < 999_000 {
			b.Fatalf("%d rows, %v", n.credentials, err)
		}
	}
}
