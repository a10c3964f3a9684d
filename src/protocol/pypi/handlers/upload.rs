//! `POST /upload/`: the form that every uploader speaks
//! ([the public index's API](https://docs.pypi.org/api/upload/)).

use super::super::name::{self, Kind};
use super::super::wire::FileFacts;
use super::super::wire::metadata::Metadata;
use super::receive::{self, Received, ReceivedFile};
use crate::error::{Conflict, Error, Result};
use crate::model::{Algorithm, ArtifactName, Version, json};
use crate::platform::{Platform, Request, header};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::{FeedContext, Package, stage, zip};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of a metadata file.
const METADATA_LIMIT: u64 = 8 << 20;

/// Digests a client may declare, by field.
const DIGESTS: [&str; 3] = ["md5_digest", "sha256_digest", "blake2_256_digest"];

/// An upload in which nothing was found wrong.
struct Checked {
    package: Package,
    version: Version,
    kind: Kind,
    name: ArtifactName,
    attestations: Option<Vec<Value>>,
}

/// Accepts a file.
pub(super) async fn upload<P: Platform>(context: &FeedContext<P>, request: Request) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let content_type = request.headers.get(header::CONTENT_TYPE).unwrap_or_default();
    let mut received = receive::receive(context, content_type, request.body).await?;
    let Some(file) = received.file.take() else {
        check_action(&received)?;
        return Err(Error::Invalid("the form has no file in the field `content`".to_owned()).into());
    };
    match prepare(context, &received, &file).await {
        Ok((package, incoming)) => {
            let incoming = incoming.with(file.content);
            let outcome = publish::publish(context, &package, incoming).await.map_err(|error| *error);
            match outcome {
                // A client that repeats itself is told that it succeeded.
                Err(Error::Conflict(Conflict::FileExists { identical: true, .. })) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
            context.trace.note("published");
            let body = Bytes::from_static(b"uploaded\n");
            Ok(Answer::Document { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body })
        }
        Err(error) => {
            // What cannot be discarded now is swept by the housekeeping.
            let _ = file.content.discard(&context.platform).await;
            Err(error)
        }
    }
}

/// All of a push but its file's bytes, which are checked by then.
struct Prepared {
    version: Version,
    name: ArtifactName,
    facts: Option<Box<RawValue>>,
    companions: Vec<IncomingFile>,
    manifest: Box<RawValue>,
}

impl Prepared {
    fn with(self, content: stage::Staged) -> Incoming {
        Incoming {
            version: self.version,
            file: IncomingFile { name: self.name, content, manifest: self.facts },
            companions: self.companions,
            manifest: self.manifest,
            tags: Vec::new(),
            growth: Growth::ByFile,
        }
    }
}

async fn prepare<P: Platform>(
    context: &FeedContext<P>,
    received: &Received,
    file: &ReceivedFile,
) -> Result<(Package, Prepared)> {
    check_action(received)?;
    let Checked { package, version, kind, name, attestations } = check(received, file)?;
    let mut companions = Vec::new();
    let mut described = Metadata::default();
    if kind == Kind::Wheel {
        let bytes = wheel_metadata(context, file, &package, &version).await?;
        described = Metadata::parse(&String::from_utf8_lossy(&bytes));
        same_release(&described, &package, &version)?;
        companions.push(companion(context, &name, name::METADATA, bytes).await?);
    }
    if let Some(attestations) = attestations {
        let provenance = provenance(&attestations).to_string().into();
        companions.push(companion(context, &name, name::PROVENANCE, provenance).await?);
    }
    let requires_python = described.text("requires_python").or(received.field("requires_python"));
    let facts = FileFacts {
        yanked: None,
        requires_python: requires_python.map(str::to_owned),
        upload_time: Some(context.platform.now().to_string()),
    };
    let mut stated = Metadata::default();
    for (field, value) in received.fields() {
        stated.add(field, value);
    }
    let manifest = serde_json::value::to_raw_value(&stated.kept());
    let manifest = manifest.map_err(|error| Error::Invalid(error.to_string()))?;
    Ok((package, Prepared { version, name, facts: facts.manifest(), companions, manifest }))
}

fn invalid<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::Invalid(text.into()).into())
}

fn check_action(received: &Received) -> Result<()> {
    match received.field(":action") {
        Some("file_upload") => {}
        Some(_) => return invalid("only the action `file_upload` is offered"),
        None => return invalid("the form has no `:action`"),
    }
    match received.field("protocol_version") {
        Some("1") | None => Ok(()),
        Some(_) => invalid("only version 1 of the upload protocol is offered"),
    }
}

/// Everything that can be wrong with an upload but what is in its archive.
fn check(received: &Received, file: &ReceivedFile) -> Result<Checked> {
    let required = |field: &str| {
        received.field(field).ok_or_else(|| Error::Invalid(format!("the form has no `{field}`")))
    };
    let package = name::parse(required("name")?)?;
    let number = required("version")?;
    let Some(version) = name::parse_version(number.trim()) else {
        let shown: String = number.chars().take(80).collect();
        return invalid(format!("`{}` is not a version number (PEP 440)", shown.escape_debug()));
    };
    let shown: String = file.name.chars().take(160).flat_map(char::escape_debug).collect();
    let found = name::parse_file(&package, &file.name);
    let plain = file.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+!-".contains(&byte));
    let (Some(found), Some(name), true) = (found, ArtifactName::parse(&file.name), plain) else {
        return invalid(format!("`{shown}` is not the name of a wheel or sdist of `{package}`"));
    };
    if found.version.key() != version.key() {
        return invalid(format!("`{shown}` is not a file of version {version}"));
    }
    let archive: &[u8] = match (found.kind, file.name.ends_with(".tar.gz")) {
        (Kind::Sdist, true) => b"\x1f\x8b",
        (Kind::Sdist, false) if file.name.strip_suffix(".zip").is_none() => {
            return invalid("an sdist is a `.tar.gz` or a `.zip`");
        }
        _ => b"PK\x03\x04",
    };
    if !file.magic.starts_with(archive) {
        return invalid(format!("`{shown}` is not the kind of archive its name says"));
    }
    if received.field("filetype").is_some_and(|kind| kind != found.kind.form_name()) {
        return invalid(format!("`{shown}` is a {}, the form says otherwise", found.kind.form_name()));
    }
    for field in DIGESTS {
        let Some(declared) = received.field(field) else { continue };
        if file.digest(field).is_none_or(|digest| !digest.eq_ignore_ascii_case(declared.trim())) {
            return invalid(format!("the file's digest is not the `{field}` that the form declares"));
        }
    }
    let attestations = match received.field("attestations") {
        None => None,
        Some(text) => match json::read::<Vec<Value>>(text.as_bytes()) {
            Ok(list) => Some(list).filter(|list| !list.is_empty()),
            Err(_) => return invalid("`attestations` is not a JSON array"),
        },
    };
    // Printed as its file spells it.
    Ok(Checked { package, version: found.version, kind: found.kind, name, attestations })
}

/// The one metadata file of a wheel
/// ([binary distributions](https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory)).
async fn wheel_metadata<P: Platform>(
    context: &FeedContext<P>,
    file: &ReceivedFile,
    package: &Package,
    version: &Version,
) -> Result<Bytes> {
    let is_metadata =
        |path: &str| path.strip_suffix(".dist-info/METADATA").is_some_and(|folder| !folder.contains('/'));
    let found = zip::find(&context.platform, &file.content, &is_metadata).await?;
    let [entry] = found.as_slice() else {
        return invalid("a wheel has one `.dist-info/METADATA` at its top");
    };
    let folder = entry.path.strip_suffix(".dist-info/METADATA").unwrap_or_default();
    let (project, number) = folder.rsplit_once('-').unwrap_or((folder, ""));
    let number = name::parse_version(number).or_else(|| name::parse_version(&number.replace('_', "-")));
    if name::normalize(project) != package.key() || number.is_none_or(|number| number.key() != version.key())
    {
        return invalid(format!("the wheel's `.dist-info` is not that of `{package}` {version}"));
    }
    zip::read(&context.platform, &file.content, entry, METADATA_LIMIT).await
}

/// What is in the wheel must be what the form says: everybody shows the form, and installs the wheel.
fn same_release(described: &Metadata, package: &Package, version: &Version) -> Result<()> {
    let inner = described.text("version").and_then(name::parse_version);
    let name = described.text("name").map(name::normalize);
    if name.as_deref() == Some(package.key()) && inner.is_some_and(|inner| inner.key() == version.key()) {
        return Ok(());
    }
    invalid(format!("the wheel's metadata is not that of `{package}` {version}"))
}

async fn companion<P: Platform>(
    context: &FeedContext<P>,
    name: &ArtifactName,
    ending: &str,
    content: Bytes,
) -> Result<IncomingFile> {
    let Some(name) = ArtifactName::parse(&format!("{name}{ending}")) else {
        return invalid("the file's name is too long");
    };
    let content = stage::hold(&context.platform, content, &[Algorithm::Sha256]).await?;
    Ok(IncomingFile { name, content, manifest: None })
}

/// A provenance object ([PEP 740](https://peps.python.org/pep-0740/#provenance-objects)). Who may push is decided by a
/// token here, and the attestations are for clients to verify.
fn provenance(attestations: &[Value]) -> Value {
    serde_json::json!({
        "version": 1,
        "attestation_bundles": [{ "publisher": { "kind": "token", "claims": null }, "attestations": attestations }],
    })
}
