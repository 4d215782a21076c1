//! What an issuer says of a person: the standard claims (OpenID Connect Core 1.0 §5.1, §5.4), by
//! the scopes that were granted.

use serde_json::{Map, Value};

use super::fault::ProfileFault;
use super::grants::Grant;
use super::person::Person;

/// The claims, `sub` among them.
pub fn claims(person: &Person, grant: &Grant, faults: &[ProfileFault]) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value);
        }
    };
    put("sub", Some(person.sub.clone().into()));
    if grant.has("profile") {
        put("name", Some(person.name.clone().into()));
        put("preferred_username", Some(person.username.clone().into()));
        put("picture", person.picture.clone().map(Value::from));
    }
    if grant.has("email") {
        put("email", person.email.clone().map(Value::from));
        put("email_verified", person.email_verified.map(Value::from));
    }
    if grant.has("groups") {
        put("groups", Some(person.groups.clone().into()));
    }
    for fault in faults {
        break_claims(&mut claims, *fault);
    }
    claims
}

fn break_claims(claims: &mut Map<String, Value>, fault: ProfileFault) {
    match fault {
        ProfileFault::NoEmail => {
            claims.remove("email");
            claims.remove("email_verified");
        }
        ProfileFault::Unverified => {
            claims.insert("email_verified".to_owned(), false.into());
        }
        ProfileFault::VerificationUnsaid => {
            claims.remove("email_verified");
        }
        ProfileFault::VerifiedAsText => {
            claims.insert("email_verified".to_owned(), "true".into());
        }
        ProfileFault::NumericSubject => {
            claims.insert("sub".to_owned(), 1_234_567.into());
        }
        // That is for the user info alone to do.
        ProfileFault::OtherSubjectInUserInfo => {}
    }
}
