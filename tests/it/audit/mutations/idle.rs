//! How each mutation is carried out and changes nothing.

use super::rows::SENT;
use super::{By, Rows};

/// Mutations that change something whenever they are not refused.
pub const NEVER_IDLE: [&str; 15] = [
    "completeLink",
    "createApiKey",
    "createIdentityProvider",
    "createOrganization",
    "deleteAuthIdentity",
    "deleteIdentityProvider",
    "endSession",
    "linkAuthIdentity",
    "mergeUsers",
    "refreshIdentity",
    "removeAuthProvider",
    "revokeApiKey",
    "undoMerge",
    "uninstallIntegration",
    "unlinkIdentity",
];

/// Calls that are carried out and change nothing, by their mutations.
pub fn idle(rows: &Rows) -> Vec<(&'static str, By, String)> {
    let Rows {
        user,
        provider,
        identity,
        joe,
        organization,
        integration,
        share,
        mates,
        sso,
        linkable,
        ..
    } = rows;
    vec![
        ("upsertUser", By::Key, r#"upsertUser(input: { entityRef: "user:default/jane" }) { userErrors { code } }"#.to_owned()),
        ("upsertUser", By::Key, r#"upsertUser(input: { entityRef: "USER:jane", displayName: "jane", email: "jane@example.org", picture: null, status: ACTIVE, hasOtherSignIn: false, annotations: {} }) { userErrors { code } }"#.to_owned()),
        ("updateIdentityData", By::Key, format!("updateIdentityData(input: {{ id: {identity:?}, data: {{}} }}) {{ userErrors {{ code }} }}")),
        ("updateIdentityProvider", By::Key, format!("updateIdentityProvider(input: {{ id: {provider:?}, config: {{}}, enabled: true }}) {{ userErrors {{ code }} }}")),
        ("updateOrganization", By::Key, format!("updateOrganization(input: {{ id: {organization:?}, name: \"acme\", domains: [] }}) {{ userErrors {{ code }} }}")),
        ("addOrganizationMember", By::Key, format!("addOrganizationMember(organizationId: {organization:?}, userId: {user:?}) {{ userErrors {{ code }} }}")),
        ("removeOrganizationMember", By::Key, format!("removeOrganizationMember(organizationId: {organization:?}, userId: {joe:?}) {{ userErrors {{ code }} }}")),
        ("installIntegration", By::Key, format!("installIntegration(input: {{ organizationId: {organization:?}, provider: \"github\", externalId: \"1\", name: \"Hub\" }}) {{ userErrors {{ code }} }}")),
        ("setDefaultIdentity", By::Key, format!("setDefaultIdentity(organizationIntegrationId: {share:?}) {{ userErrors {{ code }} }}")),
        ("updateOrganizationIntegration", By::Key, format!("updateOrganizationIntegration(input: {{ id: {share:?}, config: {{}}, status: ACTIVE, gracePeriodEnd: null }}) {{ userErrors {{ code }} }}")),
        ("updateIntegration", By::Key, format!("updateIntegration(input: {{ id: {integration:?}, name: \"Hub\", metadata: null }}) {{ userErrors {{ code }} }}")),
        ("setPrimaryIdentity", By::Key, format!("setPrimaryIdentity(id: {:?}) {{ userErrors {{ code }} }}", mates[0])),
        ("setAuthProvider", By::Key, format!("setAuthProvider(input: {{ organizationId: {organization:?}, providerId: {sso:?}, allowUnlinked: true }}) {{ userErrors {{ code }} }}")),
        ("deleteAuthIdentities", By::Key, format!("deleteAuthIdentities(userId: {joe:?}, organizationId: {organization:?}) {{ userErrors {{ code }} }}")),
        // A link verifies the account anew, so only a request that comes again is idle.
        ("linkIdentity", By::Key, format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4711\", idempotencyKey: {SENT:?} }}) {{ userErrors {{ code }} }}")),
        // A person's own begins with the page.
        ("startLink", By::Person, format!("startLink(input: {{ providerId: {linkable:?} }}) {{ userErrors {{ code }} }}")),
        ("endOtherSessions", By::Person, "endOtherSessions { userErrors { code } }".to_owned()),
    ]
}
