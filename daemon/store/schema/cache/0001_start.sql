-- What the sources said, with the generations in which it was so: from the
-- first generation that has the row up to, not including, to_generation; NULL:
-- it is so now. The order of each key is the order in which a roster is built.

CREATE TABLE sources (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    contact  INTEGER,          -- last verified contact, microseconds UTC; NULL: retired
    ageless  INTEGER NOT NULL CHECK (ageless IN (0, 1))
) STRICT;

CREATE TABLE generations (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    at     INTEGER NOT NULL,   -- microseconds UTC
    hash   BLOB CHECK (length(hash) = 32) -- NULL: not sealed
) STRICT;

CREATE TABLE places (
    source INTEGER NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    zone   TEXT NOT NULL,
    flags  INTEGER NOT NULL,   -- 1 locked down
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE doors (
    source INTEGER NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    place  TEXT NOT NULL,
    flags  INTEGER NOT NULL,   -- 1 locked down, 2 restricted, 4 at the door only
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    source    INTEGER NOT NULL,
    door      TEXT NOT NULL,
    name      TEXT NOT NULL,
    assurance INTEGER NOT NULL,
    flags     INTEGER NOT NULL, -- 1 ask for a PIN, 2 high security, 4 residential
    passback  INTEGER NOT NULL, -- nanoseconds
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, door, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
    source INTEGER NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    flags  INTEGER NOT NULL,   -- 1 restricted, 2 at the door only
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_doors (
    source   INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    door     TEXT NOT NULL,
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, group_id, door, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE teams (
    source INTEGER NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE team_members (
    source INTEGER NOT NULL,
    team   TEXT NOT NULL,
    holder TEXT NOT NULL,
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, team, holder, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE holders (
    source INTEGER NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    flags  INTEGER NOT NULL,   -- 1 suspended
    folded TEXT NOT NULL,      -- the name in lower case, to find people by
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, id, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
    source    INTEGER NOT NULL,
    digest    BLOB NOT NULL CHECK (length(digest) = 16),
    kind      INTEGER NOT NULL,
    holder    TEXT NOT NULL,
    id        TEXT NOT NULL,
    assurance INTEGER NOT NULL,
    flags     INTEGER NOT NULL, -- 1 active
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, digest, kind, holder, id, assurance, flags, from_generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    source   INTEGER NOT NULL,
    kind     INTEGER NOT NULL CHECK (kind IN (0, 1)), -- 0 a holder's, 1 a team's
    assignee TEXT NOT NULL,
    id       TEXT NOT NULL,
    scope    INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 3), -- door, group, place, organisation
    scope_id TEXT NOT NULL,
    valid_from  INTEGER,       -- microseconds UTC; NULL: since ever
    valid_until INTEGER,       -- microseconds UTC; NULL: open-ended
    cause    TEXT NOT NULL,
    flags    INTEGER NOT NULL, -- 1 cancelled
    from_generation INTEGER NOT NULL,
    to_generation   INTEGER,
    PRIMARY KEY (source, kind, assignee, id, from_generation)
) STRICT, WITHOUT ROWID;
