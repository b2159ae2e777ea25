-- Who somebody outside is in our own ids.
CREATE TABLE links (
    outside TEXT    PRIMARY KEY, -- "kisi:user:1804"
    holder  TEXT    NOT NULL,
    at      INTEGER NOT NULL     -- microseconds, UTC
) STRICT, WITHOUT ROWID;
