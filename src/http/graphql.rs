//! `POST /graphql`, and `GET` for queries (GraphQL over HTTP, draft of 2025).
//!
//! The library's own handlers run mutations sent by GET, `text/plain` and multipart, take batches
//! without end, and hand any document to a parser that it can overflow. This one takes JSON and
//! one operation, and scans it first.

use std::time::Duration;

use async_graphql::{ServerError, Variables};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::negotiate::{MediaType, is_json};
use super::scan::{self, Excess};
use super::{Http, RequestId, authenticate};
use crate::error::{Code, Error};
use crate::graphql::error::{code_of, message_only, wire_error, with_code};
use crate::graphql::{Answer, Operation};

/// Bytes of a body: a gateway's representations are large.
const BODY: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER: usize = 16 * 1024 * 1024;
const VARIABLE_VALUES: usize = 10_000;
const VARIABLE_NESTING: usize = 64;

/// What a client sends, in a body or a query string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    /// Read, so that it is an object where it is given; nothing uses it yet.
    #[serde(rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

/// An answer. Its keys come as they stand here and in the document: a JSON value would sort them.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a async_graphql::Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

/// A request that is answered without an operation.
struct Rejection {
    status: StatusCode,
    error: Box<ServerError>,
    /// A header that tells the client what would be right.
    header: Option<(header::HeaderName, &'static str)>,
}

pub fn endpoint(http: Http) -> impl Endpoint<Output = Response> {
    poem::endpoint::make(move |request: Request| {
        let http = http.clone();
        async move { Ok::<_, poem::Error>(answer(&http, request).await) }
    })
    .map_to_response()
}

async fn answer(http: &Http, request: Request) -> Response {
    let Some(media_type) = MediaType::accepted(request.headers()) else {
        let rejection = reject(
            StatusCode::NOT_ACCEPTABLE,
            "answers are application/graphql-response+json or application/json; accept one of them",
        );
        return respond(http, MediaType::Json, rejection);
    };
    let request_id = request
        .data::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    match run(http, request, &request_id).await {
        Ok(Answer::Ran(response)) => {
            http.app.metrics.count_operation(
                response
                    .errors
                    .first()
                    .map_or("ok", |error| code_of(error).name()),
            );
            let body = Body {
                data: Some(&response.data),
                errors: &response.errors,
            };
            // Even where data is null: that is the answer of an operation that ran.
            write(media_type, StatusCode::OK, &body)
        }
        Ok(Answer::Refused(errors)) => {
            http.app
                .metrics
                .count_operation(errors.first().map_or(Code::Internal, code_of).name());
            let status = match media_type {
                MediaType::GraphqlResponse => status_of(&errors),
                MediaType::Json => StatusCode::OK,
            };
            let mut response = write(
                media_type,
                status,
                &Body {
                    data: None,
                    errors: &errors,
                },
            );
            if status == StatusCode::UNAUTHORIZED {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        }
        Ok(Answer::NotAQuery) => respond(
            http,
            media_type,
            Rejection {
                header: Some((header::ALLOW, "POST")),
                ..reject(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "GET is for queries; send mutations by POST",
                )
            },
        ),
        Err(rejection) => respond(http, media_type, rejection),
    }
}

async fn run(http: &Http, mut request: Request, request_id: &str) -> Result<Answer, Rejection> {
    let only_queries = match *request.method() {
        Method::GET => true,
        Method::POST => false,
        _ => {
            return Err(Rejection {
                header: Some((header::ALLOW, "GET, POST")),
                ..reject(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "use POST, or GET for queries",
                )
            });
        }
    };
    let parameters = if only_queries {
        from_query_string(request.uri().query().unwrap_or_default())?
    } else {
        from_body(&mut request).await?
    };
    let caller = authenticate::caller(http, request.headers(), request_id)
        .await
        .map_err(|error| unknown_caller(&error, request_id))?;
    let variables = read_variables(parameters.variables)?;
    if let Err(excess) = scan::scan(&parameters.query, &scan::LIMITS) {
        return Ok(Answer::Refused(vec![excess_error(&excess)]));
    }
    let operation = Operation {
        query: parameters.query,
        operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
        variables,
        only_queries,
    };
    Ok(http.engine.run(operation, caller).await)
}

async fn from_body(request: &mut Request) -> Result<Parameters, Rejection> {
    if !is_json(request.headers()) {
        return Err(Rejection {
            header: Some((header::ACCEPT, "application/json")),
            ..reject(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be application/json in UTF-8, and the header Content-Type say so",
            )
        });
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Rejection {
            header: Some((header::ACCEPT_ENCODING, "identity")),
            ..reject(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must not be compressed: leave the header Content-Encoding out",
            )
        });
    }
    let reading = request.take_body().into_bytes_limit(BODY);
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Err(_) => {
            return Err(reject(
                StatusCode::REQUEST_TIMEOUT,
                "the body took too long to arrive",
            ));
        }
        Ok(Err(poem::error::ReadBodyError::PayloadTooLarge)) => {
            return Err(reject(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body has more than {BODY} bytes"),
            ));
        }
        Ok(Err(_)) => return Err(reject(StatusCode::BAD_REQUEST, "the body broke off")),
        Ok(Ok(bytes)) => bytes,
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        reject(
            StatusCode::BAD_REQUEST,
            format!("the body is not JSON: {error}"),
        )
    })?;
    if value.is_array() {
        return Err(reject(
            StatusCode::BAD_REQUEST,
            "the body is a list: send one operation a request",
        ));
    }
    serde_json::from_value(value).map_err(|error| {
        reject(
            StatusCode::BAD_REQUEST,
            format!("the body must be {{\"query\": text, \"operationName\": text, \"variables\": object}}: {error}"),
        )
    })
}

fn from_query_string(text: &str) -> Result<Parameters, Rejection> {
    let mut parameters = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" => Value::from(value.into_owned()),
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&value).map_err(|error| {
                reject(
                    StatusCode::BAD_REQUEST,
                    format!("the parameter {name} is not JSON: {error}"),
                )
            })?,
            _ => continue,
        };
        if parameters
            .insert(name.clone().into_owned(), value)
            .is_some()
        {
            return Err(reject(
                StatusCode::BAD_REQUEST,
                format!("the parameter {name} is there twice"),
            ));
        }
    }
    serde_json::from_value(Value::Object(parameters)).map_err(|error| {
        reject(
            StatusCode::BAD_REQUEST,
            format!("the parameters are query, operationName, variables and extensions: {error}"),
        )
    })
}

/// Bounded before anything walks them.
fn read_variables(variables: Option<Map<String, Value>>) -> Result<Variables, Rejection> {
    let variables = Value::Object(variables.unwrap_or_default());
    let mut values = 0_usize;
    let mut waiting = vec![(&variables, 0_usize)];
    while let Some((value, depth)) = waiting.pop() {
        values += 1;
        if depth > VARIABLE_NESTING {
            let message = format!("the variables nest more than {VARIABLE_NESTING} deep");
            return Err(excessive(message));
        }
        if values > VARIABLE_VALUES {
            return Err(excessive(format!(
                "the variables hold more than {VARIABLE_VALUES} values"
            )));
        }
        match value {
            Value::Array(inner) => waiting.extend(inner.iter().map(|inner| (inner, depth + 1))),
            Value::Object(inner) => waiting.extend(inner.values().map(|inner| (inner, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(Variables::from_json(variables))
}

fn excessive(message: String) -> Rejection {
    Rejection {
        status: StatusCode::BAD_REQUEST,
        error: with_code(message_only(message), Code::LimitExceeded).into(),
        header: None,
    }
}

fn excess_error(excess: &Excess) -> ServerError {
    let code = match excess {
        Excess::EndlessBlockString => Code::ParseFailed,
        Excess::Bytes(_)
        | Excess::Nesting(_)
        | Excess::Tokens(_)
        | Excess::Aliases(_)
        | Excess::Directives(_) => Code::LimitExceeded,
    };
    with_code(message_only(excess.to_string()), code)
}

fn unknown_caller(error: &Error, request_id: &str) -> Rejection {
    let wire = Box::new(wire_error(error, request_id));
    match error {
        Error::Unauthenticated(_) => Rejection {
            status: StatusCode::UNAUTHORIZED,
            error: wire,
            header: Some((header::WWW_AUTHENTICATE, "Bearer")),
        },
        Error::Forbidden(_) => Rejection {
            status: StatusCode::FORBIDDEN,
            error: wire,
            header: None,
        },
        Error::Timeout => Rejection {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: wire,
            header: None,
        },
        _ => Rejection {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: wire,
            header: None,
        },
    }
}

fn reject(status: StatusCode, message: impl Into<String>) -> Rejection {
    Rejection {
        status,
        error: with_code(message_only(message), Code::BadUserInput).into(),
        header: None,
    }
}

fn respond(http: &Http, media_type: MediaType, rejection: Rejection) -> Response {
    http.app
        .metrics
        .count_operation(code_of(&rejection.error).name());
    let mut response = write(
        media_type,
        rejection.status,
        &Body {
            data: None,
            errors: std::slice::from_ref(&rejection.error),
        },
    );
    if let Some((name, value)) = rejection.header {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn write(media_type: MediaType, status: StatusCode, body: &Body<'_>) -> Response {
    let mut text = Bounded::default();
    let (status, text) = match serde_json::to_writer(&mut text, body) {
        Ok(()) => (status, text.bytes),
        Err(_) if text.is_full => {
            let message = format!(
                "the answer has more than {ANSWER} bytes: ask for smaller pages or fewer fields"
            );
            let error = with_code(message_only(message), Code::LimitExceeded);
            let body = Body {
                data: Some(&async_graphql::Value::Null),
                errors: &[error],
            };
            (status, serde_json::to_vec(&body).unwrap_or_default())
        }
        Err(error) => {
            tracing::error!(error = ?error, "an answer could not be written");
            let text = r#"{"errors":[{"message":"the answer could not be written","extensions":{"code":"INTERNAL"}}]}"#;
            (StatusCode::INTERNAL_SERVER_ERROR, text.into())
        }
    };
    Response::builder()
        .status(status)
        .content_type(media_type.header())
        .header(header::VARY, "Accept")
        .body(text)
}

/// Takes what is written to it until it is full.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > ANSWER {
            self.is_full = true;
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What did not run is the client's to mend, unless it is ours.
fn status_of(errors: &[ServerError]) -> StatusCode {
    match errors.first().map_or(Code::Internal, code_of) {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::ParseFailed
        | Code::ValidationFailed
        | Code::NotFound
        | Code::Ambiguous
        | Code::IdentityNotFound
        | Code::BadUserInput
        | Code::LimitExceeded
        | Code::CredentialInvalid
        | Code::ProviderUnavailable => StatusCode::BAD_REQUEST,
    }
}
