-- Times are UTC, cut to microseconds. Columns named *_json hold JSON as text, *_sealed the
-- vault's ciphertexts. Every table says in a line what a row is.

-- A tenant of integrations and of sign-on; users may be members of any number.
CREATE TABLE organization (
    id {uuid} PRIMARY KEY,
    slug {text} NOT NULL UNIQUE,
    name {text} NOT NULL,
    date_added {time} NOT NULL
);

-- A person in the directory. email_folded is the address with its case folded, for lookups.
CREATE TABLE "user" (
    id {uuid} PRIMARY KEY,
    entity_ref {text} NOT NULL UNIQUE,
    display_name {text},
    email {text},
    email_folded {text},
    email_verified boolean,
    picture {text},
    annotations_json {text} NOT NULL,
    status {text} NOT NULL CHECK (status IN ('ACTIVE', 'DISABLED', 'MERGED')),
    merged_into {uuid} REFERENCES "user" (id),
    has_other_sign_in boolean NOT NULL,
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL
);
CREATE INDEX user_by_email ON "user" (email_folded, id);
CREATE INDEX user_by_status ON "user" (status, id);
CREATE INDEX user_by_merged_into ON "user" (merged_into) WHERE merged_into IS NOT NULL;

-- A user's membership in an organization.
CREATE TABLE organization_member (
    organization_id {uuid} NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    date_added {time} NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_member_by_user ON organization_member (user_id);

-- A configured instance of a provider type. external_id is '' where the type has one instance.
CREATE TABLE identity_provider (
    id {uuid} PRIMARY KEY,
    slug {text} NOT NULL UNIQUE,
    type {text} NOT NULL,
    external_id {text} NOT NULL,
    name {text} NOT NULL,
    config_json {text} NOT NULL,
    client_id {text},
    client_secret_sealed {bytes},
    organization_id {uuid} REFERENCES organization (id),
    client_of {uuid} REFERENCES identity_provider (id),
    enabled boolean NOT NULL,
    allows_sign_in boolean NOT NULL,
    allows_multiple_per_user boolean NOT NULL,
    sign_in_json {text},
    managed_by {text} NOT NULL CHECK (managed_by IN ('API', 'CONFIGURATION')),
    version bigint NOT NULL,
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL
);
CREATE UNIQUE INDEX identity_provider_shared_instance ON identity_provider (type, external_id)
    WHERE organization_id IS NULL;
CREATE UNIQUE INDEX identity_provider_owned_instance
    ON identity_provider (organization_id, type, external_id) WHERE organization_id IS NOT NULL;
CREATE INDEX identity_provider_by_type ON identity_provider (type, external_id);
CREATE INDEX identity_provider_by_external_id ON identity_provider (external_id);
CREATE INDEX identity_provider_by_organization ON identity_provider (organization_id, id);
CREATE INDEX identity_provider_by_client_of ON identity_provider (client_of)
    WHERE client_of IS NOT NULL;

-- The link of a user to one account at one identity provider. provider_type is a copy: it never
-- changes, and lookups by type need no join. account_slot is '' where the provider takes one
-- account per user, and else the external id: an index can't read another table's flag.
CREATE TABLE identity (
    id {uuid} PRIMARY KEY,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id),
    provider_type {text} NOT NULL,
    user_id {uuid} NOT NULL REFERENCES "user" (id),
    external_id {text} NOT NULL,
    account_slot {text} NOT NULL,
    is_primary boolean NOT NULL,
    email {text},
    email_folded {text},
    email_verified boolean,
    username {text},
    display_name {text},
    attributes_json {text} NOT NULL,
    scopes_json {text} NOT NULL,
    status {text} NOT NULL CHECK (status IN ('UNKNOWN', 'VALID', 'INVALID')),
    data_json {text} NOT NULL,
    version bigint NOT NULL,
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL,
    date_verified {time} NOT NULL
);
CREATE UNIQUE INDEX identity_account ON identity (provider_id, external_id);
CREATE UNIQUE INDEX identity_slot ON identity (provider_id, user_id, account_slot);
CREATE UNIQUE INDEX identity_primary ON identity (provider_id, user_id) WHERE is_primary;
CREATE INDEX identity_by_user ON identity (user_id, id);
CREATE INDEX identity_by_user_and_type ON identity (user_id, provider_type, id);
CREATE INDEX identity_by_provider ON identity (provider_id, id);
CREATE INDEX identity_by_type ON identity (provider_type, id);
CREATE INDEX identity_by_external_id ON identity (external_id, id);
CREATE INDEX identity_by_email ON identity (email_folded, id);
CREATE INDEX identity_by_status ON identity (status, id);
CREATE INDEX identity_by_primary ON identity (is_primary, id);
CREATE INDEX identity_by_date_added ON identity (date_added, id);
CREATE INDEX identity_by_date_verified ON identity (date_verified, id);

-- The tokens of an identity, sealed; read by the vault alone.
CREATE TABLE credential (
    identity_id {uuid} PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
    access_token_sealed {bytes} NOT NULL,
    refresh_token_sealed {bytes},
    token_type {text},
    scopes_json {text} NOT NULL,
    expires_at {time},
    refresh_token_expires_at {time},
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL
);
CREATE INDEX credential_by_expiry ON credential (expires_at, identity_id);

-- A master key that this database has seen: what it sealed proves that a key is the same one.
CREATE TABLE master_key (
    id {text} PRIMARY KEY,
    check_sealed {bytes} NOT NULL,
    date_added {time} NOT NULL
);

-- A secret of the server itself, shared by all its processes.
CREATE TABLE secret (
    name {text} PRIMARY KEY,
    value_sealed {bytes} NOT NULL,
    date_added {time} NOT NULL
);

-- A key that an application calls with; the key itself is kept as a hash only.
CREATE TABLE api_key (
    id {uuid} PRIMARY KEY,
    name {text} NOT NULL,
    application {text} NOT NULL,
    hash {bytes} NOT NULL UNIQUE,
    hint {text} NOT NULL,
    scopes_json {text} NOT NULL,
    organization_id {uuid} REFERENCES organization (id),
    expires_at {time},
    last_used_at {time},
    created_by_kind {text} NOT NULL,
    created_by_id {text},
    created_by_name {text} NOT NULL,
    date_added {time} NOT NULL
);

-- What happened: insert-only, written in the transaction of the change itself. Who and what are
-- kept by value: they outlive the rows. The number is given before commit, so it has gaps and
-- is never a cursor; event_seal gives the order.
CREATE TABLE event (
    number {serial_key},
    id {uuid} NOT NULL UNIQUE,
    at {time} NOT NULL,
    action {text} NOT NULL,
    actor_kind {text} NOT NULL,
    actor_id {text},
    actor_name {text} NOT NULL,
    on_behalf_of_id {text},
    on_behalf_of_name {text},
    target_id {text},
    user_id {text},
    organization_id {text},
    before_json {text},
    after_json {text},
    request_id {text}
);

-- An event that has no seal yet; the sealer takes it away.
CREATE TABLE event_unsealed (
    number bigint PRIMARY KEY
);

-- The order in which events became visible, dense, and the chain of hashes over them. The
-- columns after hash are copies: filters of the audit log read one index in this order. at is
-- the event's time or, where that is later, the time of the seal before: it never falls, so a
-- span of time is a span of the sequence.
CREATE TABLE event_seal (
    sequence bigint PRIMARY KEY,
    event_number bigint NOT NULL UNIQUE,
    hash {bytes} NOT NULL,
    at {time} NOT NULL,
    action {text} NOT NULL,
    actor_id {text},
    target_id {text},
    user_id {text},
    organization_id {text}
);
CREATE INDEX event_seal_by_at ON event_seal (at, sequence);
CREATE INDEX event_seal_by_action ON event_seal (action, sequence);
CREATE INDEX event_seal_by_actor ON event_seal (actor_id, sequence);
CREATE INDEX event_seal_by_target ON event_seal (target_id, sequence);
CREATE INDEX event_seal_by_user ON event_seal (user_id, sequence);
CREATE INDEX event_seal_by_organization ON event_seal (organization_id, sequence);

-- Background work that one process at a time may do. fence grows with every new owner.
CREATE TABLE job_lease (
    name {text} PRIMARY KEY,
    owner {text} NOT NULL,
    fence bigint NOT NULL,
    until {time} NOT NULL
);

-- A mutation that an application may send again within 24 hours, and what it answered.
CREATE TABLE idempotency_key (
    application {text} NOT NULL,
    key {text} NOT NULL,
    input_hash {bytes} NOT NULL,
    outcome {text} NOT NULL,
    identity_id {uuid} NOT NULL,
    date_added {time} NOT NULL,
    PRIMARY KEY (application, key)
);
CREATE INDEX idempotency_key_by_date ON idempotency_key (date_added);

-- A person who is signed in with one browser; the token in its cookie is kept as a hash only.
-- A session ends with its provider: nobody stays in by a way that is gone.
CREATE TABLE session (
    id {uuid} PRIMARY KEY,
    token_hash {bytes} NOT NULL UNIQUE,
    user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
    identity_id {uuid} REFERENCES identity (id) ON DELETE SET NULL,
    user_agent {text},
    date_added {time} NOT NULL,
    last_seen_at {time} NOT NULL,
    expires_at {time} NOT NULL
);
CREATE INDEX session_by_user ON session (user_id, date_added, id);
CREATE INDEX session_by_provider ON session (provider_id);
CREATE INDEX session_by_identity ON session (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX session_by_last_seen ON session (last_seen_at);
CREATE INDEX session_by_expiry ON session (expires_at);

-- A sign-in or a link that a browser has begun at a provider, until its first answer. state_hash
-- and browser_hash are SHA-256 of what the provider gives back and of what the flow's cookie
-- holds; sealed is what the flow is pinned to, answer_sealed a form_post answer that waits for
-- the browser. Ten minutes long open, then kept a while to be told from one that never was.
CREATE TABLE flow (
    id {uuid} PRIMARY KEY,
    state_hash {bytes} NOT NULL UNIQUE,
    browser_hash {bytes} NOT NULL,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
    slug {text} NOT NULL,
    intent {text} NOT NULL CHECK (intent IN ('SIGN_IN', 'LINK')),
    session_id {uuid},
    user_id {uuid} REFERENCES "user" (id) ON DELETE CASCADE,
    return_to {text} NOT NULL,
    on_conflict {text} NOT NULL CHECK (on_conflict IN ('FAIL', 'UPDATE_IN_PLACE')),
    sealed {bytes} NOT NULL,
    answer_sealed {bytes},
    client_address {text} NOT NULL,
    date_added {time} NOT NULL,
    expires_at {time} NOT NULL,
    CHECK ((intent = 'LINK') = (session_id IS NOT NULL AND user_id IS NOT NULL))
);
CREATE INDEX flow_by_expiry ON flow (expires_at);
CREATE INDEX flow_by_client_address ON flow (client_address, expires_at);
CREATE INDEX flow_by_provider ON flow (provider_id);
CREATE INDEX flow_by_user ON flow (user_id) WHERE user_id IS NOT NULL;
