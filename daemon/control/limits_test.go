package control

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tilegate/tilegate/daemon/access"
)

func TestTheSocketSurvivesGarbageAndHalfRequests(t *testing.T) {
	s := NewServer(example().operations(), nil)
	s.limits.header = 100 * time.Millisecond
	s.limits.read = 100 * time.Millisecond
	socket, _ := serve(t, s, Operate)
	for _, bytes := range []string{"", "\x00\xff\x00\xff\n\n", "GET ", "POST /v1/why HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", strings.Repeat("A", 100_000)} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(bytes))
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if err := drain(conn); err != nil {
			t.Errorf("%.20q: %v, want the server to hang up by itself", bytes, err)
		}
		_ = conn.Close()
	}
	if _, err := NewClient(socket).Status(t.Context()); err != nil {
		t.Errorf("status afterwards: %v", err)
	}
}

// drain reads until the other end hangs up.
func drain(conn net.Conn) error {
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		} else if err != nil {
			return nil
		}
	}
}

func TestALongOperationOutlivesTheReadTimeout(t *testing.T) {
	h := example()
	h.hold = make(chan struct{})
	s := NewServer(h.operations(), nil)
	s.limits.read = 50 * time.Millisecond
	socket, _ := serve(t, s, Operate)
	time.AfterFunc(300*time.Millisecond, func() { close(h.hold) })
	if _, err := NewClient(socket).SyncNow(t.Context(), ""); err != nil {
		t.Errorf("sync now: %v", err)
	}
}

func TestAnOperationEndsWhenItsCallerHangsUp(t *testing.T) {
	h := example()
	h.fresh = make(chan access.Event)
	h.followed = make(chan struct{})
	socket, _ := serve(t, NewServer(h.operations(), nil), View)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := NewClient(socket).Follow(ctx, EventQuery{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: %v, want %v", err, context.Canceled)
	}
	select {
	case <-h.followed:
	case <-time.After(patience):
		t.Error("the gateway still follows for a caller who hung up")
	}
}

func TestTooManyRequestsAreTurnedAwayAndLaterServed(t *testing.T) {
	h := example()
	h.hold = make(chan struct{})
	s := NewServer(h.operations(), nil)
	s.limits.requests = 2
	socket, _ := serve(t, s, Operate)
	results := make(chan error, 3)
	for range 3 {
		go func() { _, err := NewClient(socket).SyncNow(t.Context(), ""); results <- err }()
	}
	var told *Error
	select {
	case err := <-results:
		if !errors.As(err, &told) || told.Code != Busy {
			t.Fatalf("the third caller: %v, want code %s", err, Busy)
		}
	case <-time.After(patience):
		t.Fatal("no caller was turned away")
	}
	close(h.hold)
	for range 2 {
		if err := <-results; err != nil {
			t.Errorf("a caller within the bound: %v", err)
		}
	}
	if _, err := NewClient(socket).Status(t.Context()); err != nil {
		t.Errorf("status afterwards: %v", err)
	}
}

func TestFollowersLeaveRoomForQuestions(t *testing.T) {
	h := example()
	s := NewServer(h.operations(), nil)
	s.limits.followers = 1
	socket, _ := serve(t, s, View)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan error, 1)
	go func() { first <- NewClient(socket).Follow(ctx, EventQuery{}, func(access.Event) error { return nil }) }()
	h.fresh <- access.Event{ID: "e"} // the first follower is in
	var told *Error
	if err := NewClient(socket).Follow(ctx, EventQuery{}, nil); !errors.As(err, &told) || told.Code != Busy {
		t.Errorf("second follower: %v, want code %s", err, Busy)
	}
	if _, err := NewClient(socket).Status(ctx); err != nil {
		t.Errorf("status: %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first follower: %v, want %v", err, context.Canceled)
	}
}

func TestConnectionsBeyondTheBoundAreClosedAndGivenBack(t *testing.T) {
	s := NewServer(example().operations(), nil)
	s.limits.conns = 1
	socket, _ := serve(t, s, View)
	first, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	_ = second.SetReadDeadline(time.Now().Add(patience))
	if _, err := second.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("second connection: %v, want it closed", err)
	}
	_ = first.Close()
	deadline := time.Now().Add(patience)
	for {
		_, err := NewClient(socket).Status(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place of a closed connection is not given back: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
