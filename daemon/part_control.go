package daemon

import (
	"context"
	"fmt"

	"github.com/tilegate/tilegate/daemon/control"
)

// openControl listens for the operator's tool.
func (g *gateway) openControl() error {
	log := g.log.Named("control")
	server := control.NewServer(control.Operations{
		Status: g, Doors: g, Holds: g, Readers: g, Movers: g, Events: g, Access: g, Who: g, Seen: g, Sync: g, Kisi: g, Reload: g,
	}, log)
	for _, s := range []struct {
		path, group string
		role        control.Role
	}{
		{g.inForce().Control.ViewSocket, control.ViewGroup, control.View},
		{g.inForce().Control.OperateSocket, control.OperateGroup, control.Operate},
	} {
		listener, note, err := control.Listen(s.path, control.SocketMode, s.group)
		if err != nil {
			return fmt.Errorf("control: %w", err)
		}
		if note != "" {
			log.Info("control socket", "path", s.path, "note", note)
		}
		g.later("control socket "+s.path, listener.Close)
		g.crew.start("control "+s.group, func(ctx context.Context) error { return server.Serve(ctx, listener, s.role) })
	}
	return nil
}
