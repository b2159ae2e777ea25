package control

import (
	"errors"
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
	released, err := c.ReleaseDoor(t.Context(), ask.Door)
	if diff := cmp.Diff(Held{Door: ask.Door, Event: "e1"}, released); err != nil || diff != "" {
		t.Errorf("release: %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]any{me(), ask, me(), ask.Door}, h.heard()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
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
