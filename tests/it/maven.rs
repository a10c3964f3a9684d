//! Maven's protocol: files, checksums, metadata, deploying, snapshots, under everything that holds for every protocol.

mod access;
mod deploying;
mod described;
mod managing;
mod metadata;
mod plugins;
mod saving;
mod snapshots;
pub(crate) mod support;
