-- Hours: the schedules of groups and doors, and the zones that they are read by.
-- form says how a generation was hashed; older ones cannot be compared.

ALTER TABLE generations ADD COLUMN form INTEGER NOT NULL DEFAULT 1;

ALTER TABLE doors    ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE groups   ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN zone TEXT NOT NULL DEFAULT ''; -- flags gains 8 passback refuses

CREATE TABLE schedules (
    source      INTEGER NOT NULL,
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    scope       INTEGER NOT NULL CHECK (scope IN (0, 1)), -- of a door, of a group
    scope_id    TEXT NOT NULL,
    consequence INTEGER NOT NULL,      -- 0 allow, 1 unlock, 2 first to arrive
    flags       INTEGER NOT NULL,      -- 1 except
    days        INTEGER NOT NULL,      -- 1 Sunday … 64 Saturday; 0: not weekly
    from_minute  INTEGER NOT NULL,
    until_minute INTEGER NOT NULL,
    starts      INTEGER,               -- microseconds UTC
    ends        INTEGER,
    dates       TEXT NOT NULL,         -- "2026-12-25/2026-12-26 2027-01-01/2027-01-01"
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;
