//! Routes of packages of every protocol, by their ids: `.../feeds/{feed}/packages/...`, `.../RecycleBin/packages/...`.

use super::{flag, get, is, number, parameter, post};
use crate::error::{Error, Result};
use crate::model::{Action, ProtocolId};
use crate::protocol;
use http::Method;

/// What the paths begin with.
pub(super) const WORDS: [&str; 3] = ["packages", "packagemetricsbatch", "RecycleBin"];

/// As in Azure Artifacts, as far as a page goes.
const TOP: usize = 100;
const TOP_LIMIT: usize = 500;
const SKIP_LIMIT: usize = 10_000;

/// What can be done with packages by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum CatalogOperation {
    /// A page of packages.
    ListPackages(PackagesQuery),
    /// A page of packages with versions in the recycle bin.
    ListBin(PackagesQuery),
    /// Drop what is in the recycle bin for ever.
    EmptyBin,
    /// Downloads of packages.
    PackageMetrics,
    /// Downloads of versions of a package.
    VersionMetrics(String),
    /// Something about the package of that id.
    Ask(String, Question, PackagesQuery),
}

/// What can be asked about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Question {
    /// The package.
    Package,
    /// Its versions.
    Versions,
    /// A version.
    Version(String),
    /// How a version got here.
    Provenance(String),
    /// The package, with its versions in the recycle bin.
    BinPackage,
    /// Its versions in the recycle bin.
    BinVersions,
    /// One of those.
    BinVersion(String),
}

impl Question {
    /// Is it about the recycle bin?
    pub(in super::super) const fn is_about_bin(&self) -> bool {
        matches!(self, Self::BinPackage | Self::BinVersions | Self::BinVersion(_))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Package => "get-package",
            Self::Versions => "list-package-versions",
            Self::Version(_) => "get-package-version",
            Self::Provenance(_) => "get-provenance",
            Self::BinPackage => "get-bin-package",
            Self::BinVersions => "list-bin-versions",
            Self::BinVersion(_) => "get-bin-version",
        }
    }
}

/// What of packages and their versions is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "parameters of the REST surface, each with a meaning of its own"
)]
pub(in super::super) struct PackagesQuery {
    /// Of one protocol only.
    pub(in super::super) protocol: Option<ProtocolId>,
    /// With this in their name.
    pub(in super::super) name: Option<String>,
    /// Of this name.
    pub(in super::super) normalized_name: Option<String>,
    /// With addresses?
    pub(in super::super) urls: bool,
    /// All versions, as opposed to the latest?
    pub(in super::super) all_versions: bool,
    /// Do `$top` and `$skip` count versions of each package, as opposed to packages?
    pub(in super::super) counts_versions: bool,
    /// Listed versions only, or the others.
    pub(in super::super) listed: Option<bool>,
    /// Released versions only, or the others.
    pub(in super::super) released: Option<bool>,
    /// With descriptions?
    pub(in super::super) description: bool,
    /// With deleted versions, where packages are asked for?
    pub(in super::super) with_deleted: bool,
    /// Deleted versions only, or the others, where versions are asked for.
    pub(in super::super) deleted: Option<bool>,
    /// Saved versions only, or the others.
    pub(in super::super) cached: Option<bool>,
    /// Saved from that source only.
    pub(in super::super) source: Option<String>,
    /// At most so many.
    pub(in super::super) top: usize,
    /// So many are passed over.
    pub(in super::super) skip: usize,
    /// Where the page before stopped.
    pub(in super::super) continuation: Option<String>,
}

impl PackagesQuery {
    fn read(query: Option<&str>) -> Result<Self> {
        let text = |name: &str| parameter(query, name);
        let optional = |name: &str| text(name).map(|value| is(&value, "true"));
        Ok(Self {
            protocol: text("protocolType").map(|name| known(&name)).transpose()?,
            name: text("packageNameQuery").map(|name| name.to_lowercase()),
            normalized_name: text("normalizedPackageName"),
            urls: flag(query, "includeUrls", true),
            all_versions: flag(query, "includeAllVersions", false),
            counts_versions: flag(query, "getTopPackageVersions", false),
            listed: optional("isListed"),
            released: optional("isRelease"),
            description: flag(query, "includeDescription", false),
            with_deleted: flag(query, "includeDeleted", false),
            deleted: optional("isDeleted"),
            cached: optional("isCached"),
            source: text("directUpstreamId"),
            top: number(query, "$top", TOP, TOP_LIMIT)?,
            skip: number(query, "$skip", 0, SKIP_LIMIT)?,
            continuation: text("continuationToken"),
        })
    }
}

/// The protocol of that name.
pub(in super::super) fn known(name: &str) -> Result<ProtocolId> {
    let id = protocol::ecosystem(name).map(crate::service::Ecosystem::protocol);
    id.ok_or_else(|| {
        let names = protocol::PROTOCOLS.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ");
        Error::Invalid(format!("`protocolType` is one of {names}"))
    })
    .map_err(Box::new)
}

impl CatalogOperation {
    /// The right it needs.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::ListPackages(_)
            | Self::ListBin(_)
            | Self::PackageMetrics
            | Self::VersionMetrics(_)
            | Self::Ask(..) => Action::Read,
            Self::EmptyBin => Action::Delete,
        }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::ListPackages(_) => "list-packages",
            Self::ListBin(_) => "list-bin",
            Self::EmptyBin => "empty-bin",
            Self::PackageMetrics => "package-metrics",
            Self::VersionMetrics(_) => "version-metrics",
            Self::Ask(_, question, _) => question.name(),
        }
    }
}

/// Reads what comes after the feed.
pub(super) fn route(method: &Method, rest: &[&str], query: Option<&str>) -> Result<CatalogOperation> {
    let wanted = PackagesQuery::read(query)?;
    match rest {
        [metrics] if is(metrics, WORDS[1]) => post(method, CatalogOperation::PackageMetrics),
        [bin, rest @ ..] if is(bin, WORDS[2]) => bin_route(method, rest, wanted),
        [_] => get(method, CatalogOperation::ListPackages(wanted)),
        [_, id, metrics] if is(metrics, "versionmetricsbatch") => {
            post(method, CatalogOperation::VersionMetrics((*id).to_owned()))
        }
        [_, id, rest @ ..] => {
            let question = match rest {
                [] => Question::Package,
                [versions] if is(versions, "versions") => Question::Versions,
                [versions, version] if is(versions, "versions") => Question::Version((*version).to_owned()),
                [versions, version, provenance]
                    if is(versions, "versions") && is(provenance, "provenance") =>
                {
                    Question::Provenance((*version).to_owned())
                }
                _ => return Err(Error::no_endpoint().into()),
            };
            get(method, CatalogOperation::Ask((*id).to_owned(), question, wanted))
        }
        [] => Err(Error::no_endpoint().into()),
    }
}

fn bin_route(method: &Method, rest: &[&str], wanted: PackagesQuery) -> Result<CatalogOperation> {
    match rest {
        [packages] if is(packages, WORDS[0]) => match *method {
            Method::GET | Method::HEAD => Ok(CatalogOperation::ListBin(wanted)),
            Method::DELETE => Ok(CatalogOperation::EmptyBin),
            _ => Err(Error::MethodNotAllowed { allow: "GET, HEAD, DELETE" }.into()),
        },
        [packages, id, rest @ ..] if is(packages, WORDS[0]) => {
            let question = match rest {
                [] => Question::BinPackage,
                [versions] if is(versions, "versions") => Question::BinVersions,
                [versions, version] if is(versions, "versions") => {
                    Question::BinVersion((*version).to_owned())
                }
                _ => return Err(Error::no_endpoint().into()),
            };
            get(method, CatalogOperation::Ask((*id).to_owned(), question, wanted))
        }
        _ => Err(Error::no_endpoint().into()),
    }
}
