//! `PUT N`: publishing, deprecating; favourites go on to `stars.rs`.

use super::super::wire::{Accepted, PublishDocument};
use super::super::{listing, name, upstream};
use super::archive::Identity;
use super::receive::{self, Received};
use crate::error::{Error, Missing, Result};
use crate::model::{ListingState, Version, json};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::stage::Staged;
use crate::service::{FeedContext, Package, relist};
use crate::store::{index, packages};
use http::StatusCode;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Bytes of one manifest, as for Azure Artifacts.
const MANIFEST_LIMIT: usize = 375 << 10;

/// The provenance predicate npm asks for.
const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// What the body says decides what is meant.
pub(super) async fn put<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    body: Body,
) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let received = receive::receive(context, body).await?;
    let named = received.document.name.as_ref().or(received.document.id.as_ref());
    if named.is_some_and(|name| name != package.as_str()) {
        discard(context, received.archive).await;
        return Err(Error::Invalid(format!(
            "the address is `{package}`'s, the document is another package's"
        ))
        .into());
    }
    if received.archive.is_some() {
        return push(context, package, received).await;
    }
    if !received.document.versions.is_empty() {
        return deprecate(context, package, &received.document).await;
    }
    if let Some(users) = &received.document.users {
        return super::stars::put(context, package, users).await;
    }
    Err(Error::Invalid("the document has no tarball attached, nor versions to change".to_owned()).into())
}

async fn discard<P: Platform>(context: &FeedContext<P>, archive: Option<(String, Staged)>) {
    if let Some((_, staged)) = archive {
        // What cannot be discarded now is swept by the housekeeping.
        let _ = staged.discard(&context.platform).await;
    }
}

async fn push<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    received: Received,
) -> Result<Answer<P>> {
    let Received { document, archive, identity, attestation } = received;
    let Some((file, content)) = archive else { return Err(Error::no_endpoint().into()) };
    let checked = check(package, &document, &file, &content, attestation.is_some());
    let checked = checked.and_then(|checked| same_package(identity, package, &checked.0).map(|()| checked));
    let (version, manifest, tags) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            discard(context, Some((file, content))).await;
            return Err(error);
        }
    };
    if let Some(bundle) = attestation {
        let path = context.path(package);
        let attestations = attestation_document(&bundle)?;
        publish::check_number(context, package, &version).await?;
        packages::set_mark(&context.platform, &path, &super::security::mark(&version), attestations.into())
            .await?;
    }
    let name = name::tarball_name(package, &Version::new(version.key(), version.key()))?;
    let file = IncomingFile { name, content, manifest: None };
    let incoming = Incoming { version, file, companions: Vec::new(), manifest, tags, growth: Growth::Whole };
    publish::publish(context, package, incoming).await?;
    context.trace.note("published");
    Answer::json(StatusCode::CREATED, &Accepted::new(Some(package.to_string()), None))
}

fn attestation_document(bundle: &str) -> Result<Vec<u8>> {
    let bundle: Value = json::read(bundle.as_bytes())
        .map_err(|error| Error::Invalid(format!("the attestation is not JSON: {error}")))?;
    let document = serde_json::json!({ "attestations": [{ "predicateType": PREDICATE, "bundle": bundle }] });
    serde_json::to_vec(&document).map_err(|error| Error::Invalid(error.to_string()).into())
}

/// Everything that can be wrong with a push: version, manifest and tags if nothing is.
fn check(
    package: &Package,
    document: &PublishDocument,
    file: &str,
    content: &Staged,
    attested: bool,
) -> Result<(Version, Box<RawValue>, Vec<String>)> {
    let invalid = |text: String| Err(Error::Invalid(text).into());
    name::parse_new(package.as_str())?;
    let mut versions = document.versions.iter();
    let (Some((number, published)), None) = (versions.next(), versions.next()) else {
        return invalid("a push has exactly one version".to_owned());
    };
    let version = name::parse_new_version(number)?;
    if file != format!("{package}-{number}.tgz") {
        return invalid(format!("the attachment `{file}` is not `{package}-{number}.tgz`"));
    }
    let raw = published.manifest.as_ref().map(|raw| raw.get()).unwrap_or_default();
    if raw.len() > MANIFEST_LIMIT {
        return Err(Error::TooLarge { what: "the version's manifest", limit: MANIFEST_LIMIT as u64 }.into());
    }
    let Ok(mut manifest) = json::read::<Map<String, Value>>(raw.as_bytes()) else {
        return invalid(format!("the manifest of {number} is not an object"));
    };
    let text = |key: &str| manifest.get(key).and_then(Value::as_str);
    if text("name") != Some(package.as_str()) || text("version") != Some(number) {
        return invalid(format!("the manifest is not that of `{package}` {number}"));
    }
    check_content(document, file, content, manifest.get("dist"))?;
    complete_dist(&mut manifest, content, attested);
    let tags = tags(document, number)?;
    let manifest = listing::manifest(manifest);
    let manifest = manifest.ok_or_else(|| Error::Invalid("the manifest has no `dist`".to_owned()))?;
    Ok((version, manifest, tags))
}

/// What is in the archive must be what the document says: everybody shows the document, and runs the archive.
fn same_package(identity: Option<Identity>, package: &Package, version: &Version) -> Result<()> {
    let Some(identity) = identity else { return Ok(()) };
    let inner = name::parse_version(identity.version.trim());
    if identity.name == package.as_str() && inner.is_ok_and(|inner| inner.key() == version.key()) {
        return Ok(());
    }
    let (name, number) =
        (identity.name.escape_debug().to_string(), identity.version.escape_debug().to_string());
    Err(Error::Invalid(format!("the tarball holds `{name}` {number}, not `{package}` {version}")).into())
}

/// Length and digests as declared against those of what came.
fn check_content(
    document: &PublishDocument,
    file: &str,
    content: &Staged,
    dist: Option<&Value>,
) -> Result<()> {
    if content.size() == 0 {
        return Err(Error::Invalid("the tarball is empty".to_owned()).into());
    }
    let meta = document.attachments.as_ref().and_then(|attachments| attachments.get(file));
    if let Some(length) = meta.and_then(|meta| meta.length).filter(|length| *length != content.size()) {
        let text = format!("the tarball has {} bytes, the document says {length}", content.size());
        return Err(Error::Invalid(text).into());
    }
    let declared = dist.and_then(Value::as_object).map(upstream::digests).unwrap_or_default();
    for digest in declared {
        let known = content.digests().iter().find(|known| known.algorithm() == digest.algorithm());
        if known.is_some_and(|known| *known != digest) {
            let name = digest.algorithm().name();
            return Err(
                Error::Invalid(format!("the tarball's {name} is not the one its manifest declares")).into()
            );
        }
    }
    Ok(())
}

/// `dist` says what was received, whatever the client said.
fn complete_dist(manifest: &mut Map<String, Value>, content: &Staged, attested: bool) {
    let mut dist = match manifest.remove("dist") {
        Some(Value::Object(dist)) => dist,
        _ => Map::new(),
    };
    for digest in content.digests() {
        match digest.algorithm() {
            crate::model::Algorithm::Sha1 => dist.insert("shasum".to_owned(), digest.hex().into()),
            _ => dist.insert("integrity".to_owned(), digest.integrity().into()),
        };
    }
    dist.remove("attestations");
    if attested {
        let provenance = serde_json::json!({ "provenance": { "predicateType": PREDICATE } });
        dist.insert("attestations".to_owned(), provenance);
    }
    manifest.insert("dist".to_owned(), Value::Object(dist));
}

fn tags(document: &PublishDocument, number: &str) -> Result<Vec<String>> {
    let tags = document.dist_tags.iter().flatten();
    tags.map(|(tag, version)| {
        if version == number {
            name::parse_tag(tag)
        } else {
            Err(Error::Invalid(format!(
                "the dist-tag `{tag}` points to {version}, which is not what is pushed"
            ))
            .into())
        }
    })
    .collect()
}

/// A document without a tarball changes deprecations of local versions, and nothing else.
async fn deprecate<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    document: &PublishDocument,
) -> Result<Answer<P>> {
    let path = context.path(package);
    let stored = index::get(&context.platform, &path).await?.map(|stored| stored.value).unwrap_or_default();
    let mut changes = Vec::new();
    let mut local = false;
    for (number, wanted) in &document.versions {
        let version = name::parse_version(number)?;
        let Some(slot) = stored.slot(version.key()).filter(|slot| slot.is_live()) else { continue };
        local = true;
        let message = wanted.deprecated.clone().filter(|message| !message.is_empty());
        if slot.shown_listing().message != message {
            changes.push((version, ListingState { message, ..slot.listing.clone() }));
        }
    }
    if !local {
        let text = "only versions that are in this feed can be deprecated";
        return Err(Error::NotFound(Missing::PackageNotSaved(package.to_string(), text.to_owned())).into());
    }
    relist::relist(context, package, changes).await?;
    Answer::json(StatusCode::OK, &Accepted::new(Some(package.to_string()), None))
}
