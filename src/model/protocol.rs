//! Which ecosystem a package belongs to.

use serde::Serialize;

/// A protocol, by the path segment it answers on. Opaque here: the list of protocols is `protocol/mod.rs`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProtocolId(&'static str);

impl ProtocolId {
    /// Names a protocol; `segment` is lower case and stands in stored keys for ever.
    pub const fn new(segment: &'static str) -> Self {
        Self(segment)
    }

    /// The segment, as stored.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for ProtocolId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}
