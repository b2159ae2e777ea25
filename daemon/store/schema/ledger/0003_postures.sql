-- How staff want the doors to stand, and who arrived first: one line for each
-- word that was given. The newest line of a kind has the word; none is ever
-- changed or taken away, so that any past decision can be made again.
CREATE TABLE postures (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL, -- microseconds, UTC
    clock    TEXT    NOT NULL, -- how far that time can be trusted
    what     TEXT    NOT NULL, -- lock_down, end_lockdown, hold, release, keep_locked, arrived
    scope    TEXT    NOT NULL, -- door, place, organisation (the whole site)
    scope_id TEXT    NOT NULL, -- empty for the site
    until    INTEGER,          -- microseconds, UTC, of hold and keep_locked
    actor    TEXT    NOT NULL, -- who said so
    reason   TEXT    NOT NULL  -- in their words, or empty
) STRICT;

CREATE INDEX postures_newest ON postures (what, scope, scope_id, seq);

CREATE TRIGGER postures_stand BEFORE UPDATE ON postures
BEGIN SELECT RAISE(ABORT, 'a posture is never changed; add one that ends it'); END;

CREATE TRIGGER postures_stay BEFORE DELETE ON postures
BEGIN SELECT RAISE(ABORT, 'a posture is never taken away; add one that ends it'); END;
