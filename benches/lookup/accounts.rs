//! Accounts with tokens, as the API links them.

use lanyard::demo::provider::{Issuer, Person};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::Request;
use crate::server::Lanyard;

/// No more: the make-believe provider remembers 1,000 refresh tokens.
pub const MOST: u32 = 500;

/// What an answer with a token has.
const WITH_TOKEN: &str = "\"accessToken\":\"";
const QUERY: &str = "query($provider: ID!, $account: String!) {
    identity(filter: {providerId: $provider, externalId: $account}) { id credential { accessToken } }
}";

/// As many as [`MOST`], at a provider of their own.
pub struct Accounts {
    pub provider: String,
    external_ids: Vec<String>,
    /// An API key that may read their tokens.
    pub key: String,
}

impl Accounts {
    /// At this issuer, with the tokens that it has given, or with access tokens only.
    pub async fn link(lanyard: &Lanyard, issuer: Issuer, are_refreshable: bool) -> Self {
        let (provider, slug) = (&lanyard.provider, issuer.slug());
        let client = provider.client(issuer);
        let input = json!({
            "slug": slug, "type": "oidc",
            "config": { "issuer": provider.issuer(issuer).as_str() },
            "clientId": client.id, "clientSecret": client.secret.expose_secret(),
        });
        let id = lanyard
            .ask(
                "mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) { identityProvider { id } userErrors { message } } }",
                input,
                "/data/createIdentityProvider/identityProvider/id",
            )
            .await;
        let mut external_ids = Vec::new();
        for number in 0..MOST {
            let name = format!("{slug}-{number}");
            let person = Person::new(&name, &name, &name, &format!("{name}@bench.example"));
            provider.put_person(issuer, person);
            let given = provider.give(issuer, &name).unwrap();
            let refresh_token = are_refreshable.then(|| given.refresh_token.expose_secret());
            let credential = json!({
                "accessToken": given.access_token.expose_secret(),
                "refreshToken": refresh_token,
                "expiresAt": "2100-01-01T00:00:00Z",
            });
            let user = lanyard
                .ask(
                    "mutation($input: UpsertUserInput!) { upsertUser(input: $input) { user { id } userErrors { message } } }",
                    json!({ "entityRef": format!("user:{name}") }),
                    "/data/upsertUser/user/id",
                )
                .await;
            let input = json!({
                "providerId": id, "userId": user, "externalId": given.sub, "credential": credential,
            });
            lanyard
                .ask(
                    "mutation($input: LinkIdentityInput!) { linkIdentity(input: $input) { identity { id } userErrors { message } } }",
                    input,
                    "/data/linkIdentity/identity/id",
                )
                .await;
            external_ids.push(given.sub);
        }
        let key = lanyard
            .ask(
                "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { message } } }",
                json!({ "name": slug, "scopes": ["identity:read", "identity:token"] }),
                "/data/createApiKey/secret",
            )
            .await;
        Self {
            provider: id,
            external_ids,
            key,
        }
    }

    /// What a lookup of an account is asked with; every number has one.
    pub fn variables(&self, number: u32) -> Value {
        let account = &self.external_ids[number as usize % self.external_ids.len()];
        json!({ "provider": self.provider, "account": account })
    }

    /// A read of an account's token.
    pub fn read(&self, number: u32) -> Request {
        let body = json!({ "query": QUERY, "variables": self.variables(number) });
        Request::new("/graphql", Some(&self.key), &body).expecting(WITH_TOKEN)
    }
}
