//! Where everything of the REST surface is: what an SDK made for Azure DevOps asks before anything else.
//!
//! It asks `OPTIONS {base}/_apis` (one of them `OPTIONS {base}/_apis/{area}`) for the route and the versions of every
//! resource, finds its own by their well-known ids, and fills the routes in, without the segments it has no value for.
//! Then it asks `GET {base}/_apis/resourceAreas` on which host each area is. In scope: both, and one area by its id.

use super::message::Reply;
use super::route::Place;
use crate::error::{Error, Missing, Result};
use crate::protocol::PROTOCOLS;
use serde_json::json;

/// What is not of one protocol: see [`Protocol::RESOURCES`](crate::protocol::Protocol::RESOURCES) for the form. A path
/// that begins with a slash is a whole route.
const RESOURCES: &str = include_str!("resources.txt");

/// Every resource. Versions are numbers in texts: SDKs in some languages insist on that.
pub(super) fn all() -> Reply {
    let (mut area, mut resources) = ("", Vec::new());
    each(&mut |id, name, path| {
        let Some(path) = path else {
            area = name;
            return;
        };
        let (start, path) = match path.strip_prefix('/') {
            Some(whole) => ("", whole),
            None => ("{project}/_apis/packaging/", path),
        };
        resources.push(format!(
            "{{\"id\":\"{id}\",\"area\":\"{area}\",\"resourceName\":\"{name}\",\"routeTemplate\":\"{start}{path}\",\
             \"resourceVersion\":1,\"minVersion\":\"1.0\",\"maxVersion\":\"7.2\",\"releasedVersion\":\"7.2\"}}"
        ));
    });
    Reply::printed(format!("{{\"count\":{},\"value\":[{}]}}", resources.len(), resources.join(",")))
}

/// Where an area is, or all that are elsewhere: none. An SDK that finds another area than its own in that list asks
/// the vendor's host for its own, and shows it the caller's token; an empty list, which the vendor's own servers answer
/// where they are installed on premises, says that everything is here.
pub(super) fn areas(origin: &str, place: &Place, id: Option<&str>) -> Result<Reply> {
    let Some(id) = id else { return Ok(Reply::list(&[], None)) };
    let mut found = None;
    each(&mut |known, name, path| {
        // What has no GUID is no area of anybody's.
        if path.is_none() && known.len() > 1 && known.eq_ignore_ascii_case(id) {
            found = Some((known, name));
        }
    });
    let (id, name) = found.ok_or_else(|| {
        let shown: String = id.chars().take(64).collect();
        let text =
            format!("resource area `{shown}` is not here: this server has those of packages and feeds");
        Error::NotFound(Missing::Other(text))
    })?;
    let url = format!("{origin}/{}/", place.organization);
    Ok(Reply::ok(&json!({ "id": id, "name": name, "locationUrl": url })))
}

/// Id, name and, of a resource, path.
fn each(visit: &mut dyn FnMut(&'static str, &'static str, Option<&'static str>)) {
    let mut read = |text: &'static str| {
        for line in text.lines() {
            let mut words = line.split(' ');
            if let (Some(id), Some(name)) = (words.next(), words.next()) {
                visit(id, name, words.next());
            }
        }
    };
    read(RESOURCES);
    for entry in PROTOCOLS {
        read(entry.resources);
    }
}
