//! How each mutation is refused.

use super::{Refused, Rows};

/// Calls by an admin key that are refused, by their mutations.
pub fn refused(rows: &Rows) -> Vec<(&'static str, String, Refused)> {
    use Refused::{ByRows, Outright};
    let Rows {
        user,
        joe,
        provider,
        identity,
        joes_identity,
        organization,
        share,
        doubles_identity,
        sign_on,
        users_link,
        linkable,
        ..
    } = rows;
    let unknown = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    vec![
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {user:?}, externalId: \"4711\", data: {{ id_token: 1 }} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {joe:?}, externalId: \"4711\", onConflict: UPDATE_IN_PLACE }}) {{ userErrors {{ code }} }}"), ByRows),
        ("linkIdentity", format!("linkIdentity(input: {{ providerId: {provider:?}, userId: {:?}, externalId: \"9\" }}) {{ userErrors {{ code }} }}", unknown("user")), Outright),
        ("startLink", format!("startLink(input: {{ providerId: {linkable:?}, userId: {user:?}, returnTo: \"https://evil.example/\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("startLink", format!("startLink(input: {{ providerId: {linkable:?}, userId: {user:?}, returnTo: \"https://app.example/\", onConflict: REATTACH }}) {{ userErrors {{ code }} }}"), Outright),
        ("completeLink", format!("completeLink(code: \"none\", userId: {user:?}) {{ userErrors {{ code }} }}"), Outright),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: {{ a: 1 }}, expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), ByRows),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: [] }}) {{ userErrors {{ code }} }}"), Outright),
        ("updateIdentityData", format!("updateIdentityData(input: {{ id: {:?}, data: {{}} }}) {{ userErrors {{ code }} }}", unknown("identity")), Outright),
        ("createIdentityProvider", r#"createIdentityProvider(input: { slug: "crm", type: "custom", config: {} }) { userErrors { code } }"#.to_owned(), ByRows),
        ("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {provider:?}, name: \"x\", expectedVersion: 7 }}) {{ userErrors {{ code }} }}"), ByRows),
        ("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {:?}, name: \"x\" }}) {{ userErrors {{ code }} }}", unknown("provider")), Outright),
        ("deleteIdentityProvider", format!("deleteIdentityProvider(id: {provider:?}) {{ userErrors {{ code }} }}"), ByRows),
        ("deleteIdentityProvider", format!("deleteIdentityProvider(id: {:?}) {{ userErrors {{ code }} }}", unknown("provider")), Outright),
        ("upsertUser", format!("upsertUser(input: {{ id: {joe:?}, entityRef: \"user:default/jane\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("upsertUser", r#"upsertUser(input: { entityRef: "group:default/a" }) { userErrors { code } }"#.to_owned(), Outright),
        ("createApiKey", r#"createApiKey(input: { name: "x", scopes: ["none"] }) { userErrors { code } }"#.to_owned(), Outright),
        ("revokeApiKey", format!("revokeApiKey(id: {:?}) {{ userErrors {{ code }} }}", unknown("api_key")), Outright),
        ("endSession", format!("endSession(id: {:?}) {{ userErrors {{ code }} }}", unknown("session")), Outright),
        ("createOrganization", r#"createOrganization(input: { slug: "acme", name: "Another" }) { userErrors { code } }"#.to_owned(), ByRows),
        ("updateOrganization", format!("updateOrganization(input: {{ id: {organization:?}, domains: [\"localhost\"] }}) {{ userErrors {{ code }} }}"), Outright),
        ("addOrganizationMember", format!("addOrganizationMember(organizationId: {organization:?}, userId: {:?}) {{ userErrors {{ code }} }}", unknown("user")), Outright),
        ("removeOrganizationMember", format!("removeOrganizationMember(organizationId: {:?}, userId: {user:?}) {{ userErrors {{ code }} }}", unknown("organization")), Outright),
        // Nothing of a new integration is left half done.
        ("installIntegration", format!("installIntegration(input: {{ organizationId: {organization:?}, provider: \"pager\", externalId: \"1\", name: \"Pager\", defaultIdentityId: {joes_identity:?} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("installIntegration", format!("installIntegration(input: {{ organizationId: {organization:?}, provider: \"pager\", externalId: \"1\", name: \"Pager\", metadata: {{ client_secret: 1 }} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("setDefaultIdentity", format!("setDefaultIdentity(organizationIntegrationId: {share:?}, identityId: {joes_identity:?}) {{ userErrors {{ code }} }}"), ByRows),
        ("updateIntegration", format!("updateIntegration(input: {{ id: {:?}, name: \"x\" }}) {{ userErrors {{ code }} }}", unknown("integration")), Outright),
        ("updateOrganizationIntegration", format!("updateOrganizationIntegration(input: {{ id: {share:?}, config: {{ private_key: 1 }} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("uninstallIntegration", format!("uninstallIntegration(organizationIntegrationId: {:?}) {{ userErrors {{ code }} }}", unknown("org_integration")), Outright),
        ("mergeUsers", format!("mergeUsers(input: {{ fromUserId: {user:?}, intoUserId: {user:?} }}) {{ userErrors {{ code }} }}"), Outright),
        ("mergeUsers", format!("mergeUsers(input: {{ fromUserId: {joe:?}, intoUserId: {user:?} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("undoMerge", format!("undoMerge(id: {:?}) {{ userErrors {{ code }} }}", unknown("merge")), Outright),
        ("unlinkIdentity", format!("unlinkIdentity(input: {{ id: {doubles_identity:?} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("unlinkIdentity", format!("unlinkIdentity(input: {{ id: {:?}, force: true }}) {{ userErrors {{ code }} }}", unknown("identity")), Outright),
        // There are no tokens.
        ("refreshIdentity", format!("refreshIdentity(id: {joes_identity:?}) {{ userErrors {{ code }} }}"), ByRows),
        ("setPrimaryIdentity", format!("setPrimaryIdentity(id: {:?}) {{ userErrors {{ code }} }}", unknown("identity")), Outright),
        ("setAuthProvider", format!("setAuthProvider(input: {{ organizationId: {organization:?}, providerId: {provider:?} }}) {{ userErrors {{ code }} }}"), ByRows),
        ("removeAuthProvider", format!("removeAuthProvider(organizationId: {:?}) {{ userErrors {{ code }} }}", unknown("organization")), Outright),
        ("linkAuthIdentity", format!("linkAuthIdentity(input: {{ authProviderId: {sign_on:?}, userId: {joe:?}, ident: \"S3\" }}) {{ userErrors {{ code }} }}"), ByRows),
        ("deleteAuthIdentity", format!("deleteAuthIdentity(id: {users_link:?}) {{ userErrors {{ code }} }}"), ByRows),
        ("deleteAuthIdentities", format!("deleteAuthIdentities(userId: {user:?}, organizationId: {:?}) {{ userErrors {{ code }} }}", unknown("organization")), Outright),
        ("endOtherSessions", "endOtherSessions { userErrors { code } }".to_owned(), Outright),
    ]
}
