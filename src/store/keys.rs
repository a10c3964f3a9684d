//! The whole key space. Nothing else spells a key.
//!
//! ```text
//! R2  v1/organizations/{org}.json                         organization, global permissions               CAS
//!     v1/organizations/{org}/tokens/{token-id}            -> hash of the token                           create-only
//!     v1/organizations/{org}/used/{token-id}              when the token was last used, to the hour      overwritten
//!     v1/names/{org}/[{project}/]{feed-name}              -> feed id                                     create-only, or CAS once released
//!     v1/feeds/{feed-id}.json                             feed: settings, views, upstream sources        CAS
//!     v1/tokens/{sha256}                                  token                                          CAS
//!     v1/pkg/{feed-id}/{protocol}/{package}/files/{version}/{artifact}   bytes                           create-only
//!     v1/pkg/{feed-id}/{protocol}/{package}/slots/{version}              slot; its creation is the commit CAS, never removed
//!     v1/pkg/{feed-id}/{protocol}/{package}/index.json                   all slots; derived, rebuildable CAS
//!     v1/pkg/{feed-id}/{protocol}/{package}/package.json                 behavior and tags               CAS
//!     v1/pkg/{feed-id}/{protocol}/{package}/marks/{name}                 small facts a protocol keeps    overwritten, claimed, or CAS
//!     v1/pkg/{feed-id}/{protocol}/{package}/downloads.json               how often, by how many, when    CAS
//!     v1/pkg/{feed-id}/{protocol}/{package}/contents/{sha256}            bytes that manifests name           create-only
//!     v1/drafts/{feed-id}/{protocol}/{package}/{version}/{sha256}        a file of a version to come     overwritten
//!     v1/leavings/{feed-id}/{protocol}/{package}/{time}-{random}         contents perhaps nobody needs   CAS
//!     v1/catalog/{feed-id}/{protocol}/{package}           the feed has this package                      create-only
//!     v1/ids/{feed-id}/{package-id}                       -> protocol and package                        create-only
//!     v1/usage/{batch}                                    downloads an isolate counted: for cron         written once
//!     v1/upstream/{source-id}/{protocol}/{package}/{form}                last good upstream listing      overwritten
//!     v1/health/{source-id}                               how the source is doing                        overwritten
//!     v1/repair/{feed-id}/{protocol}/{package}/{version}  its index may lack this slot: for cron         overwritten
//!     v1/bin/{feed-id}/{protocol}/{package}/{version}     in the recycle bin: for cron's purge           overwritten
//!     v1/dropped/{feed-id}/{protocol}/{package}/{version} dropped, its bytes are to be removed: for cron overwritten
//!     v1/expiry/{time}/{feed-id}                          then a feed's time in the bin, or its removal, is due: for cron  created once
//!     v1/emptying/{feed-id}/{time}                        its recycle bin is to be emptied: for cron         overwritten
//!     v1/placed/{feed-id}/{time}-{random}                 bytes of a large file, in a place of its own   written once
//!     v1/staging/{time}-{random}/{feed-id}[/fate]         such a place was taken, and for which slot     create-only, for eight days
//!     v1/uploads/{feed-id}/{time}-{random}                an upload in parts, for seven days             CAS
//!     v1/log/{feed-id}/{time}-{random}                    what was done to a feed                        appended, kept a year
//!     v1/log/@{org}/{time}-{random}                       what was done in an organization               appended, kept a year
//!     v1/housekeeping/{task}                              how far cron came                              overwritten
//!     v1/retention/{feed-id}                              has a retention policy; how far its run came   overwritten
//!     v1/published/{feed-id}/{protocol}/{package}         some version of it was published here          create-only
//!     v1/stars/{feed-id}/{protocol}/{sha256}/{package}    the package is a favourite of that user        create-only
//!     v1/sessions/{feed-id}/{session}                     what is said of versions published through it     create-only
//!     v1/withdrawals/{feed-id}                            until when versions may be withdrawn           CAS
//! KV  r1/{sha256}                                         rendered listing
//!     p1/{sha256}                                         passed through from an upstream source
//! ```
//!
//! Names are percent-encoded, all but `A-Z a-z 0-9 - _ . + ~ @`, so that `/` separates and nothing else; a name that is
//! only dots has them encoded too.

mod contents;
mod log;
mod notes;
mod parse;
mod uploads;

pub use contents::*;
pub use log::*;
pub use notes::*;
pub use parse::*;
pub use uploads::*;

use crate::model::{
    ArtifactName, Digest, FeedId, FeedName, OrganizationName, PackageName, ProjectName, ProtocolId, SourceId,
    TokenHash, Version, guid_of,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'+').remove(b'~').remove(b'@');

fn segment(name: &str) -> String {
    if name.bytes().all(|byte| byte == b'.') {
        return "%2E".repeat(name.len());
    }
    utf8_percent_encode(name, ENCODED).to_string()
}

/// An organization.
pub fn organization(name: &OrganizationName) -> String {
    format!("v1/organizations/{}.json", segment(&name.key()))
}

/// From a token's public id to its hash.
pub fn token_id(organization: &OrganizationName, id: &str) -> String {
    format!("{}{}", token_ids(organization), segment(id))
}

/// All token ids of an organization.
pub fn token_ids(organization: &OrganizationName) -> String {
    format!("v1/organizations/{}/tokens/", segment(&organization.key()))
}

/// When a token was last used.
pub fn token_use(organization: &OrganizationName, id: &str) -> String {
    format!("v1/organizations/{}/used/{}", segment(&organization.key()), segment(id))
}

/// A token.
pub fn token(hash: &TokenHash) -> String {
    format!("v1/tokens/{}", hash.as_str())
}

/// A feed by name.
pub fn feed_name(organization: &OrganizationName, project: Option<&ProjectName>, feed: &FeedName) -> String {
    format!("{}{}", feed_names(organization, project), segment(&feed.key()))
}

/// All feed names of a project; without a project, all of an organization.
pub fn feed_names(organization: &OrganizationName, project: Option<&ProjectName>) -> String {
    let organization = segment(&organization.key());
    match project {
        Some(project) => format!("v1/names/{organization}/{}/", segment(&project.key())),
        None => format!("v1/names/{organization}/"),
    }
}

/// A feed.
pub fn feed(id: &FeedId) -> String {
    format!("v1/feeds/{}.json", id.as_str())
}

/// Until when versions of a feed may be withdrawn.
pub fn withdrawals(id: &FeedId) -> String {
    format!("v1/withdrawals/{}", id.as_str())
}

/// A provenance session.
pub fn session(feed: &FeedId, id: &str) -> String {
    format!("v1/sessions/{}/{}", feed.as_str(), segment(id))
}

/// All notes of what becomes of deleted feeds, the earliest first.
pub const EXPIRIES: &str = "v1/expiry/";

/// All there is of a feed and its sources beside the feed's own record: what is removed with it. Notes for cron come first, so
/// that nothing is rebuilt meanwhile.
pub fn below_feed(feed: &FeedId, sources: &[&SourceId]) -> Vec<String> {
    let kinds = [
        "repair",
        "emptying",
        "dropped",
        "bin",
        "drafts",
        "leavings",
        "ids",
        "catalog",
        "published",
        "stars",
        "sessions",
        "uploads",
        "placed",
        "pkg",
        "log",
    ];
    let own = kinds.iter().map(|kind| format!("v1/{kind}/{}/", feed.as_str()));
    own.chain(sources.iter().map(|source| format!("v1/upstream/{}/", source.as_str()))).collect()
}

/// How a source is doing.
pub fn health(source: &SourceId) -> String {
    format!("v1/health/{}", source.as_str())
}

/// All bytes in places of their own.
const PLACED: &str = "v1/placed/";

/// All places of their own that were taken of late.
pub const STAGING: &str = "v1/staging/";

/// All records of uploads in parts.
pub const UPLOADS: &str = "v1/uploads/";

/// All batches of counted downloads.
pub const USAGE: &str = "v1/usage/";

/// All slots that indexes may lack.
pub const REPAIRS: &str = "v1/repair/";

/// All packages.
pub const CATALOG: &str = "v1/catalog/";

/// All feeds whose recycle bins are to be emptied.
pub const EMPTYING: &str = "v1/emptying/";

/// KV: an answer passed through. The feed's sequence is part of it, so that other sources are asked anew.
pub fn passed(feed: &FeedId, sequence: u64, protocol: ProtocolId, question: &str) -> String {
    let text = format!("{} {sequence} {protocol}\n{question}", feed.as_str());
    format!("p1/{}", Digest::sha256(text.as_bytes()).hex())
}

/// All packages of one protocol that were ever published to a feed.
pub fn published(feed: &FeedId, protocol: ProtocolId) -> String {
    format!("{PUBLISHED}{}/{}/", feed.as_str(), protocol.as_str())
}

const PUBLISHED: &str = "v1/published/";

/// All packages of one protocol in a feed.
pub fn catalog(feed: &FeedId, protocol: ProtocolId) -> String {
    format!("{CATALOG}{}/{}/", feed.as_str(), protocol.as_str())
}

/// From a package's id to its place.
pub fn package_of_id(feed: &FeedId, id: &str) -> String {
    format!("v1/ids/{}/{}", feed.as_str(), segment(id))
}

/// All favourites of a user among the packages of one protocol in a feed.
pub fn stars(feed: &FeedId, protocol: ProtocolId, user: &str) -> String {
    star_prefix(feed, protocol.as_str(), user)
}

fn star_prefix(feed: &FeedId, protocol: &str, user: &str) -> String {
    // A user's name may be longer, once encoded, than a key.
    let user = Digest::sha256(user.as_bytes()).hex();
    format!("v1/stars/{}/{protocol}/{user}/", feed.as_str())
}

/// All logs.
pub const LOGS: &str = "v1/log/";

/// Feeds that have a retention policy, and how far its run came.
pub const RETENTIONS: &str = "v1/retention/";

/// How far cron came.
const CURSORS: &str = "v1/housekeeping/";

/// All versions that were dropped and whose bytes are to be removed.
pub const DROPPED: &str = "v1/dropped/";

/// Everything in recycle bins.
pub const BINS: &str = "v1/bin/";

/// Where the edge cache keeps what has that key: a URL that is never sent anywhere. A file's bytes never change once its slot
/// was live, and the slot is asked before every answer, so nothing ever needs to be evicted.
pub fn cached(key: &str) -> String {
    format!("https://edge-cache.invalid/{key}")
}

/// All files of versions that are not committed yet.
pub const DRAFTS: &str = "v1/drafts/";

/// All notes of contents that perhaps no version needs any more.
pub const LEAVINGS: &str = "v1/leavings/";

/// What packages consist of.
const PACKAGES: &str = "v1/pkg/";

/// A package's place in a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagePath {
    feed: FeedId,
    protocol: String,
    package: String,
}

impl PackagePath {
    /// The place of a package.
    pub fn new(feed: &FeedId, protocol: ProtocolId, package: &PackageName) -> Self {
        Self { feed: feed.clone(), protocol: protocol.as_str().to_owned(), package: segment(package.key()) }
    }

    /// Reads `{prefix}{feed-id}/{protocol}/{package}[/{rest}]` back, as found by listing a prefix.
    pub fn parse_after<'a>(prefix: &str, key: &'a str) -> Option<(Self, &'a str)> {
        let mut parts = key.strip_prefix(prefix)?.splitn(4, '/');
        let feed = FeedId::parse(parts.next()?)?;
        let (protocol, package) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some((Self { feed, protocol, package }, parts.next().unwrap_or_default()))
    }

    /// The protocol, as stored.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The package's key, as its protocol compares names.
    pub fn package_key(&self) -> String {
        percent_encoding::percent_decode_str(&self.package).decode_utf8_lossy().into_owned()
    }

    /// The feed.
    pub fn feed(&self) -> &FeedId {
        &self.feed
    }

    /// `{feed-id}/{protocol}/{package}`, which [`Self::parse_after`] reads back.
    pub fn place(&self) -> String {
        self.below("")
    }

    fn below(&self, prefix: &str) -> String {
        format!("{prefix}{}/{}/{}", self.feed.as_str(), self.protocol, self.package)
    }

    /// A version's slot.
    pub fn slot(&self, version: &Version) -> String {
        self.slot_of_key(version.key())
    }

    /// The slot of a version given by its key.
    pub fn slot_of_key(&self, version_key: &str) -> String {
        format!("{}{}", self.slots(), segment(version_key))
    }

    /// All slots.
    pub fn slots(&self) -> String {
        self.below(PACKAGES) + "/slots/"
    }

    /// A file's bytes under its name.
    pub fn file(&self, version_key: &str, artifact: &ArtifactName) -> String {
        format!("{}/files/{}/{}", self.below(PACKAGES), segment(version_key), segment(artifact.as_str()))
    }

    /// The index.
    pub fn index(&self) -> String {
        self.below(PACKAGES) + "/index.json"
    }

    /// Behavior and tags.
    pub fn settings(&self) -> String {
        self.below(PACKAGES) + "/package.json"
    }

    /// How often its versions were downloaded.
    pub fn downloads(&self) -> String {
        self.below(PACKAGES) + "/downloads.json"
    }

    /// A small fact a protocol keeps about a package, such as an attestation of one of its versions.
    pub fn mark(&self, name: &str) -> String {
        format!("{}/marks/{}", self.below(PACKAGES), segment(name))
    }

    /// The note that the package is a favourite of that user.
    pub fn star(&self, user: &str) -> String {
        star_prefix(&self.feed, &self.protocol, user) + &self.package
    }

    /// The note that the index may lack the slot of a version.
    pub fn repair(&self, version_key: &str) -> String {
        format!("{}/{}", self.below(REPAIRS), segment(version_key))
    }

    /// The note that a version is in the recycle bin.
    pub fn bin(&self, version_key: &str) -> String {
        format!("{}/{}", self.below(BINS), segment(version_key))
    }

    /// The note that a version was dropped and its bytes are to be removed.
    pub fn dropped(&self, version_key: &str) -> String {
        format!("{}/{}", self.below(DROPPED), segment(version_key))
    }

    /// The note that a version of this package was published here.
    pub fn published(&self) -> String {
        self.below(PUBLISHED)
    }

    /// All notes of that kind beside it.
    pub fn all_published(&self) -> String {
        format!("{PUBLISHED}{}/{}/", self.feed.as_str(), self.protocol)
    }

    /// The note that the feed has this package.
    pub fn catalog(&self) -> String {
        self.below(CATALOG)
    }

    /// The package's id: Azure gives every package a GUID; ours follows from its place.
    pub fn package_id(&self) -> String {
        guid_of(&self.place())
    }

    /// A version's id, which follows from the place of its slot.
    pub fn version_id(&self, version_key: &str) -> String {
        guid_of(&self.slot_of_key(version_key))
    }

    /// Where the package is found by its id.
    pub fn id(&self) -> String {
        package_of_id(&self.feed, &self.package_id())
    }

    /// What an upstream source last said of this package.
    pub fn upstream(&self, source: &SourceId, form: &str) -> String {
        format!("v1/upstream/{}/{}/{}/{form}", source.as_str(), self.protocol, self.package)
    }

    /// KV: a rendered listing. KV keys have at most 512 bytes, hence the hash.
    pub fn rendered(&self, variant: &str) -> String {
        let text = format!("{}\n{variant}", self.below(""));
        format!("r1/{}", Digest::sha256(text.as_bytes()).hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(package: &str) -> PackagePath {
        let feed = FeedId::from_random([0; 16]);
        PackagePath::new(&feed, ProtocolId::new("any"), &PackageName::new(package, package))
    }

    #[test]
    fn keys_are_these_for_ever() {
        let version = Version::new("1.0.0", "1.0.0");
        let file = ArtifactName::parse("a b-1.0.0.tgz").unwrap();
        let package = path("@scope/name");
        let base = "v1/pkg/00000000-0000-4000-8000-000000000000/any/@scope%2Fname";
        assert_eq!(package.slot(&version), format!("{base}/slots/1.0.0"));
        assert_eq!(package.file("1.0.0", &file), format!("{base}/files/1.0.0/a%20b-1.0.0.tgz"));
        assert_eq!(package.index(), format!("{base}/index.json"));
        let organization_name = OrganizationName::parse("Acme").unwrap();
        assert_eq!(organization(&organization_name), "v1/organizations/acme.json");
        assert!(package.rendered("x").len() < 512);
    }

    #[test]
    fn no_name_leaves_its_place() {
        for name in ["..", ".", "a/../b", "a%2fb", "\0"] {
            let key = path(name).index();
            assert_eq!(key.split('/').count(), 6, "{key}");
            assert!(!key.split('/').any(|part| part == ".." || part == "."), "{key}");
        }
        assert_ne!(path("a%2Fb").index(), path("a/b").index());
    }

    #[test]
    fn a_listed_key_reads_back() {
        let package = path("@scope/name");
        let key = package.bin("1.0.0+x");
        assert_eq!(PackagePath::parse_after(BINS, &key), Some((package, "1.0.0+x")));
        assert_eq!(PackagePath::parse_after(BINS, "v1/bin/nonsense"), None);
    }
}
