//! Measures a GraphQL document before it is parsed, and refuses what the parser can't bear.
//! Knows the lexical grammar only: nothing of schemas, operations or HTTP.
//!
//! async-graphql's parser recurses for every bracket; a few kilobytes of `[` overflow its stack,
//! which ends the process. So nothing may be parsed that hasn't passed here, and this view of
//! brackets must never be milder than the parser's. Where the two could differ:
//!
//! * Comments end at `\n` or `\r`, in both. `#` starts one everywhere but in strings.
//! * A string that is cut off by a line's end or has a bad escape stops the parser at its opening
//!   quote, so whatever this pass makes of the rest is strict enough. It goes on counting.
//! * A block string without an end is an empty string and then a quote to the parser: what follows
//!   changes its meaning, and each further `"""` is searched to the end again (3,300 of them took
//!   six seconds). GraphQL forbids it, so it is refused here.
//! * The parser reads `00` as two numbers, and so does this pass. It also splits names that begin
//!   with a keyword (`truefalse` is two values); those count once, which costs it little.

use thiserror::Error;

/// How much a document may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes: usize,
    /// Open `(`, `[` and `{` together.
    pub nesting: usize,
    pub tokens: usize,
    /// Aliases and selections of `__typename`; one that is both counts twice.
    pub aliases: usize,
    pub directives: usize,
}

pub const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    nesting: 64,
    tokens: 10_000,
    aliases: 100,
    directives: 100,
};

/// Why a document isn't parsed, in words for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Excess {
    #[error("the document is longer than {0} bytes")]
    Bytes(usize),
    #[error("the document nests brackets more than {0} deep")]
    Nesting(usize),
    #[error("the document has more than {0} tokens")]
    Tokens(usize),
    #[error("the document has more than {0} aliases (each __typename counts as one)")]
    Aliases(usize),
    #[error("the document has more than {0} directives")]
    Directives(usize),
    #[error("the document has a block string without an end")]
    EndlessBlockString,
}

/// Passes over the document once; anything malformed is left for the parser to report.
pub fn scan(document: &str, limits: &Limits) -> Result<(), Excess> {
    if document.len() > limits.bytes {
        return Err(Excess::Bytes(limits.bytes));
    }
    let mut seen = Seen::default();
    let mut rest = document.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = match first {
            // Outside of strings and comments the parser knows one character beyond ASCII, the
            // byte order mark, and ignores it; at any other it stops.
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x80.. => {
                rest = after;
                continue;
            }
            b'#' => {
                rest = skip(after, |byte| !matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => match rest.strip_prefix(BLOCK_QUOTE) {
                Some(content) => after_block_string(content).ok_or(Excess::EndlessBlockString)?,
                None => after_string(after),
            },
            b'-' | b'0'..=b'9' => after_number(rest),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                let after = skip(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let name = rest.strip_suffix(after).unwrap_or(rest);
                if name == b"__typename" && seen.open_parentheses == 0 {
                    seen.aliases += 1;
                }
                after
            }
            b'.' => rest.strip_prefix(b"...").unwrap_or(after),
            punctuator => {
                seen.punctuator(punctuator);
                after
            }
        };
        seen.tokens += 1;
        seen.check(limits)?;
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    open_brackets: usize,
    open_parentheses: usize,
    tokens: usize,
    aliases: usize,
    directives: usize,
}

impl Seen {
    /// Brackets are counted without their kind: the parser doesn't get past one that closes
    /// another kind or nothing.
    fn punctuator(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => self.open_brackets += 1,
            b')' | b']' | b'}' => self.open_brackets = self.open_brackets.saturating_sub(1),
            b'@' => self.directives += 1,
            // In parentheses a colon names an argument, a variable's type or an object's field.
            // Outside of them it can only be an alias: selection sets are never in parentheses.
            b':' if self.open_parentheses == 0 => self.aliases += 1,
            _ => {}
        }
        match byte {
            b'(' => self.open_parentheses += 1,
            b')' => self.open_parentheses = self.open_parentheses.saturating_sub(1),
            _ => {}
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Excess> {
        if self.open_brackets > limits.nesting {
            Err(Excess::Nesting(limits.nesting))
        } else if self.tokens > limits.tokens {
            Err(Excess::Tokens(limits.tokens))
        } else if self.aliases > limits.aliases {
            Err(Excess::Aliases(limits.aliases))
        } else if self.directives > limits.directives {
            Err(Excess::Directives(limits.directives))
        } else {
            Ok(())
        }
    }
}

const BLOCK_QUOTE: &[u8] = br#"""""#;
const ESCAPED_BLOCK_QUOTE: &[u8] = br#"\""""#;

fn skip(text: &[u8], wanted: impl Fn(u8) -> bool) -> &[u8] {
    let end = text
        .iter()
        .position(|&byte| !wanted(byte))
        .unwrap_or(text.len());
    text.split_at_checked(end).map_or(&[], |(_, rest)| rest)
}

/// What follows a string, from behind its opening quote; a line's end ends it too.
fn after_string(mut text: &[u8]) -> &[u8] {
    while let Some((&first, after)) = text.split_first() {
        text = match (first, after) {
            (b'"', _) => return after,
            (b'\n' | b'\r', _) => return text,
            // Which characters may be escaped, and the digits of `\u`, is the parser's business.
            (b'\\', [b'"' | b'\\', after @ ..]) => after,
            _ => after,
        };
    }
    text
}

/// What follows a block string, from behind its opening quotes; nothing if it has no end.
fn after_block_string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = skip(text, |byte| byte != b'"' && byte != b'\\');
        if let Some(after) = text.strip_prefix(BLOCK_QUOTE) {
            return Some(after);
        }
        text = match text.strip_prefix(ESCAPED_BLOCK_QUOTE) {
            Some(after) => after,
            None => text.split_first()?.1,
        };
    }
}

fn digits(text: &[u8]) -> &[u8] {
    skip(text, |byte| byte.is_ascii_digit())
}

/// What follows a number that begins with a minus or a digit.
fn after_number(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let text = match text {
        [b'0', after @ ..] => after,
        _ => digits(text),
    };
    let text = match text {
        [b'.', b'0'..=b'9', fraction @ ..] => digits(fraction),
        _ => text,
    };
    match text {
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            digits(exponent)
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests;
