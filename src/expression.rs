//! Expressions in CEL (<https://cel.dev>), as catalogue and configuration have them: read with
//! bounds on what evaluating them can cost, and evaluated on a thread with room for them. Knows
//! nothing of what they are about.
//!
//! The library has no budget of its own, and both its parser and its interpreter go down a level
//! of the stack for each level of an expression. So an expression is short, what it may cost is
//! reckoned before it is ever evaluated (`bound.rs`), what it sees is bounded ([`Documents`]), and
//! it is parsed and evaluated where the stack is deep.

mod bound;
mod documents;

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};
use std::thread::Builder;
use std::time::Duration;

use cel::{Context, Env, ExecutionError, Program, extensions};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

pub use self::documents::Documents;

/// The longest expression, in bytes.
pub const MOST_BYTES: usize = 2_000;
/// What the deepest expression of that length needs, several times over.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// From the wait for a turn to the values.
const PATIENCE: Duration = Duration::from_secs(5);
/// Evaluations at a time: what is held in memory at once is bounded with them.
const AT_A_TIME: usize = 2;

/// An expression that was read and is good to be evaluated.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
    /// What it names, the variables of its comprehensions too.
    names: Arc<[String]>,
}

/// Why a text is no expression that may be evaluated: the rest of a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(String);

/// Why an expression has no value. Never tells a value that it met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A member, or an element, isn't there.
    #[error("something that it names is not there")]
    Missing,
    #[error("{0}")]
    Failed(&'static str),
}

/// Evaluates expressions, a few at a time.
#[derive(Debug, Clone)]
pub struct Evaluator {
    turns: Arc<Semaphore>,
}

/// What expressions can use beside the language itself.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // It adds names that nothing else has, so there is nothing that could be in their way; and
    // what is missing is said of every expression that would use it.
    if let Err(error) = env.add_extension(extensions::strings) {
        tracing::error!(%error, "expressions are without the functions of texts");
    }
    Arc::new(env)
});

impl Expression {
    /// Reads an expression over these variables.
    ///
    /// # Errors
    /// What is wrong with it, or that it may cost too much.
    pub fn read(source: &str, variables: &[&str]) -> Result<Self, Wrong> {
        if source.len() > MOST_BYTES {
            return Err(Wrong(format!(
                "is {} bytes long: at most {MOST_BYTES}",
                source.len()
            )));
        }
        let read = with_deep_stack(|| {
            let program = ENVIRONMENT.compile(source).map_err(|errors| {
                let first = errors.errors.first();
                let (line, column) = first.map_or((1, 0), |error| error.pos);
                let what = first.map_or("unreadable", |error| error.msg.as_str());
                let what: String = what.chars().take(200).collect();
                Wrong(format!("is no CEL, at {line}:{column}: {what}"))
            })?;
            bound::check(program.expression(), variables).map_err(Wrong)?;
            let references = program.references();
            let names = references.variables();
            let names = names.into_iter().map(str::to_owned).collect();
            Ok((program, names))
        });
        let (program, names) =
            read.map_err(|error| Wrong(format!("can't be read now: {error}")))??;
        Ok(Self {
            source: source.into(),
            program: Arc::new(program),
            names,
        })
    }

    /// Whether it looks at the document of this name.
    pub fn names(&self, document: &str) -> bool {
        self.names.iter().any(|name| name == document)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Default for Evaluator {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

impl Evaluator {
    /// The value of each expression over the same documents, in their order. Whoever waits too
    /// long gets none: what is slow holds up no one for longer.
    pub async fn evaluate(
        &self,
        expressions: Vec<Expression>,
        documents: Documents,
    ) -> Vec<Result<Value, Failure>> {
        let count = expressions.len();
        if count == 0 {
            return Vec::new();
        }
        let values = timeout(PATIENCE, self.values(expressions, documents)).await;
        values.ok().flatten().unwrap_or_else(|| {
            vec![Err(Failure::Failed("it could not be evaluated in time")); count]
        })
    }

    async fn values(
        &self,
        expressions: Vec<Expression>,
        documents: Documents,
    ) -> Option<Vec<Result<Value, Failure>>> {
        // Never closed, so there is always a turn. The thread keeps it: who asked may be gone.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let (sender, values) = oneshot::channel();
        let work = move || {
            let values = documents.with(|context| {
                let of = |expression: &Expression| value(&expression.program, context);
                expressions.iter().map(of).collect()
            });
            drop(turn);
            // Nobody waits any more: then there is nobody to tell.
            drop(sender.send(values));
        };
        let begun = Builder::new()
            .name("expression".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(work);
        match begun {
            Ok(_) => values.await.ok(),
            Err(error) => {
                tracing::error!(%error, "an expression has no thread to be evaluated on");
                None
            }
        }
    }
}

fn value(program: &Program, context: &Context) -> Result<Value, Failure> {
    let value = program.execute(context).map_err(|error| failure(&error))?;
    let unlike_json = |_| Failure::Failed("its value is nothing that JSON has");
    value.json().map_err(unlike_json)
}

/// The library's own words hold the values that didn't fit.
fn failure(error: &ExecutionError) -> Failure {
    Failure::Failed(match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => {
            return Failure::Missing;
        }
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnsupportedIndex(..)
        | ExecutionError::UnsupportedKeyType(_) => {
            "a function or operator met a value of another type than it takes"
        }
        ExecutionError::UndeclaredReference(_) => "it names something that is unknown",
        ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => "a number went out of its range",
        _ => "it could not be evaluated",
    })
}

fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let worker = Builder::new()
            .name("expression".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)?;
        let panicked = |_| io::Error::other("the library failed");
        worker.join().map_err(panicked)
    })
}

#[cfg(test)]
mod tests;
