-- What proofs have used up: the newest counter of each tag, and how often each
-- pass was used. A row is written in the transaction of the event that used it,
-- so that there is never one without the other. It only rises.
CREATE TABLE claims (
    key     BLOB PRIMARY KEY, -- 16 bytes: whose counter or uses, see access.Claim
    counter INTEGER NOT NULL,
    expires INTEGER           -- microseconds, UTC; NULL: never forgotten
) STRICT, WITHOUT ROWID;
