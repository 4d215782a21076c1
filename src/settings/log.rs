//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use super::{
    problem::Check,
    setting::{Default, Setting},
    source::Source,
    unknown,
};

pub(super) const SETTINGS: &[&Setting] = &[&LOG, &LOG_FORMAT];

const LOG: Setting = Setting {
    environment: "LANYARD_LOG",
    key: Some("log"),
    default: Default::Value("info"),
    meaning: "What is logged: a level, or directives like `info,lanyard=debug`.",
    secret: false,
};

const LOG_FORMAT: Setting = Setting {
    environment: "LANYARD_LOG_FORMAT",
    key: Some("log_format"),
    default: Default::Rule("text on a terminal, else json"),
    meaning: "How it is written: `text` or `json`.",
    secret: false,
};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What is logged, and how.
#[derive(Debug)]
pub struct Log {
    /// Directives that `EnvFilter` takes.
    pub directives: String,
    /// As configured; ask [`Log::format`].
    pub format: Option<LogFormat>,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

impl Log {
    pub(super) fn read(source: &mut Source) -> Self {
        Self {
            directives: source.value_or_default(&LOG, directives),
            format: source.value(&LOG_FORMAT, |text| match text {
                "text" => Ok(LogFormat::Text),
                "json" => Ok(LogFormat::Json),
                _ => Err("is neither text nor json".to_owned()),
            }),
        }
    }

    /// The format to write in, to a terminal or to something else.
    pub fn format(&self, terminal: bool) -> LogFormat {
        self.format.unwrap_or(if terminal {
            LogFormat::Text
        } else {
            LogFormat::Json
        })
    }
}

fn directives(text: &str) -> Check<String> {
    if EnvFilter::builder().parse(text).is_err() {
        return Err("is no list of log directives; give one like info,lanyard=debug".to_owned());
    }
    // A level that is misspelt is taken for the name of a module, and everything else is silenced.
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.contains(['=', ':', '[']))
    {
        let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        if let Some(level) = unknown::nearest(word, LEVELS).filter(|_| !is_level) {
            return Err(format!(
                "has {word:?}, which is no level; did you mean {level}?"
            ));
        }
    }
    Ok(text.to_owned())
}
