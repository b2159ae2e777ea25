-- What wrong PINs have cost a keypad or a card, so that neither a restart nor a
-- power cut gives whoever guesses new tries.
CREATE TABLE pin_limits (
    subject TEXT PRIMARY KEY, -- "tile front/in", "credential 0011…" with the digest
    state   TEXT NOT NULL     -- JSON of the daemon; lengths of time, no times: no clock is needed to read it
) STRICT, WITHOUT ROWID;
