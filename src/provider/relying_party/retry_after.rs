//! When a provider wants to be asked again: RFC 9110 §10.2.3.

use chrono::{DateTime, TimeDelta};
use openidconnect::http::HeaderMap;
use openidconnect::http::header::RETRY_AFTER;

use crate::clock::Time;

/// What is longer is no answer to when.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// How long to wait, where the answer says: seconds, or a date; a day at most.
pub(super) fn retry_after(headers: &HeaderMap, now: Time) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => TimeDelta::try_seconds(seconds)?,
        Err(_) => DateTime::parse_from_rfc2822(text).ok()? - now.fixed_offset(),
    };
    (wait >= TimeDelta::zero()).then(|| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use openidconnect::http::HeaderValue;

    use super::*;

    fn read(text: &str) -> Option<i64> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        retry_after(&headers, now).map(|wait| wait.num_seconds())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(read("0"), Some(0));
        assert_eq!(read(" 90 "), Some(90));
        assert_eq!(read("Sun, 22 Nov 2026 12:01:30 GMT"), Some(90));
        assert_eq!(read("99999999"), Some(24 * 60 * 60));
        for nothing in [
            "",
            "-1",
            "soon",
            "1.5",
            "Sun, 22 Nov 2026 11:59:59 GMT",
            "9999999999999999999",
        ] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Time::default()), None);
    }
}
