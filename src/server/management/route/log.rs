//! What is asked of logs: which entries, and how many of them.

use super::{is, parameter};
use crate::error::{Error, Result};
use crate::model::Timestamp;

/// Entries of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct LogQuery {
    /// Those written after this moment.
    pub(in super::super) after: Timestamp,
    /// Those written up to this moment.
    pub(in super::super) until: Timestamp,
    /// So many, or a few more.
    pub(in super::super) limit: usize,
    /// Of what was deleted, too.
    pub(in super::super) deleted: bool,
}

/// Reads a query: `continuationToken` is a moment in milliseconds, as those who keep it want a number.
pub(super) fn query(query: Option<&str>, usual: usize, most: usize) -> Result<LogQuery> {
    let number = |name: &str| {
        let read = |text: &str| text.parse().ok().filter(|number| *number >= 0);
        given(query, name, &read, "a number")
    };
    let moment = |name: &str| {
        let read = |text: &str| Timestamp::parse(text).map(Timestamp::millis);
        given(query, name, &read, "a moment as in 2026-01-31T00:00:00Z")
    };
    let size = number("batchSize")?.or(number("$top")?);
    let from = moment("from")?.map(|from| from - 1);
    Ok(LogQuery {
        after: Timestamp::from_millis(number("continuationToken")?.max(from).unwrap_or(0).min(LAST)),
        until: Timestamp::from_millis(moment("to")?.unwrap_or(LAST)),
        limit: size.map_or(usual, |size| usize::try_from(size).unwrap_or(most)).clamp(1, most),
        deleted: parameter(query, "includeDeleted").is_some_and(|value| is(&value, "true")),
    })
}

/// Moments are written with thirteen digits, until the year 2286.
const LAST: i64 = 9_999_999_999_999;

fn given(
    query: Option<&str>,
    name: &str,
    read: &dyn Fn(&str) -> Option<i64>,
    what: &str,
) -> Result<Option<i64>> {
    let Some(text) = parameter(query, name) else { return Ok(None) };
    let invalid = || Error::Invalid(format!("`{name}` is not {what}"));
    Ok(Some(read(&text).ok_or_else(invalid)?))
}
