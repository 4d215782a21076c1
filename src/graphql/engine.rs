//! Runs one operation, from its text to the answer: parse, measure, hold against the matrix,
//! validate, execute under a deadline, clean the errors.

use std::time::Duration;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Response, ServerError, Variables};

use super::document::{self, Excess};
use super::error::{VALIDATION_FAILED, message_only, parse_error, to_wire, wire_error, with_code};
use super::permission::{self, Types};
use super::{App, Schema};
use crate::access::Caller;
use crate::error::Error;

/// How long an operation may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Errors in one answer: a document of wrong fields would else give one for each.
const MOST_ERRORS: usize = 50;

/// The schema, and what is known of it beforehand. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    schema: Schema,
    types: std::sync::Arc<Types>,
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
        let schema = super::schema(app);
        let types = Types::read(&schema.sdl()).map_err(anyhow::Error::new)?;
        Ok(Self {
            schema,
            types: types.into(),
        })
    }

    /// Runs the operation for the caller.
    pub async fn run(&self, operation: Operation, caller: Caller) -> Answer {
        let request_id = caller.request_id.clone();
        let document = match parse_query(&operation.query) {
            Ok(document) => document,
            Err(error) => return Answer::Refused(vec![parse_error(&error)]),
        };
        if let Err(excess) = document::measure(&document) {
            return Answer::Refused(vec![excess_error(&excess)]);
        }
        let name = operation.operation_name.as_deref();
        if operation.only_queries && !is_query(&document, name) {
            return Answer::NotAQuery;
        }
        let allowed = permission::check(
            &self.types,
            &document,
            name,
            &operation.variables,
            &caller.viewer,
        );
        let mut request = Request::new(operation.query).variables(operation.variables);
        request.operation_name = operation.operation_name;
        request.set_parsed_query(document);
        let request = request.data(caller);
        match allowed {
            Ok(()) => self.execute(request, &request_id).await,
            Err(error) => self.denied(request, &error, &request_id).await,
        }
    }

    async fn execute(&self, request: Request, request_id: &str) -> Answer {
        let Ok(mut response) = tokio::time::timeout(DEADLINE, self.schema.execute(request)).await
        else {
            return Answer::Refused(vec![wire_error(&Error::Timeout, request_id)]);
        };
        // Only what runs knows a path: without one, validation ended it.
        let ran = response.errors.is_empty()
            || response.errors.iter().any(|error| !error.path.is_empty());
        response.errors.truncate(MOST_ERRORS);
        to_wire(&mut response, request_id);
        if ran {
            Answer::Ran(response)
        } else {
            Answer::Refused(response.errors)
        }
    }

    /// Refuses, once it is clear that the document itself is valid: a mistake in it is told
    /// first. Nothing runs but introspection.
    async fn denied(&self, request: Request, error: &Error, request_id: &str) -> Answer {
        if let Answer::Refused(errors) =
            self.execute(request.only_introspection(), request_id).await
        {
            return Answer::Refused(errors);
        }
        Answer::Refused(vec![wire_error(error, request_id)])
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
        Excess::Cycle(_) => with_code(message_only(excess.to_string()), VALIDATION_FAILED),
        Excess::Depth | Excess::Selections | Excess::RootFields { .. } => {
            with_code(message_only(excess.to_string()), "LIMIT_EXCEEDED")
        }
    }
}
