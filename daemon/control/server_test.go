package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// socketDir is short: a unix socket's path has 107 characters at most.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// serve runs a server on a real socket until the test ends, and checks that it
// stops cleanly.
func serve(t *testing.T, s *Server, role Role) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(socketDir(t), "s")
	listener, note, err := Listen(socket, SocketMode, "")
	if err != nil || note != "" {
		t.Fatalf("Listen: note %q, error %v", note, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener, role) }()
	stop = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
			ended <- nil
		case <-time.After(patience):
			t.Error("Serve goes on after its context ended")
		}
	}
	t.Cleanup(stop)
	return socket, stop
}

func me() Caller { return named(uint32(os.Getuid())) }

func example() *house {
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)
	sync := Sync{Source: "kisi", Every: time.Hour, Contact: at, Result: "held", Held: []string{"12 people of Front door"}, Dropped: []access.Problem{{Table: "grant", ID: "9", What: "no such group"}}}
	door := Door{ID: "front", Name: "Front door", Lock: "kisi:2006", Readers: []Device{{Name: "in", Driver: "line", Port: "/dev/ttyUSB0", Up: true, Since: at, Frames: 7}}, Posture: "locked", LastTap: at, LastWhat: "granted"}
	return &house{
		status: Status{
			Site: "trastevere", Name: "Trastevere, Rome", TimeZone: "Europe/Rome", Version: "1.2.3", Started: at, Ready: true,
			Clock: access.ClockFreeRunning, Generation: 8, Counts: access.Counts{Doors: 1}, Doors: []Door{door}, Sources: []Sync{sync},
			Journal: JournalStatus{Last: 9, Healthy: true}, Troubles: []Trouble{{Code: "reader_gone", Severity: "critical", Since: at}},
		},
		doors:  []Door{door},
		events: []access.Event{{ID: "e1", Seq: 9, At: at, Door: "front", Credential: access.Credential{Kind: access.Card, Digest: access.Digest{1, 2}}, Reason: access.NotYet, Reasons: []access.Reason{access.NotYet, access.DoorHours}}},
		answer: Answer{Explanation: access.Explanation{Reason: access.NotYet, Misses: []access.MissView{{Reason: access.NotYet, Grant: &access.GrantView{ID: "g", From: at}, Opens: at}}}, Door: "front", At: at, Took: 2 * time.Millisecond},
		syncs:  []Sync{sync},
		fresh:  make(chan access.Event),
	}
}

func TestEveryOperationReachesTheGatewayAndComesBackWhole(t *testing.T) {
	h := example()
	socket, _ := serve(t, NewServer(h.operations(), nil), Operate)
	c := NewClient(socket)
	ctx := t.Context()
	at := time.Date(2026, 11, 22, 9, 0, 0, 1000, time.UTC)
	query := EventQuery{After: 5, Limit: 7, Door: "a/b ä?", Kind: "decision", Reason: "not_yet", Since: at, Until: at.Add(time.Hour)}
	question := Question{Door: "front", Card: "04a2b3c4", At: at, Presence: access.Remote}
	tap := Question{Door: "front", Code: "QR\n\"code\""}
	check := func(name string, want any, wantAsked []any) func(any, error) {
		return func(got any, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: answer (-want +got):\n%s", name, diff)
			}
			if diff := cmp.Diff(wantAsked, h.heard()); diff != "" {
				t.Errorf("%s: asked (-want +got):\n%s", name, diff)
			}
			h.asked = nil
		}
	}
	status, err := c.Status(ctx)
	check("status", h.status, nil)(status, err)
	doors, err := c.Doors(ctx)
	check("doors", h.doors, nil)(doors, err)
	opened, err := c.OpenDoor(ctx, Opening{Door: "a/b ä?", Anyway: true})
	check("open", Opened{Door: "a/b ä?", Hold: 5 * time.Second, Event: "e1"}, []any{me(), Opening{Door: "a/b ä?", Anyway: true}})(opened, err)
	tested, err := c.TestDoor(ctx, "front")
	check("test", []cloud.CheckLine{{What: "reader", OK: true}, {What: "strike", Note: "no answer"}}, []any{me(), "front"})(tested, err)
	events, err := c.Events(ctx, query)
	check("events", h.events, []any{query})(events, err)
	why, err := c.Why(ctx, question)
	check("why", h.answer, []any{question})(why, err)
	about := Question{Event: "4711"}
	why, err = c.Why(ctx, about)
	check("why of an event", h.answer, []any{about})(why, err)
	people := WhoQuery{Door: "front", At: at, Presence: access.Remote, All: true}
	var openers []Opener
	err = c.Who(ctx, people, func(o Opener) error { openers = append(openers, o); return nil })
	check("who", []Opener{{Holder: "h1", Granted: true}, {Holder: "h2"}}, []any{people})(openers, err)
	seen, err := c.Seen(ctx, at)
	check("seen", Seen{Since: at, Evacuation: true, People: []SeenPerson{{Holder: "h1", Way: "in"}}}, []any{me(), at})(seen, err)
	simulated, err := c.Simulate(ctx, tap)
	check("simulate", h.answer, []any{me(), tap})(simulated, err)
	syncs, err := c.SyncStatus(ctx)
	check("sync status", h.syncs, nil)(syncs, err)
	syncs, err = c.SyncNow(ctx, "kisi")
	check("sync now", h.syncs, []any{me(), "kisi"})(syncs, err)
	syncs, err = c.ApproveSync(ctx, "kisi")
	check("sync approve", h.syncs, []any{me(), "kisi", "approve"})(syncs, err)
	report, err := c.TestKisi(ctx)
	check("kisi", cloud.Report{Organisation: "Example", Lines: []cloud.CheckLine{{What: "sign in", OK: true}}}, nil)(report, err)
	var compared []Compared
	err = c.CompareKisi(ctx, Comparison{}, func(step Compared) error { compared = append(compared, step); return nil })
	check("compare", comparedSteps, []any{Comparison{Days: 30}})(compared, err)
	if err := c.CompareKisi(ctx, Comparison{Days: 91}, nil); err == nil || !strings.Contains(err.Error(), "1 to 90") {
		t.Errorf("91 days: got %v", err)
	}
	reloaded, err := c.Reload(ctx)
	check("reload", Reloaded{Changed: []string{"door front: hold 5s -> 8s"}}, []any{me()})(reloaded, err)
}

func TestEventsWithoutALimitAreAHundred(t *testing.T) {
	h := example()
	socket, _ := serve(t, NewServer(h.operations(), nil), View)
	if _, err := NewClient(socket).Events(t.Context(), EventQuery{}); err != nil {
		t.Fatal(err)
	}
	if got, want := h.heard()[0].(EventQuery).Limit, 100; got != want {
		t.Errorf("limit %d, want %d", got, want)
	}
}

func TestViewSocketOnlyLooks(t *testing.T) {
	h := example()
	socket, _ := serve(t, NewServer(h.operations(), nil), View)
	c := NewClient(socket)
	ctx := t.Context()
	acts := map[string]func() error{
		"open":     func() error { _, err := c.OpenDoor(ctx, Opening{Door: "front"}); return err },
		"test":     func() error { _, err := c.TestDoor(ctx, "front"); return err },
		"simulate": func() error { _, err := c.Simulate(ctx, Question{Door: "front", Card: "04"}); return err },
		"sync":     func() error { _, err := c.SyncNow(ctx, ""); return err },
		"approve":  func() error { _, err := c.ApproveSync(ctx, "kisi"); return err },
		"kisi":     func() error { _, err := c.TestKisi(ctx); return err },
		"compare":  func() error { return c.CompareKisi(ctx, Comparison{}, nil) },
		"reload":   func() error { _, err := c.Reload(ctx); return err },
	}
	for name, act := range acts {
		var told *Error
		if err := act(); !errors.As(err, &told) || told.Code != Forbidden {
			t.Errorf("%s: error %v, want code %s", name, err, Forbidden)
			continue
		}
		if !strings.Contains(told.Message, "operate socket") || !strings.Contains(told.Hint, "tilegate-operate") {
			t.Errorf("%s: %q, %q does not say which socket and which group", name, told.Message, told.Hint)
		}
	}
	if asked := h.heard(); len(asked) > 0 {
		t.Errorf("the gateway was asked %v", asked)
	}
	if _, err := c.Why(ctx, Question{Door: "front", Person: "Anna"}); err != nil {
		t.Errorf("why: %v, want an answer: it is a question", err)
	}
}

func TestErrorsKeepTheirCodeAndHintAcrossTheWire(t *testing.T) {
	tests := []struct {
		name string
		in   error
		want Error
	}{
		{"of a code", &Error{Code: NotFound, Message: "no door is called frnt", Hint: "did you mean front?"}, Error{Code: NotFound, Message: "no door is called frnt", Hint: "did you mean front?"}},
		{"wrapped", fmt.Errorf("open door: %w", &Error{Code: Conflict, Message: "locked down", Hint: "release it"}), Error{Code: Conflict, Message: "open door: locked down", Hint: "release it"}},
		{"any other", errors.New("disk on fire"), Error{Code: Failed, Message: "disk on fire"}},
		{"too late", fmt.Errorf("strike: %w", context.DeadlineExceeded), Error{Code: Timeout, Message: "strike: context deadline exceeded"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := example()
			h.err = test.in
			socket, _ := serve(t, NewServer(h.operations(), nil), Operate)
			_, err := NewClient(socket).OpenDoor(t.Context(), Opening{Door: "frnt"})
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a *Error", err)
			}
			if got.Code != test.want.Code || got.Message != test.want.Message || got.Hint != test.want.Hint {
				t.Errorf("got %+v, want %+v", *got, test.want)
			}
		})
	}
}

func TestAMissingPartSaysSo(t *testing.T) {
	socket, _ := serve(t, NewServer(Operations{}, nil), Operate)
	c := NewClient(socket)
	ctx := t.Context()
	asks := []func() error{
		func() error { _, err := c.Status(ctx); return err },
		func() error { _, err := c.Doors(ctx); return err },
		func() error { _, err := c.OpenDoor(ctx, Opening{Door: "d"}); return err },
		func() error { _, err := c.TestDoor(ctx, "d"); return err },
		func() error { _, err := c.Events(ctx, EventQuery{}); return err },
		func() error { return c.Follow(ctx, EventQuery{}, nil) },
		func() error { _, err := c.Why(ctx, Question{}); return err },
		func() error { _, err := c.Simulate(ctx, Question{}); return err },
		func() error { _, err := c.SyncStatus(ctx); return err },
		func() error { _, err := c.SyncNow(ctx, ""); return err },
		func() error { _, err := c.TestKisi(ctx); return err },
		func() error { return c.CompareKisi(ctx, Comparison{}, nil) },
		func() error { _, err := c.Reload(ctx); return err },
	}
	for i, ask := range asks {
		var told *Error
		if err := ask(); !errors.As(err, &told) || told.Code != Unavailable {
			t.Errorf("operation %d: error %v, want code %s", i, err, Unavailable)
		}
	}
}

// raw sends a request as no client of ours would.
func raw(t *testing.T, socket, method, path, body string) (int, string) {
	t.Helper()
	c := NewClient(socket)
	request, err := http.NewRequestWithContext(t.Context(), method, "http://tilegate"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text.String()
}

func TestBadRequestsGetWords(t *testing.T) {
	socket, _ := serve(t, NewServer(example().operations(), nil), Operate)
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"no such operation", "GET", "/v2/everything", "", 404, "there is no operation GET /v2/everything"},
		{"wrong method", "GET", "/v1/reload", "", 404, "there is no operation GET /v1/reload"},
		{"not JSON", "POST", "/v1/why", "door=front", 400, "cannot be read"},
		{"half a JSON", "POST", "/v1/why", `{"door":"front"`, 400, "cannot be read"},
		{"two values", "POST", "/v1/why", `{"door":"front","card":"04"} {}`, 400, "more than one value"},
		{"a wish we do not know", "POST", "/v1/taps", `{"door":"front","card":"04","presence":"reader","quietly":true}`, 400, "quietly"},
		{"an unknown presence", "POST", "/v1/why", `{"door":"front","card":"04","presence":"dream"}`, 400, "use reader, near or remote"},
		{"too large", "POST", "/v1/why", `{"door":"` + strings.Repeat("x", 65<<10) + `"}`, 400, "more than 65536 bytes"},
		{"nobody asked about", "POST", "/v1/why", `{"door":"front"}`, 400, "one person, one card, one code or one event"},
		{"two asked about", "POST", "/v1/why", `{"door":"front","card":"04","code":"c"}`, 400, "one person, one card, one code or one event"},
		{"no door", "POST", "/v1/why", `{"card":"04"}`, 400, "names no door"},
		{"an event at another door", "POST", "/v1/why", `{"event":"4711","door":"front"}`, 400, "knows its door"},
		{"an event at another time", "POST", "/v1/why", `{"event":"4711","at":"2030-01-01T00:00:00Z"}`, 400, "knows its door"},
		{"a tap that was", "POST", "/v1/taps", `{"event":"4711"}`, 400, "happens now"},
		{"who, at no door", "POST", "/v1/who", `{}`, 400, "names no door"},
		{"a tap tomorrow", "POST", "/v1/taps", `{"door":"front","card":"04","at":"2030-01-01T00:00:00Z"}`, 400, "happens now"},
		{"too many events", "GET", "/v1/events?limit=10001", "", 400, "use 0 to 10000"},
		{"fewer than no events", "GET", "/v1/events?limit=-1", "", 400, "use 0 to 10000"},
		{"an unknown selection", "GET", "/v1/events?colour=red", "", 400, "colour: not something"},
		{"twice the same", "GET", "/v1/events?door=a&door=b", "", 400, "more than once"},
		{"an unknown reason", "GET", "/v1/events/follow?reason=mood", "", 400, "is not a reason"},
		{"an unknown kind", "GET", "/v1/events?kind=party", "", 400, "is not a kind of event"},
		{"not a time", "GET", "/v1/events?since=yesterday", "", 400, "since:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := raw(t, socket, test.method, test.path, test.body)
			if status != test.status || !strings.Contains(body, test.want) || !strings.HasPrefix(body, `{"code":"`) {
				t.Errorf("%d %s, want %d with %q as JSON", status, body, test.status, test.want)
			}
		})
	}
}

func TestServeEndsWellWhenItsListenerIsClosed(t *testing.T) {
	listener, _, err := Listen(filepath.Join(socketDir(t), "s"), SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = listener.Close() })
	if err := NewServer(Operations{}, nil).Serve(t.Context(), listener, View); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// broken is a listener that cannot accept, as without file descriptors.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, syscall.EINVAL }

func TestServeEndsWithAnErrorWhenItsListenerBreaks(t *testing.T) {
	listener, _, err := Listen(filepath.Join(socketDir(t), "s"), SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := NewServer(Operations{}, nil).Serve(t.Context(), broken{listener}, View); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Serve: %v, want %v", err, syscall.EINVAL)
	}
	if _, err := os.Lstat(listener.Addr().String()); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestActionsAreLoggedWithTheirCallerAndWithoutTheCard(t *testing.T) {
	var log bytes.Buffer
	h := example()
	logger := hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Trace})
	socket, stop := serve(t, NewServer(h.operations(), logger), Operate)
	c := NewClient(socket)
	if _, err := c.Simulate(t.Context(), Question{Door: "front", Card: "04a2b3c4d5e680"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.OpenDoor(t.Context(), Opening{Door: "front"}); err != nil {
		t.Fatal(err)
	}
	h.err = errors.New("no answer from the strike")
	if _, err := c.OpenDoor(t.Context(), Opening{Door: "rear"}); err == nil {
		t.Fatal("no error")
	}
	stop()
	text := log.String()
	for _, want := range []string{"operator acted", "door=front", "caller=" + me().Name, "[WARN]", "door=rear", "no answer from the strike"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "04a2b3c4d5e680") {
		t.Errorf("the log tells the card:\n%s", text)
	}
}
