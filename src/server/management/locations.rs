//! Where everything of the REST surface is: what an SDK made for Azure DevOps asks before anything else.
//!
//! It asks `OPTIONS {base}/_apis` (one of them `OPTIONS {base}/_apis/{area}`) for the route and the versions of every
//! resource, finds its own by their well-known ids, and fills the routes in, without the segments it has no value for.
//! Then it asks `GET {base}/_apis/resourceAreas` on which host each area is, and some ask `GET {base}/_apis/connectionData`
//! who they are. In scope: these, and one area by its id.

use super::admit;
use super::message::Reply;
use super::route::Place;
use crate::error::{Error, Missing, Result};
use crate::model::{OrganizationName, Principal, guid_of};
use crate::protocol::PROTOCOLS;
use serde_json::{Value, json};

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

/// Who the caller is, as permissions name it, and where that is known. A caller without a token is the one whom the vendor's
/// servers answer so: clients take that for a login that failed.
pub(super) fn connection(
    origin: &str,
    organization: &OrganizationName,
    principal: &Principal,
) -> Result<Reply> {
    let (id, descriptor, name) = match principal {
        Principal::Anonymous => (PUBLIC.to_owned(), format!("System:PublicAccess;{PUBLIC}"), "Anonymous"),
        Principal::Root | Principal::Token(_) => {
            let subject = &admit::member(principal, organization)?.subject;
            let descriptor = format!("subject:{subject}");
            (guid_of(&descriptor), descriptor, subject.as_str())
        }
    };
    let (descriptor, name) = (Value::from(descriptor), Value::from(name));
    let user = format!(
        "{{\"id\":\"{id}\",\"descriptor\":{descriptor},\"subjectDescriptor\":{descriptor},\"providerDisplayName\":{name},\
         \"isActive\":true,\"properties\":{{\"Account\":{{\"$type\":\"System.String\",\"$value\":{name}}}}}}}"
    );
    let instance = guid_of(&organization.key());
    let url = Value::from(format!("{origin}/{organization}/"));
    Ok(Reply::printed(format!(
        "{{\"authenticatedUser\":{user},\"authorizedUser\":{user},\"instanceId\":\"{instance}\",\
         \"deploymentType\":\"onPremises\",\"locationServiceData\":{{\"serviceOwner\":\"{NOBODY}\",\
         \"defaultAccessMappingMoniker\":\"PublicAccessMapping\",\"accessMappings\":[{{\"displayName\":\"Public Access Mapping\",\
         \"moniker\":\"PublicAccessMapping\",\"accessPoint\":{url},\"serviceOwner\":\"{NOBODY}\",\"virtualDirectory\":\"\"}}],\
         \"lastChangeId\":1,\"lastChangeId64\":1,\"clientCacheFresh\":false,\"clientCacheTimeToLive\":3600}}}}"
    )))
}

/// The id of whoever has no token, on every server of the vendor's.
const PUBLIC: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";

/// A service that is no other host's.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

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
