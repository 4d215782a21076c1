//! The sample organization: its people, where they sign in, and a few of their accounts. Made by
//! the operations that every client uses; what is there already is left as it is.

use async_graphql::Variables;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::provider::{Handle, Issuer};
use crate::access::{Caller, Viewer};
use crate::graphql::{Answer, Engine, Operation};

/// Somebody of the organization; their number is that of the payroll.
struct Employee {
    name: &'static str,
    display_name: &'static str,
    status: &'static str,
    number: &'static str,
}

/// Sam, whom Acme knows too, is not among them.
const EMPLOYEES: [Employee; 7] = [
    Employee::new("ada", "Ada Marlow", "E-1001"),
    Employee::new("bo", "Bo Lindqvist", "E-1002"),
    Employee::new("noor", "Noor Haddad", "E-1003"),
    Employee::new("iris", "Iris Okafor", "E-1004"),
    Employee::new("teo", "Teo Varga", "E-1005"),
    Employee {
        status: "DISABLED",
        ..Employee::new("lena", "Lena Brandt", "E-1006")
    },
    Employee::new("kim", "Kim Sato", "E-1007"),
];

/// A system whose accounts no flow leads to.
const PAYROLL: &str = "payroll";

/// Whose account at Hub is linked from the start, by its username there.
const LINKED_AT_HUB: (&str, &str) = ("noor", "noor-h");

impl Employee {
    const fn new(name: &'static str, display_name: &'static str, number: &'static str) -> Self {
        Self {
            name,
            display_name,
            status: "ACTIVE",
            number,
        }
    }
}

/// Why the sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An issuer is fixed at creation, and this one was made for another port.
    #[error(
        "the sample's identity provider {slug} is at {stored}, and the make-believe provider is at {now}: start it on the same port as before, or on an empty data folder"
    )]
    OtherIssuer {
        slug: &'static str,
        stored: String,
        now: String,
    },
    #[error("the sample could not be made: {what} was answered with {answer}")]
    Refused { what: &'static str, answer: String },
}

/// Makes what is missing of the sample. The issuers are the provider's.
///
/// # Errors
/// What stands in the way, and what to do about it.
pub async fn load(engine: &Engine, provider: &Handle) -> Result<(), LoadError> {
    let api = Api { engine };
    for issuer in Issuer::ALL {
        api.sign_in_provider(provider, issuer).await?;
    }
    let hub = api.provider(Issuer::Hub.slug()).await?;
    let payroll = match api.provider(PAYROLL).await? {
        Value::Null => {
            let input =
                json!({ "type": "custom", "slug": PAYROLL, "name": "Payroll", "config": {} });
            api.create_provider(input).await?
        }
        found => found,
    };
    for employee in &EMPLOYEES {
        let user = api.employee(employee).await?;
        // Others can be linked to nothing.
        if user["status"] != "ACTIVE" {
            continue;
        }
        let profile = json!({ "displayName": employee.display_name });
        api.link(&payroll, &user, employee.number, profile).await?;
        let (linked, username) = LINKED_AT_HUB;
        let mut people = provider.people(Issuer::Hub).into_iter();
        let person = people.find(|person| employee.name == linked && person.username == username);
        if let Some(person) = person {
            let profile = json!({
                "username": person.username,
                "displayName": person.name,
                "email": person.email,
                "emailVerified": person.email_verified,
            });
            api.link(&hub, &user, &person.sub, profile).await?;
        }
    }
    Ok(())
}

/// The API, as whoever runs the command line.
struct Api<'a> {
    engine: &'a Engine,
}

impl Api<'_> {
    async fn sign_in_provider(&self, provider: &Handle, issuer: Issuer) -> Result<(), LoadError> {
        let slug = issuer.slug();
        let (url, client) = (provider.issuer(issuer), provider.client(issuer));
        let found = self.provider(slug).await?;
        if found.is_null() {
            let input = json!({
                "type": "oidc",
                "slug": slug,
                "name": issuer.name(),
                "allowsSignIn": true,
                "config": {
                    "issuer": url.as_str(),
                    "scopes": ["openid", "profile", "email", "offline_access"],
                },
                "clientId": client.id,
                "clientSecret": client.secret.expose_secret(),
                "signIn": {
                    "resolvers": [{ "resolver": "emailMatchingUserEntityProfileEmail" }],
                },
            });
            self.create_provider(input).await?;
            return Ok(());
        }
        let stored = found["config"]["issuer"].as_str().unwrap_or_default();
        if stored == url.as_str() {
            return Ok(());
        }
        Err(LoadError::OtherIssuer {
            slug,
            stored: stored.to_owned(),
            now: url.to_string(),
        })
    }

    /// The provider of that slug, or null.
    async fn provider(&self, slug: &str) -> Result<Value, LoadError> {
        let query = "query($slug: String!) { identityProvider(slug: $slug) { id config } }";
        let mut data = self
            .ask("identityProvider", query, json!({ "slug": slug }))
            .await?;
        Ok(data["identityProvider"].take())
    }

    async fn create_provider(&self, input: Value) -> Result<Value, LoadError> {
        let query = "mutation($input: CreateIdentityProviderInput!) {
            createIdentityProvider(input: $input) {
                identityProvider { id }
                userErrors { code message field }
            }
        }";
        let payload = self.write("createIdentityProvider", query, input).await?;
        Ok(payload["identityProvider"].clone())
    }

    async fn employee(&self, employee: &Employee) -> Result<Value, LoadError> {
        let entity_ref = format!("user:default/{}", employee.name);
        let query = "query($ref: EntityRef!) { user(entityRef: $ref) { id status } }";
        let mut data = self
            .ask("user", query, json!({ "ref": entity_ref }))
            .await?;
        let found = data["user"].take();
        if !found.is_null() {
            return Ok(found);
        }
        let query = "mutation($input: UpsertUserInput!) {
            upsertUser(input: $input) { user { id status } userErrors { code message field } }
        }";
        let input = json!({
            "entityRef": entity_ref,
            "displayName": employee.display_name,
            "email": format!("{}@acme.example", employee.name),
            "emailVerified": true,
            "status": employee.status,
        });
        let payload = self.write("upsertUser", query, input).await?;
        Ok(payload["user"].clone())
    }

    /// Links the account, unless it is linked, to whomever, or the user has another one there:
    /// whoever has played with the sample finds it as they left it.
    async fn link(
        &self,
        provider: &Value,
        user: &Value,
        external_id: &str,
        profile: Value,
    ) -> Result<(), LoadError> {
        let query = "query($account: IdentityFilter!, $user: IdentityFilter!) {
            account: identity(filter: $account) { id }
            user: identity(filter: $user) { id }
        }";
        let filters = json!({
            "account": { "providerId": provider["id"], "externalId": external_id },
            "user": { "providerId": provider["id"], "userId": user["id"] },
        });
        let found = self.ask("identity", query, filters).await?;
        if !found["account"].is_null() || !found["user"].is_null() {
            return Ok(());
        }
        let query = "mutation($input: LinkIdentityInput!) {
            linkIdentity(input: $input) { identity { id } userErrors { code message field } }
        }";
        let input = json!({
            "providerId": provider["id"],
            "userId": user["id"],
            "externalId": external_id,
            "profile": profile,
        });
        self.write("linkIdentity", query, input).await?;
        Ok(())
    }

    /// The payload of a mutation that was not refused.
    async fn write(
        &self,
        what: &'static str,
        query: &str,
        input: Value,
    ) -> Result<Value, LoadError> {
        let mut data = self.ask(what, query, json!({ "input": input })).await?;
        let payload = data[what].take();
        if payload["userErrors"].as_array().is_some_and(Vec::is_empty) {
            return Ok(payload);
        }
        Err(LoadError::Refused {
            what,
            answer: payload["userErrors"].to_string(),
        })
    }

    /// The data of an operation without errors.
    async fn ask(
        &self,
        what: &'static str,
        query: &str,
        variables: Value,
    ) -> Result<Value, LoadError> {
        let operation = Operation {
            query: query.to_owned(),
            operation_name: None,
            variables: Variables::from_json(variables),
            only_queries: false,
        };
        let caller = Caller {
            viewer: Viewer::CommandLine,
            request_id: "sample".to_owned(),
        };
        let errors = match self.engine.run(operation, caller).await {
            Answer::Ran(response) if response.errors.is_empty() => {
                return response
                    .data
                    .into_json()
                    .map_err(|error| LoadError::Refused {
                        what,
                        answer: error.to_string(),
                    });
            }
            Answer::Ran(response) => response.errors,
            Answer::Refused(errors) => errors,
            Answer::NotAQuery => Vec::new(),
        };
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        Err(LoadError::Refused {
            what,
            answer: messages.join("; "),
        })
    }
}
