package control

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAHoldReachesTheGatewayAndComesBackWhole(t *testing.T) {
	h := example()
	socket, _ := serve(t, NewServer(h.operations(), nil), Operate)
	c := NewClient(socket)
	ask := Hold{Door: "a/b ä?", For: 2 * time.Hour}
	held, err := c.HoldDoor(t.Context(), ask)
	if diff := cmp.Diff(Held{Door: ask.Door, Until: h.status.Started, Event: "e1"}, held); err != nil || diff != "" {
		t.Errorf("hold: %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]any{me(), ask}, h.heard()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestALockdownReachesTheGatewayAndComesBackWhole(t *testing.T) {
	for _, where := range []Where{{Door: "a/b ä?"}, {Place: "Head office, 2nd floor"}, {Site: true}} {
		h := example()
		socket, _ := serve(t, NewServer(h.operations(), nil), Operate)
		c := NewClient(socket)
		done, err := c.LockDown(t.Context(), Lockdown{Where: where, Reason: " smoke\nin the\thall "})
		if diff := cmp.Diff(LockedDown{Where: where, Doors: 2, Event: "e1"}, done); err != nil || diff != "" {
			t.Errorf("lockdown: %v (-want +got):\n%s", err, diff)
		}
		released, err := c.Release(t.Context(), where)
		if diff := cmp.Diff(Released{Where: where, Ended: "lockdown", Still: []string{"front: the cloud"}, Event: "e1"}, released); err != nil || diff != "" {
			t.Errorf("release: %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]any{me(), Lockdown{Where: where, Reason: "smoke in the hall"}, me(), where}, h.heard()); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
}

func TestLockdownsAreRefusedThatSayNotWhere(t *testing.T) {
	tests := []struct {
		name string
		role Role
		ask  Lockdown
		want Code
	}{
		{"nowhere", Operate, Lockdown{}, BadRequest},
		{"two places", Operate, Lockdown{Where: Where{Door: "front", Site: true}}, BadRequest},
		{"from the view socket", View, Lockdown{Where: Where{Site: true}}, Forbidden},
		{"a long reason", Operate, Lockdown{Where: Where{Site: true}, Reason: strings.Repeat("ä", LongestReason)}, ""},
		{"too long a reason", Operate, Lockdown{Where: Where{Site: true}, Reason: strings.Repeat("ä", LongestReason+1)}, BadRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := example()
			socket, _ := serve(t, NewServer(h.operations(), nil), tt.role)
			c := NewClient(socket)
			check := func(what string, err error) {
				var told *Error
				if errors.As(err, &told); tt.want == "" && err != nil || tt.want != "" && (told == nil || told.Code != tt.want) {
					t.Errorf("%s: got %v, want %q", what, err, tt.want)
				}
			}
			_, err := c.LockDown(t.Context(), tt.ask)
			check("lockdown", err)
			if tt.ask.Reason == "" {
				_, err = c.Release(t.Context(), tt.ask.Where)
				check("release", err)
			}
			if asked := h.heard(); (len(asked) > 0) != (tt.want == "") {
				t.Errorf("the gateway was asked %v", asked)
			}
		})
	}
}

func TestHoldsAreRefusedThatNobodyShouldAskFor(t *testing.T) {
	tests := []struct {
		name string
		role Role
		ops  func(*house) Operations
		hold time.Duration
		want Code
	}{
		{"from the view socket", View, (*house).operations, time.Hour, Forbidden},
		{"no time at all", Operate, (*house).operations, 0, BadRequest},
		{"back in time", Operate, (*house).operations, -time.Hour, BadRequest},
		{"too short", Operate, (*house).operations, ShortestHold - 1, BadRequest},
		{"the shortest", Operate, (*house).operations, ShortestHold, ""},
		{"the longest", Operate, (*house).operations, LongestHold, ""},
		{"too long", Operate, (*house).operations, LongestHold + 1, BadRequest},
		{"a gateway without doors", Operate, func(*house) Operations { return Operations{} }, time.Hour, Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := example()
			socket, _ := serve(t, NewServer(tt.ops(h), nil), tt.role)
			_, err := NewClient(socket).HoldDoor(t.Context(), Hold{Door: "front", For: tt.hold})
			var told *Error
			if errors.As(err, &told); tt.want == "" && err != nil || tt.want != "" && (told == nil || told.Code != tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if asked := h.heard(); (len(asked) > 0) != (tt.want == "") {
				t.Errorf("the gateway was asked %v", asked)
			}
		})
	}
}
