//! Cargo's protocol: index, downloads, publishing, under everything that holds for every protocol.

mod access;
mod described;
mod indexes;
mod publishing;
mod saving;
pub(crate) mod support;
mod upstreams;
