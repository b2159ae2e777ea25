package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

func ledgerLayout() layout {
	return layout{
		name: "ledger.db", application: 0x54_67_4c_31, pageSize: 4096,
		checkpoint: 1000, walLimit: 4 << 20, schema: schema("ledger"),
	}
}

// Ledger is what only this gateway knows. All methods may be called at once.
type Ledger struct{ f *file }

// OpenLedger opens or makes ledger.db and reads all of it. A damaged file is an
// error and is left where it is: nothing can rebuild it.
func OpenLedger(path string, log hclog.Logger) (*Ledger, error) {
	f, err := openFile(path, ledgerLayout(), 0)
	if err != nil && isDamage(err) {
		return nil, fmt.Errorf("%s cannot be rebuilt from the clouds; restore a backup of it, then start again: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	if log != nil {
		log.Debug("ledger opened", "path", f.path)
	}
	return &Ledger{f: f}, nil
}

// Links are all ids outside ("kisi:user:1804") with our holder ids.
func (l *Ledger) Links(ctx context.Context) (links map[string]string, err error) {
	defer func() {
		if err != nil {
			links, err = nil, fmt.Errorf("read the links: %w", err)
		}
	}()
	rows, err := l.f.r.QueryContext(ctx, "SELECT outside, holder FROM links")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	links = map[string]string{}
	for rows.Next() {
		var outside, holder string
		if err := rows.Scan(&outside, &holder); err != nil {
			return nil, err
		}
		links[outside] = holder
	}
	return links, rows.Err()
}

// Link says which holder somebody outside is. It is durable when it returns. A
// link to another holder replaces the old one; the same again writes nothing.
func (l *Ledger) Link(outside, holder string, at time.Time) error {
	err := l.f.write(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO links (outside, holder, at) VALUES (?, ?, ?)
			ON CONFLICT (outside) DO UPDATE SET holder = excluded.holder, at = excluded.at
			WHERE holder <> excluded.holder`, outside, holder, at.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("link %s to %s: %w", outside, holder, err)
	}
	return nil
}

// Check reads the whole file and says whether it is sound.
func (l *Ledger) Check(ctx context.Context) error { return l.f.quickCheck(ctx) }

// Close closes the file.
func (l *Ledger) Close() error { return l.f.close() }
