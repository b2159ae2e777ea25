-- One line for each thing that happened. No second index: it would cost a page
-- of flash for each event, and every reader goes by seq. No CHECK: a line that
-- the daemon wants to write is never refused for its content.
CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL, -- microseconds, UTC
    mono        INTEGER NOT NULL, -- nanoseconds since the start of the boot
    boot        TEXT    NOT NULL,
    clock       TEXT    NOT NULL,
    door        TEXT    NOT NULL,
    reader      TEXT    NOT NULL,
    credential  TEXT    NOT NULL, -- kind
    digest      BLOB,             -- 16 bytes; NULL: none
    assurance   TEXT    NOT NULL,
    presence    TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    reasons     TEXT,             -- labels with commas between; NULL: none were given
    holder      TEXT    NOT NULL,
    grant_id    TEXT    NOT NULL,
    group_id    TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    roster_hash TEXT    NOT NULL,
    roster_age  INTEGER NOT NULL, -- nanoseconds
    last_pass   INTEGER,          -- microseconds, UTC; NULL: never
    pin         TEXT    NOT NULL,
    ref         TEXT    NOT NULL,
    actor       TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    late        INTEGER NOT NULL
) STRICT;
