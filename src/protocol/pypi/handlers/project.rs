//! [Project JSON](https://docs.pypi.org/api/json/): what the index shows of a project, in the shape of the older API, with
//! what its newest version says of itself.

use super::super::name;
use super::super::wire::accept::Wanted;
use super::super::wire::metadata::Metadata;
use super::super::wire::{take_text, take_yanked};
use super::read;
use crate::error::{Error, Missing, Result};
use crate::model::{Slot, Version, gzip, json};
use crate::platform::Platform;
use crate::protocol::Answer;
use crate::service::{FeedContext, Package, download, list};
use crate::store::index;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::io::Read;

/// Bytes of a page that is read back.
const PAGE_LIMIT: u64 = 32 << 20;

/// Bytes of a metadata file that is read for project JSON.
const METADATA_LIMIT: usize = 4 << 20;

/// A file of a page.
struct PageFile {
    name: String,
    kind: &'static str,
    requires_python: Option<String>,
    upload_time: Option<String>,
    yanked: Option<String>,
    /// What is printed as the page has it.
    members: Map<String, Value>,
}

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
    let mut document = json!({
        "info": info(context, package, chosen, metadata),
        "last_serial": stored.as_ref().map_or(0, |index| index.sequence),
        "urls": print(&chosen.files),
        "vulnerabilities": [],
    });
    if wanted.is_none() {
        let all = releases.iter().map(|release| (release.version.as_str().to_owned(), print(&release.files)));
        document["releases"] = Value::Object(all.collect());
    }
    Answer::json(StatusCode::OK, &document)
}

/// What this caller is shown: decided in one place, and read back from there.
async fn page<P: Platform>(context: &FeedContext<P>, package: &Package) -> Result<Vec<Map<String, Value>>> {
    let rendered = list::listing(context, package, read::form(Wanted::Json)).await?;
    let compressed = rendered.collect().await?;
    let mut plain = Vec::new();
    let damaged = |reason: String| Error::Damaged { key: format!("page of {package}"), reason };
    let read = gzip::Reader::new(compressed).take(PAGE_LIMIT).read_to_end(&mut plain);
    read.map_err(|error| damaged(error.to_string()))?;
    let page: Map<String, Value> = json::read(&plain).map_err(|error| damaged(error.to_string()))?;
    let Some(Value::Array(files)) =
        page.into_iter().find(|(name, _)| name == "files").map(|(_, files)| files)
    else {
        return Err(damaged("it has no files".to_owned()).into());
    };
    Ok(files
        .into_iter()
        .filter_map(|file| if let Value::Object(file) = file { Some(file) } else { None })
        .collect())
}

fn releases(package: &Package, page: Vec<Map<String, Value>>) -> Vec<Release> {
    let mut releases: Vec<Release> = Vec::new();
    for mut members in page {
        let Some(name) = take_text(&mut members, "filename") else { continue };
        let Some(found) = name::parse_file(package, &name) else { continue };
        let file = PageFile {
            kind: found.kind.form_name(),
            requires_python: take_text(&mut members, "requires-python"),
            upload_time: take_text(&mut members, "upload-time"),
            yanked: take_yanked(&mut members),
            name,
            members,
        };
        // Pages have the files of a version side by side.
        match releases.last_mut() {
            Some(last) if last.version.key() == found.version.key() => last.files.push(file),
            _ => {
                let Some(order) = name::parse_pep440(found.version.as_str()) else { continue };
                releases.push(Release { version: found.version, order, files: vec![file] });
            }
        }
    }
    releases
}

/// The highest version that is stable and not withdrawn; if there is none such, the highest.
fn newest(releases: &[Release]) -> Option<&Release> {
    releases.iter().max_by_key(|release| {
        let withdrawn = release.files.iter().all(|file| file.yanked.is_some());
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
    let kept: Option<Map<String, Value>> = json::read(slot.manifest.get().as_bytes()).ok();
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
    let withdrawn = release.files.iter().all(|file| file.yanked.is_some());
    let reason =
        release.files.iter().find_map(|file| file.yanked.as_deref()).filter(|reason| !reason.is_empty());
    info.insert("yanked".to_owned(), Value::from(withdrawn));
    info.insert("yanked_reason".to_owned(), reason.filter(|_| withdrawn).map_or(Value::Null, Value::from));
    info
}

fn print(files: &[PageFile]) -> Value {
    let print = |file: &PageFile| {
        let tag = file.name.strip_suffix(".whl").and_then(|stem| stem.rsplit('-').nth(2));
        let time = file.upload_time.as_deref();
        json!({
            "filename": file.name,
            "url": file.members.get("url"),
            "packagetype": file.kind,
            "python_version": tag.unwrap_or("source"),
            "requires_python": file.requires_python,
            "size": file.members.get("size").and_then(Value::as_u64).unwrap_or_default(),
            "digests": file.members.get("hashes"),
            "upload_time_iso_8601": time,
            "upload_time": time.map(|time| time.split(['.', 'Z']).next().unwrap_or_default()),
            "yanked": file.yanked.is_some(),
            "yanked_reason": file.yanked.as_deref().filter(|reason| !reason.is_empty()),
            "has_sig": false,
            "comment_text": "",
        })
    };
    files.iter().map(print).collect()
}
