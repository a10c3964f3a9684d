//! Routes of uploads in parts: `/{org}[/{project}]/_packaging/{feed}/uploads/...`, beside the roots of the protocols.

use super::{parameter, post};
use crate::error::{Error, Result};
use http::Method;

/// What can be done with uploads in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum UploadOperation {
    /// Begin one.
    Begin,
    /// How far one came.
    Get(String),
    /// Send a part of one.
    Put {
        /// The upload.
        id: String,
        /// Which part, from 1.
        part: u64,
    },
    /// Give one up.
    Abandon(String),
}

impl UploadOperation {
    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Begin => "begin-upload",
            Self::Get(_) => "get-upload",
            Self::Put { .. } => "put-part",
            Self::Abandon(_) => "abandon-upload",
        }
    }
}

/// Reads what comes after `uploads`.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<UploadOperation> {
    let [id] = rest else {
        return if rest.is_empty() {
            post(method, UploadOperation::Begin)
        } else {
            Err(Error::no_endpoint().into())
        };
    };
    let id = (*id).to_owned();
    Ok(match *method {
        Method::GET | Method::HEAD => UploadOperation::Get(id),
        Method::DELETE => UploadOperation::Abandon(id),
        Method::PUT => {
            let part = parameter(query, "part").and_then(|part| part.parse().ok());
            let missing = || Error::Invalid("which part this is says `?part=`, from 1".to_owned());
            UploadOperation::Put { id, part: part.ok_or_else(missing)? }
        }
        _ => return Err(Error::MethodNotAllowed { allow: "GET, HEAD, PUT, DELETE" }.into()),
    })
}
