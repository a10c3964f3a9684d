//! The document of a push, taken in while it arrives.

use crate::error::{Error, Result};
use crate::model::{SortedMap, json};
use crate::service::json_splitter::Handling;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Bytes of one manifest or README in a push.
const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
/// Bytes of any other member that is kept.
const MEMBER_LIMIT: usize = 256 * 1024;
/// Versions, or attachments, in one push.
const COUNT_LIMIT: usize = 50_000;

/// The body of `PUT N` and `PUT N/-rev/{rev}` without the archives in it, filled member by member while it arrives:
/// ask [`PublishDocument::handling`], then [`PublishDocument::accept`] what was captured.
#[derive(Debug, Default)]
pub(crate) struct PublishDocument {
    /// The name: clients send it twice.
    pub id: Option<String>,
    /// The revision the client has seen.
    pub rev: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// One line about the package.
    pub description: Option<String>,
    /// The README.
    pub readme: Option<String>,
    /// `public` or `restricted`; means nothing where the feed decides.
    pub access: Option<String>,
    /// Tags to set.
    pub dist_tags: Option<SortedMap<String, String>>,
    /// Versions by number, as spelled. A push has one; relisting and unpublishing send all that remain.
    pub versions: SortedMap<String, PublishedVersion>,
    /// Who marks the package as a favourite.
    pub users: Option<Map<String, Value>>,
    /// Owners. Kept as sent, only to see whether the client wants them changed.
    pub maintainers: Option<Value>,
    /// What is said about the archives, by attachment name; `None` where nothing is attached. An empty object is
    /// none, too.
    pub attachments: Option<SortedMap<String, AttachmentMeta>>,
}

/// A version in a [`PublishDocument`].
#[derive(Debug, Default)]
pub(crate) struct PublishedVersion {
    /// The whole manifest, compact; of the first version of a document only, since a document with several is not a
    /// push, and may have thousands.
    pub manifest: Option<Box<RawValue>>,
    /// The deprecation message; the empty one takes an earlier message back.
    pub deprecated: Option<String>,
}

/// What a push says about an attachment, apart from its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttachmentMeta {
    /// The media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes, decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl PublishDocument {
    /// What to do with a member of the body. The only strings to stream are `_attachments/{file}/data`, in Base64.
    pub(crate) fn handling(path: &[String], key: &str) -> Handling {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (path.as_slice(), key) {
            ([], "versions" | "_attachments") | (["_attachments"], _) => Handling::Descend,
            ([], "readme") | (["versions"], _) => Handling::Capture { limit: MANIFEST_LIMIT },
            (
                [],
                "_id" | "_rev" | "name" | "description" | "access" | "dist-tags" | "users" | "maintainers",
            )
            | (["_attachments", _], "content_type" | "length") => Handling::Capture { limit: MEMBER_LIMIT },
            (["_attachments", _], "data") => Handling::StreamString,
            _ => Handling::Skip,
        }
    }

    /// Takes a captured member in. `null` counts as absent; a second value of the same member is refused, because
    /// others may read the first one.
    pub(crate) fn accept(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<()> {
        match path {
            [] => match key {
                "_id" => once(&mut self.id, key, raw),
                "_rev" => once(&mut self.rev, key, raw),
                "name" => once(&mut self.name, key, raw),
                // Old clients send objects and arrays here, and no reader depends on it.
                "description" => lenient(&mut self.description, key, raw),
                "readme" => lenient(&mut self.readme, key, raw),
                "access" => lenient(&mut self.access, key, raw),
                "dist-tags" => once(&mut self.dist_tags, key, raw),
                "users" => once(&mut self.users, key, raw),
                "maintainers" => once(&mut self.maintainers, key, raw),
                // These were to be descended into and are no objects.
                "versions" | "_attachments" if raw != b"null" => Err(misshapen(key)),
                _ => Ok(()),
            },
            [parent] if parent == "versions" => self.accept_version(key, raw),
            [parent] if parent == "_attachments" => Err(misshapen(&format!("_attachments/{key}"))),
            [parent, file] if parent == "_attachments" => {
                let meta = self.attachment(file)?;
                match key {
                    "content_type" => once(&mut meta.content_type, key, raw),
                    "length" => once(&mut meta.length, key, raw),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What is known of an attachment; call it also when its bytes begin, for those that come without anything else.
    pub(crate) fn attachment(&mut self, file: &str) -> Result<&mut AttachmentMeta> {
        let attachments = self.attachments.get_or_insert_default();
        if attachments.len() >= COUNT_LIMIT {
            return Err(Error::Invalid("too many attachments".to_owned()).into());
        }
        Ok(attachments.or_insert_with(file.to_owned(), AttachmentMeta::default))
    }

    fn accept_version(&mut self, number: &str, raw: &[u8]) -> Result<()> {
        if self.versions.len() >= COUNT_LIMIT {
            return Err(Error::Invalid(format!("a package has at most {COUNT_LIMIT} versions")).into());
        }
        let label = format!("versions/{number}");
        let part: VersionPart = parse(&label, raw)?;
        let manifest = if self.versions.is_empty() { Some(parse(&label, raw)?) } else { None };
        let deprecated = match part.deprecated {
            Some(Value::String(message)) => Some(message),
            Some(Value::Bool(true)) => Some("this version is deprecated".to_owned()),
            _ => None,
        };
        match self.versions.insert(number.to_owned(), PublishedVersion { manifest, deprecated }) {
            None => Ok(()),
            Some(_) => Err(twice(&label)),
        }
    }
}

#[derive(Deserialize)]
struct VersionPart {
    deprecated: Option<Value>,
}

fn parse<'a, T: Deserialize<'a>>(key: &str, raw: &'a [u8]) -> Result<T> {
    json::read(raw).map_err(|_| misshapen(key))
}

fn once<'a, T: Deserialize<'a>>(slot: &mut Option<T>, key: &str, raw: &'a [u8]) -> Result<()> {
    if slot.is_some() {
        return Err(twice(key));
    }
    *slot = parse(key, raw)?;
    Ok(())
}

fn lenient(slot: &mut Option<String>, key: &str, raw: &[u8]) -> Result<()> {
    let mut value: Option<Value> = None;
    once(&mut value, key, raw)?;
    match value {
        Some(Value::String(_)) if slot.is_some() => return Err(twice(key)),
        Some(Value::String(text)) => *slot = Some(text),
        _ => {}
    }
    Ok(())
}

fn misshapen(key: &str) -> Box<Error> {
    let key: String = key.chars().take(160).collect();
    Error::Invalid(format!("`{}` in the package's document is not what it should be", key.escape_debug()))
        .into()
}

fn twice(key: &str) -> Box<Error> {
    let key: String = key.chars().take(160).collect();
    Error::Invalid(format!("`{}` stands in the package's document twice", key.escape_debug())).into()
}
