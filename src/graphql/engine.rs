//! Runs one operation, from its text to the answer: parse, measure, hold against the matrix,
//! validate, execute under a deadline, clean the errors.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Response, ServerError, Variables};
use futures_util::FutureExt;

use super::absent;
use super::context::Began;
use super::document::{self, Excess};
use super::error::{message_only, parse_error, to_wire, wire_error, with_code};
use super::permission;
use super::shape::{Shape, ran};
use super::types::Types;
use super::{App, Schema};
use crate::access::Caller;
use crate::error::{Code, Error};

/// How long an operation may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Errors in one answer: a document of wrong fields would else give one for each.
const MOST_ERRORS: usize = 50;

/// The schema, and what is known of it beforehand. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    schema: Schema,
    schema_of_the_validated: Schema,
    types: std::sync::Arc<Types>,
    sdl: std::sync::Arc<str>,
}

/// What a client sends.
#[derive(Debug)]
pub struct Operation {
    /// Must have passed the scan: the parser can't bear everything.
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Variables,
    /// Mutations are refused: the request came by a method that must change nothing.
    pub only_queries: bool,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Answer {
    /// It ran: there is data, though it may be null, and there may be errors.
    Ran(Response),
    /// It did not run.
    Refused(Vec<ServerError>),
    /// It is a mutation, and only queries were asked for.
    NotAQuery,
}

impl Engine {
    /// # Errors
    /// The schema can't be read back, which is a fault of this program.
    pub fn new(app: App) -> Result<Self, Error> {
        let schema = super::schema(app.clone());
        let types = Types::read(&schema.sdl()).map_err(anyhow::Error::new)?;
        Ok(Self {
            schema,
            schema_of_the_validated: super::schema_of_the_validated(app),
            types: types.into(),
            sdl: super::sdl().into(),
        })
    }

    /// The schema definition language, as `schema.graphql` holds it.
    pub fn sdl(&self) -> &str {
        &self.sdl
    }

    /// Runs the operation for the caller.
    pub async fn run(&self, operation: Operation, caller: Caller) -> Answer {
        let began = Began(Instant::now());
        let request_id = caller.request_id.clone();
        let document = match parse_query(&operation.query) {
            Ok(document) => document,
            Err(error) => return Answer::Refused(vec![parse_error(&error)]),
        };
        if let Err(excess) = document::measure(&document, &operation.variables) {
            return Answer::Refused(vec![excess_error(&excess)]);
        }
        let name = operation.operation_name.as_deref();
        if operation.only_queries && !is_query(&document, name) {
            return Answer::NotAQuery;
        }
        if let Some((name, at)) = self.types.unknown(&document) {
            let error = ServerError::new(format!("Unknown type \"{name}\""), Some(at));
            return Answer::Refused(vec![with_code(error, Code::ValidationFailed)]);
        }
        let selected = permission::selected(&document, name);
        let missing = selected.and_then(|selected| absent::missing(selected, &operation.variables));
        if let Some(missing) = missing {
            let message = format!("the variable ${} must have a value", missing.node);
            let error = ServerError::new(message, Some(missing.pos));
            return Answer::Refused(vec![with_code(error, Code::BadUserInput)]);
        }
        let meant = selected
            .and_then(|selected| absent::taken_out(&document, selected, &operation.variables));
        let allowed = permission::check(
            &self.types,
            meant.as_ref().unwrap_or(&document),
            name,
            &operation.variables,
            &caller.viewer,
        );
        let shape = selected
            .map(|selected| Shape::of(&self.types, &document, selected))
            .unwrap_or_default();
        let request = |document, caller| {
            let mut request =
                Request::new(operation.query.clone()).variables(operation.variables.clone());
            request.operation_name.clone_from(&operation.operation_name);
            request.set_parsed_query(document);
            request.data(caller).data(began)
        };
        match (allowed, meant) {
            (Ok(()), None) => {
                let request = request(document, caller);
                execute(&self.schema, request, &shape, &request_id).await
            }
            (Ok(()), Some(meant)) => {
                let checked = request(document, caller.clone());
                if let Some(mistakes) = self.mistakes(checked, &shape, &request_id).await {
                    return mistakes;
                }
                let request = request(meant, caller);
                execute(&self.schema_of_the_validated, request, &shape, &request_id).await
            }
            (Err(error), _) => {
                // A mistake in the document is told first.
                let checked = request(document, caller);
                let mistakes = self.mistakes(checked, &shape, &request_id).await;
                mistakes.unwrap_or_else(|| Answer::Refused(vec![wire_error(&error, &request_id)]))
            }
        }
    }

    /// What validation says against the document. Nothing runs but introspection.
    async fn mistakes(&self, request: Request, shape: &Shape, request_id: &str) -> Option<Answer> {
        let request = request.only_introspection();
        match execute(&self.schema, request, shape, request_id).await {
            refused @ Answer::Refused(_) => Some(refused),
            Answer::Ran(_) | Answer::NotAQuery => None,
        }
    }
}

async fn execute(schema: &Schema, request: Request, shape: &Shape, request_id: &str) -> Answer {
    // A panic is a fault of ours that ends this operation, and nothing else.
    let running = AssertUnwindSafe(schema.execute(request)).catch_unwind();
    let mut response = match tokio::time::timeout(DEADLINE, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let error = Error::Internal(anyhow::anyhow!("a resolver panicked"));
            return Answer::Refused(vec![wire_error(&error, request_id)]);
        }
        Err(_) => return Answer::Refused(vec![wire_error(&Error::Timeout, request_id)]),
    };
    let ran = ran(&response.errors);
    if ran {
        shape.restore(&mut response);
    }
    response.errors.truncate(MOST_ERRORS);
    to_wire(&mut response, request_id);
    if ran {
        Answer::Ran(response)
    } else {
        Answer::Refused(response.errors)
    }
}

/// Where several operations match none or many, execution reports it and runs nothing.
fn is_query(document: &ExecutableDocument, name: Option<&str>) -> bool {
    document
        .operations
        .iter()
        .filter(|(found, _)| name.is_none() || found.map(async_graphql::Name::as_str) == name)
        .all(|(_, operation)| operation.node.ty == OperationType::Query)
}

fn excess_error(excess: &Excess) -> ServerError {
    match excess {
        Excess::Cycle(_) => with_code(message_only(excess.to_string()), Code::ValidationFailed),
        Excess::Depth
        | Excess::Selections
        | Excess::Introspection
        | Excess::Values
        | Excess::Operations
        | Excess::Arguments(_)
        | Excess::RootFields { .. } => {
            with_code(message_only(excess.to_string()), Code::LimitExceeded)
        }
    }
}
