-- The vault: master keys that take turns, tokens that are kept fresh, grants that are given back.

-- One master key seals, for all processes; the others only open, until nothing is sealed with them
-- any more. Until now there was one.
ALTER TABLE master_key ADD COLUMN is_current boolean NOT NULL DEFAULT true;
ALTER TABLE master_key ADD COLUMN retired_at {time};
CREATE UNIQUE INDEX master_key_current ON master_key (is_current) WHERE is_current;

-- How far a table is with passing to the current master key: its rows up to last_row, in the order
-- of its primary key.
CREATE TABLE rewrap (
    table_name {text} PRIMARY KEY,
    key_id {text} NOT NULL,
    last_row {bytes},
    rows_total bigint NOT NULL,
    rows_seen bigint NOT NULL,
    rows_rewrapped bigint NOT NULL,
    rows_failed bigint NOT NULL,
    date_started {time} NOT NULL,
    date_finished {time}
);

-- grant_id is drawn anew whenever tokens come by a link: what a refresh of an older grant brings
-- is never stored. lease_fence is the number of the last lease to refresh, token_fence of the one
-- that has brought the tokens that are stored: an answer of a lease before that is too late.
ALTER TABLE credential ADD COLUMN grant_id {uuid};
ALTER TABLE credential ADD COLUMN refreshed_at {time};
ALTER TABLE credential ADD COLUMN failures bigint NOT NULL DEFAULT 0;
ALTER TABLE credential ADD COLUMN failure_reason {text};
ALTER TABLE credential ADD COLUMN next_attempt_at {time};
ALTER TABLE credential ADD COLUMN keep_alive_at {time};
ALTER TABLE credential ADD COLUMN lease_owner {text};
ALTER TABLE credential ADD COLUMN lease_fence bigint NOT NULL DEFAULT 0;
ALTER TABLE credential ADD COLUMN lease_until {time};
ALTER TABLE credential ADD COLUMN token_fence bigint NOT NULL DEFAULT 0;
-- At once: then it is said when.
UPDATE credential SET keep_alive_at = date_updated WHERE refresh_token_sealed IS NOT NULL;
CREATE INDEX credential_by_keep_alive ON credential (keep_alive_at, identity_id)
    WHERE keep_alive_at IS NOT NULL;

-- A provider whose token endpoint refuses; no row: nothing is known against it. next_attempt_at:
-- until then no account there is refreshed; NULL: only the one that was refused waits.
CREATE TABLE provider_health (
    provider_id {uuid} PRIMARY KEY REFERENCES identity_provider (id) ON DELETE CASCADE,
    reason {text} NOT NULL,
    failures bigint NOT NULL,
    since {time} NOT NULL,
    next_attempt_at {time}
);

-- The tokens of an account that was unlinked, until the provider has revoked them. By value, and
-- sealed anew: the identity is gone.
CREATE TABLE revocation (
    id {uuid} PRIMARY KEY,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
    identity_id {uuid} NOT NULL,
    user_id {uuid} NOT NULL,
    external_id {text} NOT NULL,
    access_token_sealed {bytes} NOT NULL,
    refresh_token_sealed {bytes},
    attempts bigint NOT NULL,
    failure_reason {text},
    next_attempt_at {time} NOT NULL,
    date_added {time} NOT NULL
);
CREATE INDEX revocation_by_next_attempt ON revocation (next_attempt_at, id);
CREATE INDEX revocation_by_provider ON revocation (provider_id);
CREATE INDEX revocation_by_identity ON revocation (identity_id);

-- Whose account waits in a link, hashed: it isn't revoked meanwhile.
ALTER TABLE pending_link ADD COLUMN account_hash {bytes};
CREATE INDEX pending_link_by_account ON pending_link (account_hash) WHERE account_hash IS NOT NULL;

-- The index identity_provider_by_client_and_instance begins with the same column.
DROP INDEX identity_provider_by_client_of;
