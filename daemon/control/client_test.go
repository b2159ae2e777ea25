package control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestFollowBringsEveryEventInOrder(t *testing.T) {
	h := example()
	socket, _ := serve(t, NewServer(h.operations(), nil), View)
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	want := []access.Event{
		{ID: "a", Seq: 1, At: at, Door: "front", Reason: access.Granted, Reasons: []access.Reason{access.Granted}},
		{ID: "b", Seq: 2, At: at, Kind: access.ActionEvent, Actor: "anna", Detail: "line\nbreak"},
		{ID: "c", Seq: 3, At: at, Kind: access.SystemEvent},
	}
	var got []access.Event
	enough := errors.New("enough")
	ended := make(chan error, 1)
	go func() {
		ended <- NewClient(socket).Follow(t.Context(), EventQuery{Door: "front", After: 7}, func(e access.Event) error {
			got = append(got, e)
			if len(got) == len(want) {
				return enough
			}
			return nil
		})
	}()
	for _, e := range want {
		h.fresh <- e
	}
	if err := <-ended; !errors.Is(err, enough) {
		t.Errorf("Follow: %v, want the error of each", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{EventQuery{Door: "front", After: 7}}, h.heard()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestFollowSaysWhyItEnded(t *testing.T) {
	t.Run("the gateway stops", func(t *testing.T) {
		h := example()
		socket, stop := serve(t, NewServer(h.operations(), nil), View)
		ended := make(chan error, 1)
		go func() {
			ended <- NewClient(socket).Follow(t.Context(), EventQuery{}, func(access.Event) error { return nil })
		}()
		h.fresh <- access.Event{ID: "a"}
		stop()
		var told *Error
		if err := <-ended; !errors.As(err, &told) || told.Code != Stopped {
			t.Errorf("Follow: %v, want code %s", err, Stopped)
		}
	})
	t.Run("an error in mid-stream", func(t *testing.T) {
		h := example()
		socket, _ := serve(t, NewServer(h.operations(), nil), View)
		close(h.fresh)
		err := NewClient(socket).Follow(t.Context(), EventQuery{}, nil)
		var told *Error
		if !errors.As(err, &told) || told.Code != Failed || told.Message != "the journal cannot be read" || told.Hint != "tilegate status" {
			t.Errorf("Follow: %+v, want the gateway's own words", told)
		}
	})
}

func TestASocketThatDoesNotAnswerIsExplained(t *testing.T) {
	dir := socketDir(t)
	dead := filepath.Join(dir, "dead")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	for name, socket := range map[string]string{"missing": filepath.Join(dir, "none"), "left by the dead": dead} {
		_, err := NewClient(socket).Status(t.Context())
		var told *Error
		if !errors.As(err, &told) || told.Code != NotRunning {
			t.Errorf("%s: error %v, want code %s", name, err, NotRunning)
			continue
		}
		if !strings.Contains(told.Message, socket) || !strings.Contains(told.Hint, "systemctl status tilegated") {
			t.Errorf("%s: %q, %q do not say which socket and what to do", name, told.Message, told.Hint)
		}
	}
}

func TestASocketOfAnotherGroupNamesTheGroup(t *testing.T) {
	socket, _ := serve(t, NewServer(Operations{}, nil), View)
	c := NewClient(socket)
	denied := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}
	err := c.unreached(t.Context(), denied)
	var told *Error
	if !errors.As(err, &told) || told.Code != NoPermission {
		t.Fatalf("error %v, want code %s", err, NoPermission)
	}
	if group := c.group(); !strings.Contains(told.Message, group) || !strings.Contains(told.Hint, "usermod -aG "+group) {
		t.Errorf("%q, %q do not name the group %s", told.Message, told.Hint, group)
	}
	if !errors.Is(err, syscall.EACCES) {
		t.Error("the cause is lost")
	}
}

// answering is a server of somebody else on a unix socket.
func answering(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	socket := filepath.Join(socketDir(t), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}

func TestAStrangeAnswerIsAnErrorOfOurs(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   Code
		words  string
	}{
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, Failed, "cannot be read"},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"site":"tra`) }, Failed, "cannot be read"},
		{"an error page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) }, Failed, "502"},
		{"an unknown word", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"clock":"sundial"}`) }, Failed, "sundial"},
		{"a hang-up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Stopped, "hung up"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewClient(answering(t, test.answer)).Status(t.Context())
			var told *Error
			if !errors.As(err, &told) || told.Code != test.want || !strings.Contains(told.Message, test.words) {
				t.Errorf("error %v, want code %s with %q", err, test.want, test.words)
			}
		})
	}
}

func TestTheCallersOwnDeadlineIsNotTheGatewaysFault(t *testing.T) {
	socket := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := NewClient(socket).Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestAGatewayThatHangsIsATimeout(t *testing.T) {
	socket := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := ask[Status](t.Context(), NewClient(socket), http.MethodGet, "/v1/status", 20*time.Millisecond, nil)
	var told *Error
	if !errors.As(err, &told) || told.Code != Timeout {
		t.Errorf("error %v, want code %s", err, Timeout)
	}
}
