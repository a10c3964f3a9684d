//! Nouns: the values every layer above speaks in, and the rules they carry.
//!
//! In scope: parsing, printing, ordering, and decisions that need nothing but their arguments.
//! Out of scope: anything asynchronous, anything that reads or writes, any protocol's wire format.

mod artifact;
mod credentials;
mod deed;
mod digest;
mod feed;
pub mod gzip;
pub mod json;
mod locator;
mod package;
mod permission;
mod principal;
mod protocol;
mod retention;
mod role;
mod secret;
mod slot;
mod sorted;
mod timestamp;
mod token;
mod tree;
mod upstream;
mod view;

pub use artifact::{ArtifactName, ArtifactRecord};
pub use credentials::{Credentials, Keyring, Opened, SealedCredentials};
pub use deed::{Deed, News, VersionChange};
pub use digest::{Algorithm, Digest, Hasher, InvalidDigest, Sha256State, hexadecimal};
pub use feed::{Feed, FeedId, FeedName, InvalidName, ListingMode, OrganizationName, ProjectName, guid_of};
pub use locator::{Address, FeedLocator, InvalidLocator};
pub use package::{PackageName, PackageSettings, UpstreamingBehavior, UpstreamingRule, Version};
pub use permission::{Identity, Permission};
pub use principal::{Authority, Principal};
pub use protocol::ProtocolId;
pub use retention::Retention;
pub use role::{Action, Role, Scope};
pub use secret::Secret;
pub use slot::{FirstPublished, ListingState, Origin, Remains, Slot, SlotState, SourceStep};
pub use sorted::{SortedMap, SortedSet};
pub use timestamp::Timestamp;
pub use token::{Grant, GrantTarget, Token, TokenHash, TokenText};
pub use tree::{InvalidPath, TreeFile, TreePath, arrange};
pub use upstream::{SourceHealth, SourceId, SourceKind, SourceStatus, UpstreamSource};
pub use view::{View, ViewName, Visibility};
