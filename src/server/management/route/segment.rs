//! Reading what paths, queries and methods are made of.

use crate::error::{Error, Missing, Result};
use crate::model::{OrganizationName, ProjectName};
use http::Method;
use percent_encoding::percent_decode_str;

pub(in super::super) fn is(segment: &str, fixed: &str) -> bool {
    segment.eq_ignore_ascii_case(fixed)
}

pub(in super::super) fn short(text: &str) -> String {
    text.chars().take(160).collect()
}

pub(in super::super) fn decode(segment: &str) -> Result<String> {
    let invalid = |_| Error::Invalid("the path is not UTF-8 once percent-decoded".to_owned());
    Ok(percent_decode_str(segment).decode_utf8().map_err(invalid)?.into_owned())
}

pub(in super::super) fn organization_name(text: &str) -> Result<OrganizationName> {
    OrganizationName::parse(text).map_err(|_| Error::NotFound(Missing::Organization(short(text))).into())
}

pub(in super::super) fn project_name(text: &str) -> Result<ProjectName> {
    ProjectName::parse(text).map_err(|_| {
        Error::NotFound(Missing::Other(format!("project `{}` does not exist", short(text)))).into()
    })
}

/// The value of a query parameter, its name compared without case.
pub(in super::super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes())
        .find(|(key, value)| is(key, name) && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// A query parameter that is yes or no.
pub(in super::super) fn flag(query: Option<&str>, name: &str, absent: bool) -> bool {
    parameter(query, name).map_or(absent, |value| is(&value, "true"))
}

/// A query parameter that is a number, up to a limit.
pub(in super::super) fn number(
    query: Option<&str>,
    name: &str,
    absent: usize,
    limit: usize,
) -> Result<usize> {
    let Some(text) = parameter(query, name) else { return Ok(absent) };
    match text.parse() {
        Ok(number) if number <= limit => Ok(number),
        _ => {
            let text = format!("`{name}` is a number up to {limit}; for more go on with `continuationToken`");
            Err(Error::Invalid(text).into())
        }
    }
}

pub(in super::super) fn get<T>(method: &Method, endpoint: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(endpoint),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD" }.into()),
    }
}

pub(in super::super) fn post<T>(method: &Method, endpoint: T) -> Result<T> {
    if *method == Method::POST { Ok(endpoint) } else { Err(Error::MethodNotAllowed { allow: "POST" }.into()) }
}

pub(in super::super) fn collection<T>(method: &Method, list: T, create: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(list),
        Method::POST => Ok(create),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, POST" }.into()),
    }
}

pub(in super::super) fn resource<T>(method: &Method, get: T, patch: T, delete: T) -> Result<T> {
    match *method {
        Method::GET | Method::HEAD => Ok(get),
        Method::PATCH => Ok(patch),
        Method::DELETE => Ok(delete),
        _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, PATCH, DELETE" }.into()),
    }
}
