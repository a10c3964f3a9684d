//! Making a version: all of it, or nothing.

use super::super::name;
use super::super::wire::{self, Commit};
use super::{draft, read_body};
use crate::error::{Conflict, Error, Result};
use crate::model::{Algorithm, TreeFile, Version, arrange, json};
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::{FeedContext, Package, contents, drafts, stage, tree};
use http::StatusCode;
use serde_json::{Value, json};

/// Bytes of what a client says: a manifest, and a little more.
const COMMIT_LIMIT: usize = tree::MANIFEST_BYTES + (1 << 20);

/// Files that are still to be sent are named, so many of them.
const MISSING_NAMED: usize = 1_000;

/// `POST {name}/{version}`.
pub(super) async fn commit<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    body: Body,
) -> Result<Answer<P>> {
    let Commit { description, files } = Commit::parse(&read_body(body, COMMIT_LIMIT).await?)?;
    let said = files.is_some();
    let committed = draft::committed(context, package, version).await?;
    let files = if let Some(files) = files {
        files
    } else {
        let drafted = drafts::files(&context.platform, &context.path(package), version).await?;
        match committed {
            None => drafted,
            // A client that does not know that it succeeded: what is left of the draft is what the version has.
            Some(text) if drafted.iter().all(|file| tree::find(&text, &file.path).as_ref() == Some(file)) => {
                tree::files(&text).collect()
            }
            Some(_) => return Err(publish::exists(package, version)),
        }
    };
    let content = Content { files, said, description: &description };
    make(context, package, version, content).await
}

/// What a version is made of.
pub(super) struct Content<'a> {
    /// Its files.
    pub(super) files: Vec<TreeFile>,
    /// Did a client say so? Then what it says must be true; of a draft, what was sent last need not have come whole.
    pub(super) said: bool,
    /// What it is, for people.
    pub(super) description: &'a str,
}

/// Makes a version of these files.
pub(super) async fn make<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    content: Content<'_>,
) -> Result<Answer<P>> {
    let Content { mut files, said, description } = content;
    if files.is_empty() {
        let text = "a version has at least one file: send files first, or say in the body which of those that are here";
        return Err(Error::Invalid(text.to_owned()).into());
    }
    arrange(&mut files).map_err(|(one, other)| {
        let text = "cannot be beside each other: a path is another's folder, or differs from it in case only";
        Error::Invalid(format!("`{one}` and `{other}` {text}"))
    })?;
    let (platform, path) = (&context.platform, context.path(package));
    let digests = draft::digests(&files);
    let sizes = contents::sizes(platform, &path, &digests).await?;
    let held = |file: &TreeFile| digests.binary_search(&file.digest).ok().and_then(|at| *sizes.get(at)?);
    let missing: Vec<&TreeFile> = files.iter().filter(|file| held(file).is_none()).collect();
    if !missing.is_empty() {
        return lacks(&missing);
    }
    for file in &mut files {
        let size = held(file).unwrap_or_default();
        if said && size != file.size {
            let text = format!("`{}` has {size} bytes, not {}", file.path, file.size);
            return Err(Error::Invalid(text).into());
        }
        file.size = size;
    }
    let (facts, text) = (wire::facts(&files, description), tree::write(&files)?.into_bytes());
    let incoming = Incoming {
        version: version.clone(),
        file: IncomingFile {
            name: name::manifest()?,
            content: stage::hold(platform, text.into(), &[Algorithm::Sha256]).await?,
            manifest: None,
        },
        companions: Vec::new(),
        manifest: facts.clone(),
        tags: Vec::new(),
        growth: Growth::ByFile,
    };
    let published = publish::publish_naming(context, package, incoming, &digests).await;
    let status = match published.map_err(|error| *error) {
        Ok(()) => StatusCode::CREATED,
        // A client that repeats itself is told that it succeeded.
        Err(Error::Conflict(Conflict::FileExists { identical: true, .. })) => StatusCode::OK,
        Err(Error::Conflict(Conflict::FileExists { .. })) => return Err(publish::exists(package, version)),
        Err(error) => return Err(error.into()),
    };
    context.trace.note("published");
    drafts::discard(platform, &path, version, &digests).await?;
    let mut answer: Value = json::read(facts.get().as_bytes()).unwrap_or_default();
    answer["name"] = package.as_str().into();
    answer["version"] = version.as_str().into();
    Answer::json(status, &answer)
}

/// A commit of which not everything is here: what is still to be sent.
fn lacks<P>(missing: &[&TreeFile]) -> Result<Answer<P>> {
    let named: Vec<Value> = missing.iter().take(MISSING_NAMED).map(|file| wire::shown(file)).collect();
    let text = format!("{} of the files are not here; send them, then commit again", missing.len());
    Answer::json(StatusCode::CONFLICT, &json!({ "message": text, "missing": named }))
}
