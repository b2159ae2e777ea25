package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/control"
)

func TestEventListIsATable(t *testing.T) {
	g := morning()
	g.events = append(g.events,
		access.Event{Seq: 5, ID: "e5", At: noon, Kind: access.AlarmEvent, Door: "front", Detail: access.ForcedOpen.Detail(true)},
		access.Event{Seq: 6, ID: "e6", At: noon, Kind: access.AlarmEvent, Door: "front", Reader: "contact", Detail: access.InputLost.Detail(false)},
		access.Event{Seq: 7, ID: "e7", At: noon, Kind: access.AlarmEvent, Reader: "panel", Detail: access.Fire.Detail(true)},
		access.Event{Seq: 8, ID: "e8", At: noon, Kind: access.AlarmEvent, Door: "front", Detail: "an alarm of a newer version"})
	s := open(t, g)
	golden(t, "event", s.transcript(t, "event", "list"))
}

func TestAListThatWasCutSaysSo(t *testing.T) {
	s := open(t, morning())
	for _, cut := range []struct{ args, want []string }{
		{[]string{"--limit", "4"}, []string{"Only the newest 4 events", "--limit"}},
		{[]string{"--limit", "4", "--after", "1"}, []string{"Only the next 4 events", "--after "}},
	} {
		got := s.run(t, append([]string{"event", "list"}, cut.args...)...)
		for _, want := range cut.want {
			if !strings.Contains(got.err, want) || got.code != exitOK {
				t.Errorf("%q: exit %d, %q, want %q", cut.args, got.code, got.err, want)
			}
		}
	}
	if got := s.run(t, "event", "list", "--limit", "5"); got.err != "" {
		t.Errorf("a whole list says %q", got.err)
	}
}

func TestEventFlagsReachTheGateway(t *testing.T) {
	g := morning()
	s := open(t, g)
	for _, json := range []string{"--json=false", "--json"} {
		g.queries = nil
		eventFlags(t, g, s, json)
	}
}

func eventFlags(t *testing.T, g *gateway, s site, json string) {
	t.Helper()
	got := s.run(t, "event", "list", json, "--door", "front", "--kind", "decision", "--reason", "unknown", "--limit", "5", "--after", "7", "--since", "09:30", "--until", "-1h")
	if got.code != exitOK {
		t.Fatalf("exit %d: %s", got.code, got.err)
	}
	want := []control.EventQuery{{
		After: 7, Limit: 5, Door: "front", Kind: "decision", Reason: "unknown",
		Since: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC), // 09:30 in Rome
		Until: noon.Add(-time.Hour),
	}}
	if diff := cmp.Diff(want, g.queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// follow runs "event follow" until interrupted and returns its lines as they
// come.
func follow(t *testing.T, s site, args ...string) (lines *bufio.Scanner, interrupt func() told) {
	return watching(t, s, append([]string{"event", "follow"}, args...)...)
}

// watching runs a command that goes on until it is interrupted.
func watching(t *testing.T, s site, args ...string) (lines *bufio.Scanner, interrupt func() told) {
	t.Helper()
	from, to := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan told, 1)
	go func() {
		var errs bytes.Buffer
		program := &tool{out: &output{to: to}, err: &errs, now: func() time.Time { return noon }, zone: time.UTC}
		code := program.run(ctx, append([]string{"--socket", string(s)}, args...))
		_ = to.Close()
		done <- told{err: errs.String(), code: code}
	}()
	return bufio.NewScanner(from), func() told {
		cancel()
		select {
		case got := <-done:
			return got
		case <-time.After(patience):
			t.Fatal("event follow goes on after it was interrupted")
			return told{}
		}
	}
}

func TestEventFollowShowsEventsAsTheyHappenAndEndsWellWhenInterrupted(t *testing.T) {
	g := morning()
	s := open(t, g)
	lines, interrupt := follow(t, s, "--door", "front", "--after", "7")
	g.fresh <- g.events[1]
	if !lines.Scan() {
		t.Fatal("no line")
	}
	if got, want := lines.Text(), "2026-11-21 11:58:00 CET  #2  front         granted  kisi:user:1804 card:abcdef01"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := interrupt(); got.code != exitOK || got.err != "" {
		t.Errorf("exit %d, %q, want %d and silence", got.code, got.err, exitOK)
	}
	if diff := cmp.Diff([]control.EventQuery{{Door: "front", After: 7}}, g.queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestEventFollowWritesOneObjectALine(t *testing.T) {
	g := morning()
	s := open(t, g)
	lines, interrupt := follow(t, s, "--json")
	for _, want := range g.events {
		g.fresh <- want
		if !lines.Scan() {
			t.Fatal("no line")
		}
		var got access.Event
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	}
	interrupt()
}

func TestEventFollowFailsWhenTheGatewayGoesAway(t *testing.T) {
	g := morning()
	s := noSite(t)
	listener, _, err := control.Listen(string(s)+"/"+control.ViewSocket, control.SocketMode, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = control.NewServer(g.operations(), nil).Serve(ctx, listener, control.View) }()
	done := make(chan told, 1)
	go func() { done <- s.runWith(t.Context(), nil, "event", "follow") }()
	g.fresh <- g.events[0]
	stop()
	select {
	case got := <-done:
		if got.code != exitFailed || !strings.Contains(got.err, "the gateway stopped") {
			t.Errorf("exit %d, %q, want %d and why", got.code, got.err, exitFailed)
		}
	case <-time.After(patience):
		t.Fatal("event follow goes on without a gateway")
	}
}
