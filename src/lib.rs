//! Edgefeed: package feeds at the edge.
//!
//! One Cloudflare Worker answers package clients on the URL shapes of Azure Artifacts. Arrows go one way:
//! `edge -> server -> protocol -> service -> store -> error -> platform -> model`; `ARCHITECTURE.md` draws the map.

#[cfg(target_arch = "wasm32")]
pub mod edge;
pub mod error;
pub mod model;
pub mod platform;
pub mod protocol;
pub mod server;
pub mod service;
pub mod store;
