//! The discovery document (OpenID Connect Discovery 1.0 §3, RFC 8414, RFC 9207) and the keys.

use serde_json::{Value, json};
use url::Url;

use super::fault::{DiscoveryFault, Fault};
use super::key::Key;
use super::state::IssuerState;

/// The keys of the document that are endpoints.
const ENDPOINTS: [&str; 5] = [
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
    "jwks_uri",
];

/// The document, as the faults that are set want it.
pub fn document(issuer: &mut IssuerState) -> Value {
    let mut document = json!({
        "issuer": issuer.url.as_str(),
        "authorization_endpoint": issuer.at("/authorize"),
        "token_endpoint": issuer.at("/token"),
        "userinfo_endpoint": issuer.at("/userinfo"),
        "revocation_endpoint": issuer.at("/revoke"),
        "jwks_uri": issuer.at("/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "nonce", "at_hash",
            "name", "preferred_username", "picture", "email", "email_verified", "groups",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    let faults = issuer.faults.take(|fault| {
        if let Fault::Discovery(fault) = fault {
            Some(fault.clone())
        } else {
            None
        }
    });
    for fault in faults {
        break_document(&mut document, fault);
    }
    document
}

/// The published keys (RFC 7517 §5).
pub fn keys(issuer: &IssuerState) -> Value {
    let keys: Vec<Value> = issuer.keys().iter().map(Key::jwk).collect();
    json!({ "keys": keys })
}

fn break_document(document: &mut Value, fault: DiscoveryFault) {
    match fault {
        DiscoveryFault::OtherIssuer => document["issuer"] = json!("https://issuer.example"),
        DiscoveryFault::Without(key) => {
            if let Some(document) = document.as_object_mut() {
                document.remove(key);
            }
        }
        DiscoveryFault::With(key, value) => document[key] = value,
        DiscoveryFault::EndpointsAt(origin) => {
            for key in ENDPOINTS {
                let own = document[key]
                    .as_str()
                    .and_then(|text| Url::parse(text).ok());
                let mut url = origin.clone();
                url.set_path(own.as_ref().map_or("", Url::path));
                document[key] = json!(url.as_str());
            }
        }
    }
}
