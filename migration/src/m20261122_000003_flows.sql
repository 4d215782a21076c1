-- How providers know us, and links that an application begins for its own users.

-- The private key that a client shows itself with at the token endpoint (private_key_jwt), where
-- it does; its public half is at /auth/{slug}/jwks.json.
ALTER TABLE identity_provider ADD COLUMN client_key_sealed {bytes};

-- Origins that an application's links may lead back to: a JSON list of texts.
ALTER TABLE api_key ADD COLUMN return_origins_json {text} NOT NULL DEFAULT '[]';

-- A link on its way to a user: from startLink, or from a person's own way to a provider and back,
-- until it is made. application and organization_id say whose key began it, session_id whose
-- session, and exactly one of application and session_id is there. What is secret is hashed
-- (SHA-256, of 256 random bits each) or sealed: token_hash is the connect link's, browser_hash the
-- cookie's that the second page is for, code_hash the code's that completeLink takes.
--
-- step says how far it is: OPEN until the first page was agreed to, AWAY while the browser is at
-- the provider, FOUND once the provider has said whose account it is, AGREED once the second page
-- was agreed to. account_sealed is that account with its tokens; it is deleted with the row.
CREATE TABLE pending_link (
    id {uuid} PRIMARY KEY,
    step {text} NOT NULL CHECK (step IN ('OPEN', 'AWAY', 'FOUND', 'AGREED')),
    application {text},
    organization_id {uuid} REFERENCES organization (id) ON DELETE CASCADE,
    session_id {uuid},
    user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
    return_to {text} NOT NULL,
    scopes_json {text},
    on_conflict {text} NOT NULL CHECK (on_conflict IN ('FAIL', 'UPDATE_IN_PLACE')),
    token_hash {bytes} UNIQUE,
    browser_hash {bytes},
    code_hash {bytes} UNIQUE,
    account_sealed {bytes},
    date_added {time} NOT NULL,
    expires_at {time} NOT NULL,
    CHECK ((application IS NULL) = (session_id IS NOT NULL)),
    CHECK (application IS NOT NULL OR organization_id IS NULL),
    CHECK ((application IS NULL) = (token_hash IS NULL)),
    CHECK ((step IN ('FOUND', 'AGREED')) = (browser_hash IS NOT NULL AND account_sealed IS NOT NULL)),
    CHECK ((step = 'AGREED') = (code_hash IS NOT NULL))
);
CREATE INDEX pending_link_by_expiry ON pending_link (expires_at);
CREATE INDEX pending_link_by_expiry_of_account ON pending_link (expires_at)
    WHERE account_sealed IS NOT NULL;
CREATE INDEX pending_link_by_application
    ON pending_link (application, organization_id, expires_at) WHERE application IS NOT NULL;
CREATE INDEX pending_link_by_user ON pending_link (user_id, expires_at);
CREATE INDEX pending_link_by_provider ON pending_link (provider_id);

-- A flow may be an application's link. SQLite can't change a CHECK, so the table is made anew, with
-- what is in it: flows are open for ten minutes, and those that are open go on. A server of the
-- release before doesn't know CONNECT and refuses its answers; for a LINK it would take them.
CREATE TABLE flow_kept AS SELECT * FROM flow;
DROP TABLE flow;
CREATE TABLE flow (
    id {uuid} PRIMARY KEY,
    state_hash {bytes} NOT NULL UNIQUE,
    browser_hash {bytes} NOT NULL,
    provider_id {uuid} NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
    slug {text} NOT NULL,
    intent {text} NOT NULL CHECK (intent IN ('SIGN_IN', 'LINK', 'CONNECT')),
    session_id {uuid},
    pending_link_id {uuid} REFERENCES pending_link (id) ON DELETE CASCADE,
    user_id {uuid} REFERENCES "user" (id) ON DELETE CASCADE,
    return_to {text} NOT NULL,
    on_conflict {text} NOT NULL CHECK (on_conflict IN ('FAIL', 'UPDATE_IN_PLACE')),
    sealed {bytes} NOT NULL,
    answer_sealed {bytes},
    client_address {text} NOT NULL,
    date_added {time} NOT NULL,
    expires_at {time} NOT NULL,
    CHECK ((intent = 'SIGN_IN') = (user_id IS NULL)),
    CHECK ((intent = 'LINK') = (session_id IS NOT NULL)),
    CHECK ((intent = 'CONNECT') = (pending_link_id IS NOT NULL))
);
INSERT INTO flow (id, state_hash, browser_hash, provider_id, slug, intent, session_id, user_id,
    return_to, on_conflict, sealed, answer_sealed, client_address, date_added, expires_at)
SELECT id, state_hash, browser_hash, provider_id, slug, intent, session_id, user_id, return_to,
    on_conflict, sealed, answer_sealed, client_address, date_added, expires_at FROM flow_kept;
DROP TABLE flow_kept;
CREATE INDEX flow_by_expiry ON flow (expires_at);
CREATE INDEX flow_by_client_address ON flow (client_address, expires_at);
CREATE INDEX flow_by_provider ON flow (provider_id);
CREATE INDEX flow_by_user ON flow (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX flow_by_pending_link ON flow (pending_link_id) WHERE pending_link_id IS NOT NULL;

-- The providers that borrow a client, by the instance that they stand for.
CREATE INDEX identity_provider_by_client_and_instance
    ON identity_provider (client_of, external_id) WHERE client_of IS NOT NULL;
