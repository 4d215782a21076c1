//! Where in the schema each type stands.

/// How each type is reached from the root, in steps of type and field.
pub const PATHS: &[(&str, &[(&str, &str)])] = &[
    ("Query", &[]),
    ("Mutation", &[]),
    ("Node", &[("Query", "node")]),
    ("Identity", &[("Query", "identity")]),
    (
        "Credential",
        &[("Query", "identity"), ("Identity", "credential")],
    ),
    (
        "NamedValue",
        &[("Query", "identity"), ("Identity", "attributes")],
    ),
    ("User", &[("Query", "user")]),
    ("IdentityProvider", &[("Query", "identityProvider")]),
    (
        "ProviderHealth",
        &[
            ("Query", "identityProvider"),
            ("IdentityProvider", "health"),
        ],
    ),
    ("Organization", &[("Query", "organization")]),
    ("OrganizationConnection", &[("Query", "organizations")]),
    (
        "OrganizationEdge",
        &[
            ("Query", "organizations"),
            ("OrganizationConnection", "edges"),
        ],
    ),
    ("OrganizationPayload", &[("Mutation", "updateOrganization")]),
    ("ProviderType", &[("Query", "providerTypes")]),
    (
        "ConfigField",
        &[("Query", "providerTypes"), ("ProviderType", "configFields")],
    ),
    ("Session", &[("Query", "user"), ("User", "sessions")]),
    ("ApiKey", &[("Query", "viewer")]),
    ("Actor", &[("Query", "viewer"), ("ApiKey", "createdBy")]),
    (
        "AuditEvent",
        &[("Query", "auditEvents"), ("AuditEventConnection", "nodes")],
    ),
    ("LinkDecision", &[("Query", "linkPreview")]),
    ("Integration", &[("Query", "integration")]),
    (
        "OrganizationIntegration",
        &[("Query", "organizationIntegration")],
    ),
    (
        "OrganizationIntegrationConnection",
        &[("Query", "organizationIntegrations")],
    ),
    (
        "OrganizationIntegrationEdge",
        &[
            ("Query", "organizationIntegrations"),
            ("OrganizationIntegrationConnection", "edges"),
        ],
    ),
    (
        "InstallIntegrationPayload",
        &[("Mutation", "installIntegration")],
    ),
    (
        "OrganizationIntegrationPayload",
        &[("Mutation", "setDefaultIdentity")],
    ),
    ("IntegrationPayload", &[("Mutation", "updateIntegration")]),
    (
        "UninstallIntegrationPayload",
        &[("Mutation", "uninstallIntegration")],
    ),
    (
        "Refusal",
        &[("Mutation", "upsertUser"), ("UserPayload", "userErrors")],
    ),
    (
        "PageInfo",
        &[("Query", "users"), ("UserConnection", "pageInfo")],
    ),
    ("IdentityConnection", &[("Query", "identities")]),
    (
        "IdentityEdge",
        &[("Query", "identities"), ("IdentityConnection", "edges")],
    ),
    (
        "IdentityProviderConnection",
        &[("Query", "identityProviders")],
    ),
    (
        "IdentityProviderEdge",
        &[
            ("Query", "identityProviders"),
            ("IdentityProviderConnection", "edges"),
        ],
    ),
    ("UserConnection", &[("Query", "users")]),
    (
        "UserEdge",
        &[("Query", "users"), ("UserConnection", "edges")],
    ),
    ("AuditEventConnection", &[("Query", "auditEvents")]),
    (
        "AuditEventEdge",
        &[("Query", "auditEvents"), ("AuditEventConnection", "edges")],
    ),
    ("ApiKeyConnection", &[("Query", "apiKeys")]),
    (
        "ApiKeyEdge",
        &[("Query", "apiKeys"), ("ApiKeyConnection", "edges")],
    ),
    ("LinkIdentityPayload", &[("Mutation", "linkIdentity")]),
    ("StartLinkPayload", &[("Mutation", "startLink")]),
    ("IdentityPayload", &[("Mutation", "updateIdentityData")]),
    (
        "IdentityProviderPayload",
        &[("Mutation", "createIdentityProvider")],
    ),
    (
        "DeleteIdentityProviderPayload",
        &[("Mutation", "deleteIdentityProvider")],
    ),
    ("UserPayload", &[("Mutation", "upsertUser")]),
    ("MergePlan", &[("Query", "mergePlan")]),
    (
        "MergeItem",
        &[("Query", "mergePlan"), ("MergePlan", "items")],
    ),
    (
        "UserMerge",
        &[("Mutation", "mergeUsers"), ("MergeUsersPayload", "merge")],
    ),
    ("MergeUsersPayload", &[("Mutation", "mergeUsers")]),
    ("CreateApiKeyPayload", &[("Mutation", "createApiKey")]),
    ("RevokeApiKeyPayload", &[("Mutation", "revokeApiKey")]),
    ("EndSessionPayload", &[("Mutation", "endSession")]),
    (
        "EndOtherSessionsPayload",
        &[("Mutation", "endOtherSessions")],
    ),
    ("AuthProvider", &[("Query", "authProvider")]),
    (
        "AuthIdentityConnection",
        &[
            ("Query", "authProvider"),
            ("AuthProvider", "authIdentities"),
        ],
    ),
    (
        "AuthIdentityEdge",
        &[
            ("Query", "authProvider"),
            ("AuthProvider", "authIdentities"),
            ("AuthIdentityConnection", "edges"),
        ],
    ),
    (
        "AuthIdentity",
        &[
            ("Query", "authProvider"),
            ("AuthProvider", "authIdentities"),
            ("AuthIdentityConnection", "nodes"),
        ],
    ),
    ("UnlinkIdentityPayload", &[("Mutation", "unlinkIdentity")]),
    ("AuthProviderPayload", &[("Mutation", "setAuthProvider")]),
    (
        "RemoveAuthProviderPayload",
        &[("Mutation", "removeAuthProvider")],
    ),
    ("AuthIdentityPayload", &[("Mutation", "linkAuthIdentity")]),
    (
        "DeleteAuthIdentityPayload",
        &[("Mutation", "deleteAuthIdentity")],
    ),
    (
        "DeleteAuthIdentitiesPayload",
        &[("Mutation", "deleteAuthIdentities")],
    ),
];
