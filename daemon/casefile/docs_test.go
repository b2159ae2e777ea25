package casefile

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const page = "../../docs/CASES.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheExampleOfTheDocsIsDecidedAsWritten(t *testing.T) {
	_, text, _ := strings.Cut(readPage(t), "```toml\n")
	text, _, _ = strings.Cut(text, "```")
	c, err := Parse(page, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.Run()
	if err != nil || len(results) != 7 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i := range results {
		if !results[i].AsExpected() {
			t.Errorf("line %d of the example: %v", results[i].Line, results[i].Wrong)
		}
	}
}

// Every key of the format has its words.
func TestTheDocsNameEveryKey(t *testing.T) {
	text := readPage(t)
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for field := range of.Fields() {
			if key := field.Tag.Get("toml"); !strings.Contains(text, "`"+key) {
				t.Errorf("%s does not name the key %q of %s", page, key, of.Name())
			}
			if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
				look(field.Type.Elem())
			} else if field.Type.Kind() == reflect.Struct {
				look(field.Type)
			}
		}
	}
	look(reflect.TypeFor[file]())
}
