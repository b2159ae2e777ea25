package store

import (
	"context"
	"errors"
	"fmt"
)

// Wrong tells, once all rows are there, which cannot stand side by side: each by
// its line, its table and its id, until tell says false. An id that is there
// twice has no other; a credential that is there twice, without being shared, has
// its holder as other; and a row that names what is not there has the table where
// it should be, with the name as id.
func (s *Stage) Wrong(ctx context.Context, tell func(line int, table, id, other string) bool) error {
	if err := s.finish(ctx); err != nil {
		return err
	}
	found := false
	told := func(line int, table, id, other string) bool {
		found = true
		return tell(line, table, id, other)
	}
	for _, q := range append(append(twice(), claimedTwice), dangling()...) {
		if more, err := s.ask(ctx, q, told); err != nil || !more {
			return err
		}
	}
	s.looked = !found
	return nil
}

// repeated refuses rows of one key, unless Wrong has looked already.
func (s *Stage) repeated(ctx context.Context) (err error) {
	if s.looked {
		return nil
	}
	for _, q := range twice() {
		_, failed := s.ask(ctx, q, func(_ int, table, id, _ string) bool {
			err = fmt.Errorf("%s: the row %q appears twice", table, id)
			return false
		})
		if err = errors.Join(failed, err); err != nil {
			return err
		}
	}
	return nil
}

// question finds rows that are wrong: line, id and other of each.
type question struct{ table, sql string }

func twice() (all []question) {
	for _, t := range shapes() {
		key := t.columns[0]
		if t.name == grantTable.name {
			key = "id" // of all grants, whoever has them
		}
		if t.set {
			continue
		}
		all = append(all, question{t.name, `SELECT t.line, t.` + key + `, '' FROM ` + t.name + ` t
			JOIN (SELECT ` + key + ` AS id, min(rowid) AS first FROM ` + t.name + ` GROUP BY ` + key + ` HAVING count(*) > 1) d
			ON t.` + key + ` = d.id WHERE t.rowid > d.first ORDER BY t.rowid`})
	}
	return all
}

// claimedTwice has a credential once, however many of its forms are taken. It
// leans on SQLite's rule that beside one lone min() the other columns come from
// that same row.
var claimedTwice = question{"assignments", `SELECT t.line, t.id, d.holder FROM assignments t
	JOIN (SELECT digest, kind, holder, min(rowid) AS first FROM assignments WHERE shared = 0 GROUP BY digest, kind HAVING count(*) > 1) d
	ON t.digest = d.digest AND t.kind = d.kind WHERE t.shared = 0 AND t.rowid > d.first
	GROUP BY t.line, t.id, d.holder ORDER BY min(t.rowid)`}

func dangling() (all []question) {
	for _, r := range []struct{ table, column, to, key, where string }{
		{"doors", "place", "places", "id", "t.place <> ''"},
		{"group_doors", "door", "doors", "id", "1"},
		{"team_members", "holder", "holders", "id", "1"},
		{"grants", "assignee", "holders", "id", "t.kind = 0"},
		{"grants", "assignee", "teams", "id", "t.kind = 1"},
		{"grants", "scope_id", "doors", "id", "t.scope = 0"},
		{"grants", "scope_id", "groups", "id", "t.scope = 1"},
		{"grants", "scope_id", "places", "id", "t.scope = 2"},
	} {
		all = append(all, question{r.table, `SELECT t.line, t.` + r.column + `, '` + r.to + `' FROM ` + r.table + ` t
			WHERE ` + r.where + ` AND NOT EXISTS (SELECT 1 FROM ` + r.to + ` o WHERE o.` + r.key + ` = t.` + r.column + `) ORDER BY t.rowid`})
	}
	return all
}

func (s *Stage) ask(ctx context.Context, q question, tell func(line int, table, id, other string) bool) (more bool, err error) {
	rows, err := s.db.QueryContext(ctx, q.sql)
	if err != nil {
		return false, fmt.Errorf("%s: %w", q.table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var line int
		var id, other string
		if err := rows.Scan(&line, &id, &other); err != nil {
			return false, err
		}
		if !tell(line, q.table, id, other) {
			return false, nil
		}
	}
	return true, rows.Err()
}
