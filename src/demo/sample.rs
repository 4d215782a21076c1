//! The sample organization: its people, where they sign in, and a few of their accounts. Made by
//! the operations that every client uses; what is there already is left as it is.

mod api;

use serde_json::{Value, json};

use self::api::Api;
use super::provider::{Handle, Issuer};
use crate::graphql::Engine;

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

/// The organization that the people are members of: slug and name.
const ORGANIZATION: (&str, &str) = ("acme", "Acme");

/// A system whose accounts no flow leads to.
const PAYROLL: &str = "payroll";

/// What the organization has installed, acting as somebody's account in the payroll: provider,
/// external id and name.
const INTEGRATION: [&str; 3] = ["payroll", "acme", "Payroll export"];

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
    let (slug, name) = ORGANIZATION;
    let organization = api.organization(slug, name).await?;
    // Where somebody is in it already, its members are as they were left.
    let is_empty = organization["members"]["nodes"] == json!([]);
    let mut members = Vec::new();
    for employee in &EMPLOYEES {
        let user = api.employee(employee).await?;
        // Others can be linked to nothing, and become members of nothing.
        if user["status"] != "ACTIVE" {
            continue;
        }
        if is_empty {
            api.add_member(&organization, &user).await?;
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
        members.push(user);
    }
    if let Some(clerk) = members.first().filter(|_| is_empty) {
        api.install(&organization, INTEGRATION, &payroll, clerk)
            .await?;
    }
    Ok(())
}
