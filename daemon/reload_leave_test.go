package daemon

import (
	"context"
	"testing"
)

// An operator who presses Ctrl-C, or a systemctl that gives up, must not leave
// the gateway between two settings, without a source that fetches.
func TestAReloadIsFinishedAlsoWhenItsCallerLeft(t *testing.T) {
	h := newHouse(t)
	h.edit(`every = "1s"`, `every = "2s"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.reload(ctx); err != nil {
		t.Errorf("reload: %v", err)
	}
	var names []string
	for _, s := range h.sources.all() {
		names = append(names, s.settings.Name)
	}
	if len(names) != 2 {
		t.Errorf("sources that run: got %v, want both", names)
	}
}
