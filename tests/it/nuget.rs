//! NuGet's protocols: v3 and OData, publishing, saving, under everything that holds for every protocol.

mod access;
mod described;
mod documents;
mod odata;
mod publishing;
mod saving;
mod searching;
pub(crate) mod support;
mod upstreams;
