-- Organizations: their domains, integrations and sign-on; which organization an identity is
-- within; users that were merged.

-- A mail domain that is proven to be an organization's own. One domain is one organization's.
CREATE TABLE organization_domain (
    domain {text} PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    date_added {time} NOT NULL
);
CREATE INDEX organization_domain_by_organization ON organization_domain (organization_id, domain);

-- A copy of the provider's organization, which never changes: null where the provider is shared.
-- Until now every provider was.
ALTER TABLE identity ADD COLUMN organization_id {uuid} REFERENCES organization (id);
CREATE INDEX identity_by_organization ON identity (organization_id, id)
    WHERE organization_id IS NOT NULL;

-- The providers that all organizations share, for lists within one.
CREATE INDEX identity_provider_shared ON identity_provider (id) WHERE organization_id IS NULL;

-- Keys that are bound to an organization, for whoever looks after them there.
CREATE INDEX api_key_by_organization ON api_key (organization_id, id)
    WHERE organization_id IS NOT NULL;

-- An installed external service, shared by organizations.
CREATE TABLE integration (
    id {uuid} PRIMARY KEY,
    provider {text} NOT NULL,
    external_id {text} NOT NULL,
    name {text} NOT NULL,
    metadata_json {text} NOT NULL,
    status {text} NOT NULL
        CHECK (status IN ('ACTIVE', 'DISABLED', 'PENDING_DELETION', 'DELETION_IN_PROGRESS')),
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL
);
CREATE UNIQUE INDEX integration_service ON integration (provider, external_id);

-- An integration in an organization, and the identity that it acts as there. provider and
-- external_id are copies: they never change, and lookups by them need no join. default_lost_at
-- says since when there is none although there was one.
CREATE TABLE organization_integration (
    id {uuid} PRIMARY KEY,
    organization_id {uuid} NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    integration_id {uuid} NOT NULL REFERENCES integration (id) ON DELETE CASCADE,
    provider {text} NOT NULL,
    external_id {text} NOT NULL,
    config_json {text} NOT NULL,
    status {text} NOT NULL
        CHECK (status IN ('ACTIVE', 'DISABLED', 'PENDING_DELETION', 'DELETION_IN_PROGRESS')),
    default_identity_id {uuid} REFERENCES identity (id) ON DELETE SET NULL,
    default_lost_at {time},
    grace_period_end {time},
    date_added {time} NOT NULL,
    date_updated {time} NOT NULL
);
CREATE UNIQUE INDEX organization_integration_once
    ON organization_integration (organization_id, integration_id);
CREATE INDEX organization_integration_by_organization
    ON organization_integration (organization_id, id);
CREATE INDEX organization_integration_by_integration
    ON organization_integration (integration_id, id);
CREATE UNIQUE INDEX organization_integration_service
    ON organization_integration (organization_id, provider, external_id);
CREATE INDEX organization_integration_by_organization_and_provider
    ON organization_integration (organization_id, provider, id);
CREATE INDEX organization_integration_by_service
    ON organization_integration (provider, external_id, id);
CREATE INDEX organization_integration_by_provider ON organization_integration (provider, id);
CREATE INDEX organization_integration_by_external_id
    ON organization_integration (external_id, id);
CREATE INDEX organization_integration_by_status ON organization_integration (status, id);
CREATE INDEX organization_integration_by_organization_and_default
    ON organization_integration (organization_id, default_identity_id)
    WHERE default_identity_id IS NOT NULL;
CREATE INDEX organization_integration_by_default
    ON organization_integration (default_identity_id, id) WHERE default_identity_id IS NOT NULL;

-- An organization's single sign-on: one of its own identity providers.
CREATE TABLE auth_provider (
    id {uuid} PRIMARY KEY,
    organization_id {uuid} NOT NULL UNIQUE REFERENCES organization (id) ON DELETE CASCADE,
    provider_id {uuid} NOT NULL UNIQUE REFERENCES identity_provider (id),
    allow_unlinked boolean NOT NULL,
    date_added {time} NOT NULL
);

-- A member's link to an organization's single sign-on. Not an identity: it stands beside one.
-- organization_id is a copy of the sign-on's.
CREATE TABLE auth_identity (
    id {uuid} PRIMARY KEY,
    auth_provider_id {uuid} NOT NULL REFERENCES auth_provider (id) ON DELETE CASCADE,
    organization_id {uuid} NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    ident {text} NOT NULL,
    date_added {time} NOT NULL,
    last_verified {time} NOT NULL,
    last_synced {time} NOT NULL
);
CREATE UNIQUE INDEX auth_identity_ident ON auth_identity (auth_provider_id, ident);
CREATE UNIQUE INDEX auth_identity_user ON auth_identity (auth_provider_id, user_id);
CREATE INDEX auth_identity_by_provider ON auth_identity (auth_provider_id, id);
CREATE INDEX auth_identity_by_user ON auth_identity (user_id, id);
CREATE INDEX auth_identity_by_organization ON auth_identity (organization_id);

-- What was one user's and became another's, item by item. from_status is what an undo gives back,
-- sweep_at when to look whether anything is left of the user that is no more.
CREATE TABLE user_merge (
    id {uuid} PRIMARY KEY,
    from_user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    into_user_id {uuid} NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    from_status {text} NOT NULL CHECK (from_status IN ('ACTIVE', 'DISABLED')),
    items_json {text} NOT NULL,
    date_merged {time} NOT NULL,
    undoable_until {time} NOT NULL,
    date_undone {time},
    sweep_at {time}
);
CREATE INDEX user_merge_by_from ON user_merge (from_user_id, id);
CREATE INDEX user_merge_by_into ON user_merge (into_user_id, id);
CREATE INDEX user_merge_by_sweep ON user_merge (sweep_at, id) WHERE sweep_at IS NOT NULL;
