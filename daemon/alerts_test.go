package daemon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/tilegate/tilegate/daemon/config"
)

// newAlertStage is alerts with a board, a clock that is moved by hand and
// settings that name files in a scratch directory.
func newAlertStage(t *testing.T, urls map[string]string) (*alerts, *gateway, *time.Duration) {
	t.Helper()
	dir := t.TempDir()
	for name, url := range urls {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(url+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mono := new(time.Duration)
	*mono = time.Second
	clock := Clock{
		Wall: func() time.Time { return today.Add(*mono) }, Mono: func() time.Duration { return *mono }, Synced: func() bool { return true },
	}
	o := &config.Options{Site: config.Site{ID: "trastevere", Name: "Trastevere"}}
	if _, ok := urls["hook"]; ok {
		o.Alert.WebhookURLFile = filepath.Join(dir, "hook")
	}
	if _, ok := urls["beat"]; ok {
		o.Alert.HeartbeatFile, o.Alert.HeartbeatEvery = filepath.Join(dir, "beat"), time.Minute
	}
	g := &gateway{log: hclog.NewNullLogger(), troubles: newTroubles(clock), clock: newTimekeeper(clock, time.Time{})}
	g.settings.Store(o)
	return newAlerts(g), g, mono
}

// listenForAlerts is a webhook that keeps what it is told.
func listenForAlerts(t *testing.T, told *[]alertMessage) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m alertMessage
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		*told = append(*told, m)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestPeopleAreToldOnceWhenATroubleBeginsAndEnds(t *testing.T) {
	var told []alertMessage
	fail := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var m alertMessage
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		told = append(told, m)
	}))
	defer server.Close()
	a, g, mono := newAlertStage(t, map[string]string{"hook": server.URL + "/s3cret-hook"})
	step := func(d time.Duration) { *mono += d; a.round(t.Context()) }

	step(0)
	g.troubles.set(true, troubleReaderDown, "front", "gone")
	step(time.Minute)
	step(time.Minute)
	if len(told) != 1 || len(told[0].Began) != 1 || told[0].Began[0].Subject != "front" {
		t.Fatalf("told %+v, want one message that the reader is silent", told)
	}
	fail = true
	g.troubles.set(false, troubleReaderDown, "front", "")
	step(time.Second)
	if !g.troubles.declared(troubleAlertFailed, "webhook") {
		t.Error("that nobody could be told is not on the board")
	}
	if text := g.troubles.shown()[0].Text; strings.Contains(text, "s3cret") {
		t.Errorf("the secret URL shows: %s", text)
	}
	fail = false
	step(time.Minute)
	if len(told) != 2 || len(told[1].Ended) != 1 {
		t.Fatalf("told %+v, want a second message that it ended", told)
	}
	if g.troubles.declared(troubleAlertFailed, "webhook") {
		t.Error("the board still says that nobody could be told")
	}
}

func TestTheHeartbeatStopsInCriticalTrouble(t *testing.T) {
	beats := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { beats++ }))
	defer server.Close()
	a, g, mono := newAlertStage(t, map[string]string{"beat": server.URL})
	step := func(d time.Duration) { *mono += d; a.round(t.Context()) }
	step(0)
	step(59 * time.Second)
	step(time.Second)
	if beats != 2 {
		t.Fatalf("beats in a minute: got %d, want 2", beats)
	}
	g.troubles.set(true, troubleJournal, "", "disk full")
	step(2 * time.Minute)
	if beats != 2 {
		t.Errorf("beats in critical trouble: got %d, want 2", beats)
	}
}

func TestASecretThatOthersCanReadIsNotUsed(t *testing.T) {
	a, g, _ := newAlertStage(t, map[string]string{"hook": "http://127.0.0.1:1/"})
	path := g.inForce().Alert.WebhookURLFile
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	err := a.post(t.Context(), g.inForce(), alertMessage{})
	if err == nil || !strings.Contains(err.Error(), "chmod 0600") {
		t.Errorf("got %v, want it to say chmod 0600", err)
	}
}

// postOffice is a mail server that offers no STARTTLS and keeps what it gets.
func postOffice(t *testing.T) (address string, mail <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	got := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		say := func(line string) { _, _ = fmt.Fprint(conn, line) } // a client that left is seen by what it got
		lines, data, text := bufio.NewScanner(conn), false, strings.Builder{}
		say("220 post\r\n")
		for lines.Scan() {
			line := lines.Text()
			switch {
			case data && line == ".":
				data = false
				got <- text.String()
				say("250 taken\r\n")
			case data:
				text.WriteString(line + "\n")
			case line == "DATA":
				data = true
				say("354 go\r\n")
			case line == "QUIT":
				say("221 bye\r\n")
				return
			default:
				say("250 ok\r\n")
			}
		}
	}()
	return listener.Addr().String(), got
}

func TestMailSaysWhatIsWrong(t *testing.T) {
	address, mail := postOffice(t)
	o := &config.Options{Alert: config.Alert{Mail: &config.Mail{
		Server: address, From: "box@example.com", To: []string{"desk@example.com"},
	}}}
	_, g, mono := newAlertStage(t, nil)
	g.troubles.set(true, troubleStrikeDown, "front", "no such file")
	*mono += time.Hour
	shown := g.troubles.shown()
	err := sendMail(t.Context(), o, alertMessage{Name: "Trastevere\r\nBcc: thief@example.com", At: today, Began: shown, Troubles: shown})
	if err != nil {
		t.Fatal(err)
	}
	text := <-mail
	for _, want := range []string{"Strike does not answer", "front", "no such file", "To: desk@example.com"} {
		if !strings.Contains(text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\nBcc:") {
		t.Errorf("a name added a header:\n%s", text)
	}
}

func TestSystemdIsToldInOneDatagram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	n := notifier{log: hclog.NewNullLogger()}
	read := func() string {
		buf := make([]byte, 1024)
		_ = socket.SetReadDeadline(time.Now().Add(5 * time.Second))
		size, _, err := socket.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:size])
	}
	n.reloading()
	if got := read(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("reloading: got %q, want both in one datagram", got)
	}
	n.ready("2 doors,\nall well")
	if got, want := read(), "READY=1\nSTATUS=2 doors, all well"; got != want {
		t.Errorf("ready: got %q, want %q", got, want)
	}
	n.stopping()
	if got := read(); got != "STOPPING=1" {
		t.Errorf("stopping: got %q", got)
	}
}

// A message about one trouble must not count for another that is too young to
// be in it.
func TestATroubleThatIsYoungWhenAnotherIsToldIsToldLater(t *testing.T) {
	var told []alertMessage
	server := listenForAlerts(t, &told)
	a, g, mono := newAlertStage(t, map[string]string{"hook": server.URL})
	g.inForce().Alert.Patience = time.Minute
	step := func(d time.Duration) { *mono += d; a.round(t.Context()) }

	g.troubles.set(true, troubleReaderDown, "front", "gone")
	step(50 * time.Second)
	g.troubles.set(true, troubleStrikeDown, "lab", "gone")
	step(20 * time.Second)
	step(time.Minute)
	var began []string
	for _, m := range told {
		for _, trouble := range m.Began {
			began = append(began, trouble.Code+" "+trouble.Subject)
		}
	}
	if got, want := strings.Join(began, ", "), "reader_down front, strike_down lab"; got != want {
		t.Errorf("told: got %q, want %q", got, want)
	}
}

// The network time takes years off a clock that was wrong when a trouble began.
func TestATroubleFromTheFutureIsTold(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer server.Close()
	a, g, mono := newAlertStage(t, map[string]string{"hook": server.URL})
	g.inForce().Alert.Patience = time.Minute
	g.troubles.wall = func() time.Time { return today.AddDate(10, 0, 0) }
	g.troubles.set(true, troubleReaderDown, "front", "gone")
	*mono += time.Hour
	a.round(t.Context())
	if calls != 1 {
		t.Errorf("messages: got %d, want 1", calls)
	}
}

func TestOneWayThatFailsDoesNotRepeatTheOther(t *testing.T) {
	var told []alertMessage
	server := listenForAlerts(t, &told)
	a, g, mono := newAlertStage(t, map[string]string{"hook": server.URL})
	// Nobody listens at port 1 of this machine.
	g.inForce().Alert.Mail = &config.Mail{Server: "127.0.0.1:1", From: "box@example.com", To: []string{"desk@example.com"}}
	g.troubles.set(true, troubleJournal, "", "disk full")
	for range 20 {
		*mono += time.Minute
		a.round(t.Context())
	}
	if len(told) != 2 || told[0].Began[0].Code != troubleJournal || told[1].Began[0].Code != troubleAlertFailed || told[1].Began[0].Subject != "mail" {
		t.Errorf("the webhook was told %+v, want the journal once, then once that mail fails", told)
	}
}

func TestALoopIsStillForAsLongAsItDoesNotMove(t *testing.T) {
	_, g, mono := newAlertStage(t, nil)
	w := newWatch(g)
	w.still("journal", 1)
	*mono += 4 * time.Second
	if got := w.still("journal", 1); got != 4*time.Second {
		t.Errorf("got %v, want 4s", got)
	}
	if got := w.still("journal", 2); got != 0 {
		t.Errorf("after a beat: got %v, want 0", got)
	}
}
