//! Verbs: what can be done with a feed. Asynchronous, generic over the platform, without HTTP statuses or wire formats.
//!
//! What differs by ecosystem comes in with the [`Package`], as an [`Ecosystem`]; nothing here names a protocol.

pub mod catalog;
mod claim;
pub mod contents;
mod copy;
pub mod decide;
pub mod delete;
pub mod description;
mod document;
pub mod download;
pub mod drafts;
mod dropping;
mod ecosystem;
pub mod feed_bin;
mod fetch;
pub mod hash;
pub mod housekeeping;
pub mod json_splitter;
mod kept;
pub mod leavings;
pub mod list;
pub mod log;
pub mod multipart;
mod neighbours;
pub mod offers;
mod open;
pub mod pack;
mod policy;
pub mod probe;
pub mod promote;
pub mod publish;
pub mod refresh;
mod registry;
pub mod relist;
mod resolve;
pub mod retain;
pub mod retire;
mod save;
pub mod search;
pub mod session;
pub mod stage;
pub mod stars;
pub mod tags;
pub mod tar;
pub mod tokens;
pub mod tree;
pub mod uploads;
mod upstream;
pub mod xml;
pub mod zip;

pub use ecosystem::{
    Ecosystem, Ecosystems, Form, Listed, ListedFile, ListingDecoder, ListingRenderer, Package, Registry,
    Summary, UpstreamForm,
};
pub use fetch::{is_confidential, permitted as permitted_address, upstream_get};
pub use neighbours::{internal_marks, is_internally_offered, neighbour};
pub use open::{
    FeedContext, Settings, Trace, authorize, authorize_settings, enter, open, open_deleted, refused_login,
};
pub use registry::ask_first;

#[cfg(test)]
mod tests;
