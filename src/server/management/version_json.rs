//! Versions as the REST surface prints them: Azure's fields, then ours.

use crate::model::{Feed, Origin, Slot, SlotState, SourceStep};
use crate::service::delete::RECYCLE_BIN;
use crate::store::keys::PackagePath;
use serde_json::{Value, json};

/// A version of a package, from its slot.
pub(super) fn print(feed: &Feed, path: &PackagePath, name: &str, version_key: &str, slot: &Slot) -> Value {
    let chain = match &slot.origin {
        Origin::Published { .. } => &[][..],
        Origin::Saved { source_chain, .. } => source_chain,
    };
    let files = slot.artifacts.iter().map(|artifact| {
        let hashes = artifact.digests.iter().map(|digest| (digest.algorithm().name().to_owned(), json!(digest.hex())));
        json!({ "name": artifact.name, "size": artifact.size, "hashes": hashes.collect::<serde_json::Map<_, _>>() })
    });
    let mut body = json!({
        "id": path.version_id(version_key),
        "name": name,
        "version": slot.version,
        "normalizedVersion": version_key,
        "isListed": !slot.shown_listing().hidden,
        // One protocol's word for it.
        "listed": !slot.shown_listing().hidden,
        "isDeleted": !slot.is_live(),
        "isCachedVersion": !slot.is_published(),
        "publishDate": slot.added,
        "views": views(feed, slot),
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
        // Whoever asks for one that was dropped is told that there is none.
        SlotState::Live | SlotState::Dropped { .. } => {}
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

/// The views a version is in.
pub(super) fn views(feed: &Feed, slot: &Slot) -> Value {
    let views = feed.views.iter().filter(|view| view.name.is_local() || slot.views.contains(&view.id));
    let kind = |local: bool| if local { "implicit" } else { "release" };
    views
        .map(|view| json!({ "id": view.id, "name": view.name, "type": kind(view.name.is_local()) }))
        .collect()
}

fn step(step: &SourceStep) -> Value {
    json!({
        "id": step.id,
        "name": step.name,
        "location": step.location,
        "displayLocation": step.location,
        "upstreamSourceType": step.kind,
        // What the protocols' own resources call that.
        "sourceType": step.kind,
    })
}
