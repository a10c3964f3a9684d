//! Which version of the REST surface a caller speaks: `api-version` in the query, or a parameter of `Accept`.
//!
//! All versions have the same paths and bodies here, so any of them is taken, and none is needed; one that never was is
//! refused, because whoever asks for it expects something else.

use super::route::parameter;
use crate::error::{Error, Result};
use crate::platform::{Headers, header};

/// The newest there is.
const NEWEST: (u8, u8) = (7, 2);

/// The version asked for, as it was written.
pub(super) fn asked(query: Option<&str>, headers: &Headers) -> Result<Option<String>> {
    let Some(text) = parameter(query, "api-version").or_else(|| accepted(headers)) else { return Ok(None) };
    if is_known(&text) {
        return Ok(Some(text));
    }
    let shown: String = text.chars().take(64).collect();
    let (major, minor) = NEWEST;
    Err(Error::Invalid(format!(
        "api-version `{shown}` is not known: it is a number from 1.0 to {major}.{minor}, with or without `-preview` or \
         `-preview.1` behind it"
    )).into())
}

fn accepted(headers: &Headers) -> Option<String> {
    let accept = headers.get(header::ACCEPT)?.to_ascii_lowercase();
    let (_, rest) = accept.split_once("api-version=")?;
    let end = rest.find([',', ';']).unwrap_or(rest.len());
    Some(rest.get(..end)?.trim().trim_matches('"').to_owned())
}

fn is_known(text: &str) -> bool {
    let (number, stage) = text.split_once('-').unwrap_or((text, "preview"));
    let (stage, revision) = stage.split_once('.').unwrap_or((stage, "1"));
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let numbers =
        [major, minor, revision].map(|text| text.parse::<u8>().ok().filter(|_| !text.starts_with('+')));
    let [Some(major), Some(minor), Some(_)] = numbers else { return false };
    stage == "preview" && major > 0 && (major, minor) <= NEWEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_were_are_taken_and_others_refused() {
        for text in ["1.0", "5.1-preview.1", "7", "7.0", "7.1-preview", "7.2-preview.2"] {
            assert!(is_known(text), "{text}");
        }
        for text in [
            "",
            ".",
            "0.9",
            "7.3",
            "8.0",
            "7.1.2",
            "+7.1",
            "7.1-",
            "7.1-beta",
            "7.1-previewer",
            "7.1-preview.",
            "7.1-preview.x",
            "x",
            "7,1",
        ] {
            assert!(!is_known(text), "{text}");
        }
    }

    #[test]
    fn the_query_goes_before_the_header() {
        let headers = |accept: &'static str| [(header::ACCEPT, accept)].into_iter().collect();
        let of = |query, accept| asked(query, &headers(accept)).ok().flatten();
        let accept = "text/html, application/json;q=0.5; API-Version=\"7.1-preview.1\"";
        assert_eq!(of(None, accept).as_deref(), Some("7.1-preview.1"));
        assert_eq!(of(Some("x=1&Api-Version=5.0"), accept).as_deref(), Some("5.0"));
        assert_eq!(of(Some("api-version="), "*/*"), None);
        assert!(
            asked(Some("api-version=9.0"), &headers("*/*"))
                .unwrap_err()
                .to_string()
                .contains("from 1.0 to 7.2")
        );
        assert!(asked(None, &headers("application/json;api-version=<>")).is_err());
    }
}
