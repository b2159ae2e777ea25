-- What a decision was made of, beside the rights, so that it can be made again. Of
-- a decision by an older tilegate nothing is known here: no fault, no lockdown of
-- our own, a clock that was trusted.
ALTER TABLE events ADD COLUMN posture   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN fault     TEXT;                       -- a reason; NULL: none
ALTER TABLE events ADD COLUMN floor     INTEGER;                    -- microseconds, UTC; NULL: none
ALTER TABLE events ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0; -- nanoseconds
ALTER TABLE events ADD COLUMN warned    INTEGER NOT NULL DEFAULT 0;
