//! What evaluating an expression can cost at most, reckoned from its text and from the bounds of
//! what it sees; and whether it names only what there is.

use std::collections::HashMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

use super::documents::{MOST_ELEMENTS, MOST_TEXT_BYTES};

/// How often the innermost part of nested comprehensions may be evaluated.
const MOST_ROUNDS: u64 = 1_000_000;
/// Steps in all; some 100 ns each.
const MOST_STEPS: u64 = 40_000_000;
/// What its values may hold at once, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Comprehensions in comprehensions.
const MOST_NESTED: usize = 2;

/// What a document may hold once it is a value of the library, in bytes.
const DOCUMENT_BYTES: u64 = 2 * 1024 * 1024;
/// What one value in it is, for whoever looks at all of them.
const VALUE_BYTES: u64 = 100;
const TEXT_BYTES: u64 = MOST_TEXT_BYTES as u64;
/// Steps that it takes to look through a text.
const TEXT_STEPS: u64 = 40;

/// What an expression may call. None makes much of little, as `replace` and `format` do.
const FUNCTIONS: [&str; 24] = [
    "bool",
    "charAt",
    "contains",
    "double",
    "endsWith",
    "hasValue",
    "indexOf",
    "int",
    "lastIndexOf",
    "lowerAscii",
    "optFlatMap",
    "optMap",
    "or",
    "orValue",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];

const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
];

/// What answers with a number, a yes or a no, however large what it looks at.
const SMALL: [&str; 20] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NOT_STRICTLY_FALSE,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::IN,
    "bool",
    "contains",
    "endsWith",
    "hasValue",
    "indexOf",
    "int",
    "lastIndexOf",
    "size",
    "startsWith",
];

/// What answers with a text.
const TEXTS: [&str; 6] = [
    "charAt",
    "lowerAscii",
    "string",
    "substring",
    "trim",
    "upperAscii",
];

/// What looks through a text.
const OF_TEXTS: [&str; 11] = [
    "charAt",
    "contains",
    "endsWith",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "size",
    "startsWith",
    "substring",
    "trim",
    "upperAscii",
];

/// What a part of an expression costs: the steps in all, and the bytes of its value.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    steps: u64,
    bytes: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// A document: its lists, objects and texts are bounded.
    Document,
    /// An element of a document's list, in the comprehension of this depth. All of them together
    /// are no more than the document, as long as each is looked at once.
    Element(usize),
    /// Something computed, of so many bytes.
    Computed(u64),
}

/// The names that are known in a part of an expression.
#[derive(Clone)]
struct Names<'a>(HashMap<&'a str, Known>);

/// Checks an expression over documents of these names. The error is the rest of a sentence.
pub(super) fn check(expression: &IdedExpr, documents: &[&str]) -> Result<(), String> {
    let names = documents.iter().map(|name| (*name, Known::Document));
    let names = Names(names.collect());
    names.weigh(expression, 0, 1).map(drop)
}

impl<'a> Names<'a> {
    /// `rounds`: how often this part is evaluated at most.
    fn weigh(&self, part: &'a IdedExpr, nested: usize, rounds: u64) -> Result<Weight, String> {
        let weight = self.reckon(part, nested, rounds)?;
        if weight.steps > MOST_STEPS || weight.bytes > MOST_BYTES {
            return Err(
                "may cost too much: too many steps over long lists, or too much that is put \
                 together"
                    .to_owned(),
            );
        }
        Ok(weight)
    }

    fn reckon(&self, part: &'a IdedExpr, nested: usize, rounds: u64) -> Result<Weight, String> {
        let own = Weight {
            steps: rounds,
            bytes: 16,
        };
        Ok(match &part.expr {
            Expr::Unspecified => return Err("is empty".to_owned()),
            Expr::Literal(LiteralValue::String(text)) => own.holding(text.inner().len() as u64),
            Expr::Literal(_) => own,
            Expr::Ident(name) => own.holding(match self.known(name)? {
                Known::Element(depth) if depth == nested => DOCUMENT_BYTES / MOST_ELEMENTS as u64,
                Known::Document | Known::Element(_) => DOCUMENT_BYTES,
                Known::Computed(bytes) => bytes,
            }),
            Expr::Select(select) => {
                let operand = self.weigh(&select.operand, nested, rounds)?;
                if select.test {
                    own.after(operand)
                } else {
                    own.and(operand)
                }
            }
            Expr::List(list) => self.all(own, &list.elements, nested, rounds)?,
            Expr::Map(map) => {
                let parts = map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some([&entry.key, &entry.value]),
                    EntryExpr::StructField(_) => None,
                });
                self.all(own, parts.flatten(), nested, rounds)?
            }
            Expr::Struct(_) => return Err("makes a message, and there are none".to_owned()),
            Expr::Call(call) => self.call(own, call, nested, rounds)?,
            Expr::Comprehension(over) => self.comprehension(own, over, nested, rounds)?,
        })
    }

    fn all(
        &self,
        own: Weight,
        parts: impl IntoIterator<Item = &'a IdedExpr>,
        nested: usize,
        rounds: u64,
    ) -> Result<Weight, String> {
        parts.into_iter().try_fold(own, |sum, part| {
            Ok(sum.and(self.weigh(part, nested, rounds)?))
        })
    }

    fn call(
        &self,
        own: Weight,
        call: &'a CallExpr,
        nested: usize,
        rounds: u64,
    ) -> Result<Weight, String> {
        let name = call.func_name.as_str();
        if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) {
            return Err(format!(
                "calls `{name}`, which is none of {}",
                FUNCTIONS.join(", ")
            ));
        }
        let parts: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let weights = parts.iter().map(|part| self.weigh(part, nested, rounds));
        let weights = weights.collect::<Result<Vec<Weight>, String>>()?;
        let bytes = || weights.iter().map(|weight| weight.bytes);
        let largest = bytes().max().unwrap_or_default();
        let all = weights.iter().fold(own, |all, weight| all.after(*weight));
        let looked_at = match name {
            // Two values are compared until one of them ends.
            operators::EQUALS | operators::NOT_EQUALS => {
                bytes().min().unwrap_or_default() / VALUE_BYTES
            }
            // What is optional is a copy.
            operators::IN | operators::OPT_INDEX | operators::OPT_SELECT => largest / VALUE_BYTES,
            "split" => TEXT_BYTES,
            _ if OF_TEXTS.contains(&name) => TEXT_STEPS,
            _ => 0,
        };
        let all = all.taking(rounds.saturating_mul(looked_at));
        Ok(match name {
            // Each piece is a text of its own.
            "split" => all.holding(24 * TEXT_BYTES),
            operators::CONDITIONAL => all.holding(largest),
            operators::ADD if parts.iter().any(|part| is_text(part)) => {
                let texts = parts.iter().zip(bytes());
                let text = |(part, bytes): (&&IdedExpr, u64)| {
                    if self.is_path(part) {
                        bytes.min(TEXT_BYTES)
                    } else {
                        bytes
                    }
                };
                all.holding(texts.map(text).sum())
            }
            _ if SMALL.contains(&name) => all,
            _ if TEXTS.contains(&name) => all.holding(TEXT_BYTES),
            _ => all.holding(bytes().fold(0, u64::saturating_add)),
        })
    }

    fn comprehension(
        &self,
        own: Weight,
        over: &'a ComprehensionExpr,
        nested: usize,
        rounds: u64,
    ) -> Result<Weight, String> {
        let range = self.weigh(&over.iter_range, nested, rounds)?;
        let length = self.length(&over.iter_range)?;
        // What `optMap` makes goes over nothing, to have a name for something.
        let nested = nested + usize::from(length > 0);
        if nested > MOST_NESTED {
            return Err(format!(
                "has comprehensions nested more than {MOST_NESTED} deep"
            ));
        }
        let inner = rounds.saturating_mul(length.max(1));
        if inner > MOST_ROUNDS {
            return Err("has nested comprehensions over lists that are too long".to_owned());
        }
        let mut names = self.clone();
        let element = if self.is_path(&over.iter_range) {
            Known::Element(nested)
        } else {
            Known::Computed(range.bytes)
        };
        let variables = std::iter::once(&over.iter_var).chain(&over.iter_var2);
        names
            .0
            .extend(variables.map(|name| (name.as_str(), element)));
        let begin = self.weigh(&over.accu_init, nested, rounds)?;
        names.0.insert(&over.accu_var, Known::Computed(begin.bytes));
        let condition = names.weigh(&over.loop_cond, nested, inner)?;
        let step = names.weigh(&over.loop_step, nested, inner)?;
        let kept = Weight {
            bytes: step.bytes.saturating_mul(length),
            ..step
        };
        let result = names.weigh(&over.result, nested, rounds)?;
        Ok([begin, kept, result]
            .into_iter()
            .fold(own.after(range).after(condition), Weight::and))
    }

    /// How long a list is at most that a comprehension goes over.
    fn length(&self, list: &IdedExpr) -> Result<u64, String> {
        if self.is_path(list) {
            return Ok(MOST_ELEMENTS as u64);
        }
        match &list.expr {
            Expr::List(list) => Ok(list.elements.len() as u64),
            // Neither `map` nor `filter` makes a list longer.
            Expr::Comprehension(over) => self.length(&over.iter_range),
            Expr::Call(call) => match (call.func_name.as_str(), &call.target, &call.args[..]) {
                (operators::CONDITIONAL, None, [_, one, other]) => {
                    Ok(self.length(one)?.max(self.length(other)?))
                }
                ("orValue", Some(one), [other]) => Ok(self.length(one)?.max(self.length(other)?)),
                ("split", Some(_), _) => Ok(TEXT_BYTES),
                _ => Err(not_bounded()),
            },
            _ => Err(not_bounded()),
        }
    }

    /// Whether this is a part of a document.
    fn is_path(&self, part: &IdedExpr) -> bool {
        match &part.expr {
            Expr::Ident(name) => {
                let known = self.0.get(name.as_str());
                matches!(known, Some(Known::Document | Known::Element(_)))
            }
            Expr::Select(select) => !select.test && self.is_path(&select.operand),
            Expr::Call(call) => {
                let takes_a_part = [
                    operators::INDEX,
                    operators::OPT_INDEX,
                    operators::OPT_SELECT,
                ]
                .contains(&call.func_name.as_str());
                takes_a_part && call.args.first().is_some_and(|of| self.is_path(of))
            }
            _ => false,
        }
    }

    fn known(&self, name: &str) -> Result<Known, String> {
        self.0.get(name).copied().ok_or_else(|| {
            let mut known: Vec<&str> = self.0.keys().copied().collect();
            known.retain(|name| !name.starts_with('@'));
            known.sort_unstable();
            let known = known.join(", ");
            format!("names `{name}`, which is none of {known}")
        })
    }
}

impl Weight {
    const fn and(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// The other's value isn't part of this one.
    const fn after(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            ..self
        }
    }

    const fn taking(self, steps: u64) -> Self {
        Self {
            steps: self.steps.saturating_add(steps),
            ..self
        }
    }

    const fn holding(self, bytes: u64) -> Self {
        Self {
            bytes: self.bytes.saturating_add(bytes),
            ..self
        }
    }
}

/// Whether this can be nothing but a text; so is what is put together with it.
fn is_text(part: &IdedExpr) -> bool {
    match &part.expr {
        Expr::Literal(LiteralValue::String(_)) => true,
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            TEXTS.contains(&name) || (name == operators::ADD && call.args.iter().any(is_text))
        }
        _ => false,
    }
}

fn not_bounded() -> String {
    "goes over a list that is computed: comprehensions go over lists of the documents, such as \
     `user.groups`, and over what `filter` and `map` leave of them"
        .to_owned()
}
