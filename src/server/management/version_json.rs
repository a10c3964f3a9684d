//! Versions as the REST surface prints them: Azure's fields, then ours.

use crate::model::{
    Algorithm, Digest, Feed, FeedId, Origin, PackageName, Slot, SlotState, SourceKind, SourceStep, Version,
};
use crate::service::delete::RECYCLE_BIN;
use crate::store::keys::PackagePath;
use serde_json::{Value, json};

/// A version of a package, from its slot.
pub(super) fn print(
    feed: &Feed,
    path: &PackagePath,
    package: &PackageName,
    version: &Version,
    slot: &Slot,
) -> Value {
    let views = feed.views.iter().filter(|view| view.name.is_local() || slot.views.contains(&view.id));
    let views: Vec<_> = views.map(|view| json!({ "id": view.id, "name": view.name })).collect();
    let chain = match &slot.origin {
        Origin::Published { .. } => &[][..],
        Origin::Saved { source_chain, .. } => source_chain,
    };
    let files = slot.artifacts.iter().map(|artifact| {
        let hashes = artifact.digests.iter().map(|digest| (digest.algorithm().name().to_owned(), json!(digest.hex())));
        json!({ "name": artifact.name, "size": artifact.size, "hashes": hashes.collect::<serde_json::Map<_, _>>() })
    });
    let mut body = json!({
        "id": id(path, version),
        "name": package.as_str(),
        "version": slot.version,
        "normalizedVersion": version.key(),
        "isListed": !slot.shown_listing().hidden,
        "isDeleted": !slot.is_live(),
        "isCachedVersion": !slot.is_published(),
        "publishDate": slot.added,
        "views": views,
        "sourceChain": chain.iter().map(step).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
    });
    if let Some(direct) = chain.first() {
        body["directUpstreamSourceId"] = json!(direct.id);
    }
    if let Some(published) = slot.published {
        body["firstPublishDate"] = json!(published);
    }
    if let Some(message) = &slot.shown_listing().message {
        body["deprecateMessage"] = json!(message);
        body["deprecationMessage"] = json!(message);
    }
    match &slot.state {
        SlotState::Live => {}
        SlotState::Deleted { at, by } => {
            // npm's word, and everybody else's.
            body["unpublishedDate"] = json!(at);
            body["deletedDate"] = json!(at);
            body["deletedBy"] = json!(by);
            body["scheduledPermanentDeleteDate"] = json!(at.plus(RECYCLE_BIN));
        }
        SlotState::Purged { at } => body["permanentlyDeletedDate"] = json!(at),
    }
    body
}

fn step(step: &SourceStep) -> Value {
    let kind = match step.kind {
        SourceKind::Public => "public",
        SourceKind::Internal => "internal",
    };
    json!({
        "id": step.id,
        "name": step.name,
        "location": step.location,
        "displayLocation": step.location,
        "upstreamSourceType": kind,
    })
}

/// Azure gives every version a GUID; ours follows from the place of its slot, so that nothing need be stored.
fn id(path: &PackagePath, version: &Version) -> FeedId {
    let digest = Digest::of(Algorithm::Sha256, path.slot(version).as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(digest.value().get(..16).unwrap_or(&[0; 16]));
    FeedId::from_random(bytes)
}
