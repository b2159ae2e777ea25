package control

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParseQuery(f *testing.F) {
	f.Add("after=5&limit=7&door=front&kind=decision&reason=not_yet&since=2026-11-22T09:00:00Z&until=2026-11-22T10:00:00.000001%2B01:00")
	f.Add("limit=-1")
	f.Add("door=a&door=b")
	f.Add("colour=%00")
	f.Fuzz(func(t *testing.T, text string) {
		request, err := http.NewRequest(http.MethodGet, "http://tilegate/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.URL.RawQuery = text
		query, err := parseQuery(request.URL.Query())
		if err != nil {
			var told *Error
			if !errors.As(err, &told) || told.Code != BadRequest {
				t.Fatalf("error %v, want code %s", err, BadRequest)
			}
			return
		}
		again, err := parseQuery(query.values())
		if err != nil {
			t.Fatalf("%+v does not survive its own address: %v", query, err)
		}
		if diff := cmp.Diff(query, again); diff != "" {
			t.Fatalf("after a second reading (-first +second):\n%s", diff)
		}
	})
}

func FuzzDecodeQuestion(f *testing.F) {
	f.Add(`{"door":"front","card":"04a2b3c4","presence":"reader"}`)
	f.Add(`{"door":"front","person":"Anna","at":"2026-11-22T09:00:00Z"}`)
	f.Add(`{"door":"front","card":"04","code":"x"}`)
	f.Add(`[]{}`)
	f.Fuzz(func(t *testing.T, text string) {
		request, err := http.NewRequest(http.MethodPost, "http://tilegate/v1/why", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		q, err := decodeQuestion(request)
		if err != nil {
			return
		}
		if q.Door == "" || q.Person == "" && q.Card == "" && q.Code == "" {
			t.Fatalf("accepted a question without door or subject: %s", text)
		}
	})
}
