//! Project JSON: what the index shows of a project, in the shape of the older API, with what its newest version says of
//! itself.

use super::super::name;
use super::super::wire::accept::Wanted;
use super::super::wire::metadata::Metadata;
use super::super::wire::{Page, PageFile, ProjectDocument, ReleaseFile};
use super::read;
use crate::error::{Error, Missing, Result};
use crate::model::{Slot, Version};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, download, list};
use crate::store::index;
use flate2::read::GzDecoder;
use http::StatusCode;
use serde_json::{Map, Value};
use std::io::Read;

/// Bytes of a page that is read back.
const PAGE_LIMIT: u64 = 32 << 20;

/// Bytes of a metadata file that is read for project JSON.
const METADATA_LIMIT: usize = 4 << 20;

/// A version with its files.
struct Release {
    version: Version,
    order: pep440_rs::Version,
    files: Vec<PageFile>,
}

/// `GET /{name}/json` and `GET /{name}/{version}/json`.
pub(super) async fn document<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    wanted: Option<&Version>,
) -> Result<Answer<P>> {
    let releases = releases(package, page(context, package).await?);
    let chosen = match wanted {
        Some(version) => releases.iter().find(|release| release.version.key() == version.key()),
        None => newest(&releases),
    };
    let chosen = chosen.ok_or_else(|| match wanted {
        Some(version) => Error::NotFound(Missing::Version(package.to_string(), version.to_string())),
        None => Error::NotFound(Missing::Package(package.to_string())),
    })?;
    let stored = index::get(&context.platform, &context.path(package)).await?.map(|stored| stored.value);
    let slot = stored.as_ref().and_then(|index| index.slot(chosen.version.key()));
    let metadata = match slot.filter(|slot| slot.is_live() && context.shows(&slot.views)) {
        Some(slot) => metadata(context, package, slot).await,
        None => Metadata::default(),
    };
    let urls = print(package, &chosen.files);
    let all = releases.iter().map(|release| {
        let files = serde_json::to_value(print(package, &release.files)).unwrap_or_default();
        (release.version.as_str().to_owned(), files)
    });
    let document = ProjectDocument {
        info: info(context, package, chosen, metadata),
        last_serial: stored.as_ref().map_or(0, |index| index.sequence),
        releases: wanted.is_none().then(|| all.collect()),
        urls,
        vulnerabilities: [],
    };
    Answer::json(StatusCode::OK, &document)
}

/// What this caller is shown: decided in one place, and read back from there.
async fn page<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Page> {
    let rendered = list::listing(context, package, read::form(Wanted::Json)).await?;
    let limit = usize::try_from(rendered.info.size).unwrap_or(usize::MAX).saturating_add(1);
    let compressed = rendered.body.collect(limit).await?;
    let mut plain = Vec::new();
    let damaged = |reason: String| Error::Damaged { key: format!("page of {package}"), reason };
    let read = GzDecoder::new(&compressed[..]).take(PAGE_LIMIT).read_to_end(&mut plain);
    read.map_err(|error| damaged(error.to_string()))?;
    serde_json::from_slice(&plain).map_err(|error| damaged(error.to_string()))
}

fn releases(package: &Package, page: Page) -> Vec<Release> {
    let mut releases: Vec<Release> = Vec::new();
    for file in page.files {
        let Some(found) = name::parse_file(package, &file.filename) else { continue };
        // Pages have the files of a version side by side.
        match releases.last_mut() {
            Some(last) if last.version.key() == found.version.key() => last.files.push(file),
            _ => {
                let Some(order) = name::parse_pep440(found.version.as_str()) else { continue };
                releases.push(Release { version: found.version, order, files: vec![file] });
            }
        }
    }
    releases.sort_by(|one, other| one.order.cmp(&other.order));
    releases
}

/// The highest version that is stable and not withdrawn; if there is none such, the highest.
fn newest(releases: &[Release]) -> Option<&Release> {
    releases.iter().max_by_key(|release| {
        let withdrawn = release.files.iter().all(|file| file.yanked.reason().is_some());
        (!withdrawn, !release.order.any_prerelease(), &release.order)
    })
}

/// What a local version says of itself: in the metadata beside one of its wheels, or else in what was pushed with it.
async fn metadata<P: Platform>(context: &FeedContext<P>, package: &Package, slot: &Slot) -> Metadata {
    let file = slot.artifacts.iter().find(|artifact| artifact.name.as_str().ends_with(name::METADATA));
    if let (Some(file), Some(version)) = (file, name::parse_version(&slot.version))
        && let Ok(artifact) = download::artifact(context, package, &version, &file.name).await
        && let Ok(body) = artifact.open(None).await
        && let Ok(bytes) = body.collect(METADATA_LIMIT).await
    {
        return Metadata::parse(&String::from_utf8_lossy(&bytes));
    }
    let kept: Option<Map<String, Value>> = serde_json::from_str(slot.manifest.get()).ok();
    Metadata::from_kept(kept.unwrap_or_default())
}

fn info<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    release: &Release,
    metadata: Metadata,
) -> Map<String, Value> {
    let mut info = metadata.info();
    if info["name"] == "" {
        info.insert("name".to_owned(), Value::from(package.key()));
    }
    info.insert("version".to_owned(), Value::from(release.version.as_str()));
    let file = release.files.iter().find_map(|file| file.requires_python.as_deref());
    if let (true, Some(requires_python)) = (info["requires_python"].is_null(), file) {
        info.insert("requires_python".to_owned(), Value::from(requires_python));
    }
    let page = format!("{}simple/{}/", context.root, package.key());
    for member in ["package_url", "project_url", "release_url"] {
        info.insert(member.to_owned(), Value::from(page.as_str()));
    }
    let withdrawn = release.files.iter().all(|file| file.yanked.reason().is_some());
    let reason =
        release.files.iter().find_map(|file| file.yanked.reason()).filter(|reason| !reason.is_empty());
    info.insert("yanked".to_owned(), Value::from(withdrawn));
    info.insert("yanked_reason".to_owned(), reason.filter(|_| withdrawn).map_or(Value::Null, Value::from));
    info
}

fn print(package: &Package, files: &[PageFile]) -> Vec<ReleaseFile> {
    let wheel_tag =
        |file: &str| file.strip_suffix(".whl").and_then(|stem| stem.rsplit('-').nth(2)).map(str::to_owned);
    files
        .iter()
        .filter_map(|file| {
            let kind = name::parse_file(package, &file.filename)?.kind;
            let reason = file.yanked.reason();
            Some(ReleaseFile {
                filename: file.filename.clone(),
                url: file.url.clone(),
                packagetype: kind.form_name(),
                python_version: wheel_tag(&file.filename).unwrap_or_else(|| "source".to_owned()),
                requires_python: file.requires_python.clone(),
                size: file.size.unwrap_or_default(),
                digests: file.hashes.clone(),
                upload_time_iso_8601: file.upload_time.clone(),
                upload_time: file
                    .upload_time
                    .as_deref()
                    .map(|time| time.split(['.', 'Z']).next().unwrap_or_default().to_owned()),
                yanked: reason.is_some(),
                yanked_reason: reason.filter(|reason| !reason.is_empty()).map(str::to_owned),
                has_sig: false,
                comment_text: "",
            })
        })
        .collect()
}
