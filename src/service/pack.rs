//! Handing out versions whose files are kept one by one: one of them, or all as one archive that is made while it is sent.
//!
//! In scope: finding a file by the manifest, and a tar archive of which any range can be had. Out of scope: where contents come
//! from (`contents.rs`).

use super::download::{self, Artifact, Source};
use super::{FeedContext, Package, contents, tar, tree};
use crate::error::{Error, Missing, Result};
use crate::model::{Action, ArtifactName, TreeFile, TreePath, Version};
use crate::platform::{Body, ByteRange, ByteStream, Platform, PlatformError, together};
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use std::rc::Rc;
use std::time::Duration;

/// For how long an isolate remembers a manifest. It never changes; whether it may be used is checked apart from that.
const REUSE: Duration = Duration::from_secs(300);

/// A larger manifest is not held for every file that is asked for.
const HELD: u64 = 4 << 20;

/// Of one, so much is read at a time: more than its longest line.
const PIECE: u64 = 64 << 10;

/// Files up to this size are read several at a time.
const SMALL: u64 = 256 << 10;

/// So many: as many connections as a Worker may have waiting.
const AT_A_TIME: usize = 6;

/// A version's manifest: as a file, and what it says.
pub async fn manifest<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
) -> Result<(Artifact<P>, Rc<str>)> {
    let artifact = download::artifact(context, package, version, name).await?;
    let text = text(context, &artifact).await?;
    Ok((artifact, text))
}

async fn text<P: Platform>(context: &FeedContext<P>, artifact: &Artifact<P>) -> Result<Rc<str>> {
    let (memo, now) = (context.platform.memo(), context.platform.now());
    let key = format!("manifest:{}", artifact.key().unwrap_or_default());
    if let Some(text) = memo.get::<Rc<str>>(&key, now) {
        return Ok(Rc::clone(&text));
    }
    let bytes = artifact.open(None).await?.collect(tree::MANIFEST_BYTES).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Error::Damaged { key: key.clone(), reason: error.to_string() })?;
    let text: Rc<str> = text.into();
    memo.put(key, Rc::new(Rc::clone(&text)), text.len(), now, REUSE);
    Ok(text)
}

/// Looks for a file in a manifest that is too large to be held, a piece at a time: its lines are in order.
async fn search<P: Platform>(artifact: &Artifact<P>, path: &TreePath) -> Result<Option<TreeFile>> {
    let (mut start, mut end) = (0, artifact.size);
    while start < end {
        let middle = start + (end - start).saturating_sub(PIECE) / 2;
        let range = ByteRange { start: middle, length: PIECE.min(end - middle) };
        let piece =
            artifact.open(Some(range)).await?.collect(usize::try_from(PIECE).unwrap_or_default()).await?;
        // The first line and the last one may be cut, unless the piece is all that is left.
        let is_rest = middle == start;
        let head =
            if is_rest { 0 } else { piece.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        let text = String::from_utf8_lossy(piece.get(head..).unwrap_or_default());
        let (mut first, mut last) = (None, None);
        for file in tree::files(&text) {
            if file.path == *path {
                return Ok(Some(file));
            }
            first.get_or_insert_with(|| file.path.clone());
            last = Some(file.path);
        }
        if first.is_some_and(|first| *path < first) && !is_rest {
            end = middle + head as u64;
        } else if last.is_some_and(|last| *path > last) && range.start + range.length < end {
            // The last line that is whole ends there.
            let tail = piece.iter().rposition(|byte| *byte == b'\n').map_or(piece.len(), |at| at + 1);
            start = middle + tail as u64;
        } else {
            return Ok(None);
        }
    }
    Ok(None)
}

/// A file of a version.
pub async fn file<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
    path: &TreePath,
) -> Result<Artifact<P>> {
    let artifact = download::artifact(context, package, version, name).await?;
    let found = if artifact.size > HELD {
        search(&artifact, path).await?
    } else {
        tree::find(&text(context, &artifact).await?, path)
    };
    let missing = || Error::NotFound(Missing::Artifact(format!("{package} {version}"), path.to_string()));
    let file = found.ok_or_else(missing)?;
    let (size, digests) = (file.size, vec![file.digest.clone()]);
    let mut artifact = artifact.from(Source::Named(file), size, digests);
    // The version was downloaded when its manifest was.
    artifact.counts = false;
    Ok(artifact)
}

/// All files of a version as one archive, which is the same each time.
pub async fn archive<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    name: &ArtifactName,
) -> Result<Artifact<P>> {
    let (artifact, text) = manifest(context, package, version, name).await?;
    if !context.permits(Action::Save) {
        insist_on_all(context, package, version, &text).await?;
    }
    let (mut size, tag) = (tar::END.len() as u64, format!("{}.tar", artifact.tag()));
    for file in tree::files(&text) {
        size = entry(&file).1.saturating_add(size);
    }
    Ok(artifact.from(Source::Archive(text, tag), size, Vec::new()))
}

/// Refuses an archive that would break off, because this caller may not have saved what is not here.
async fn insist_on_all<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    text: &str,
) -> Result<()> {
    let digests = tree::digests(text);
    let missing = contents::missing(&context.platform, &context.path(package), &digests).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let what =
        format!("saving the {} files of `{package}` {version} that are not in this feed yet", missing.len());
    Err(Error::lacks(Action::Save, &what, context.authority, &context.locator).into())
}

/// What stands before the content of a file, and how long all of its entry is.
fn entry(file: &TreeFile) -> (Vec<u8>, u64) {
    let header = tar::write_header(file.path.as_str(), file.size, file.executable);
    let length = tar::padded(file.size).saturating_add(header.len() as u64);
    (header, length)
}

/// The archive, or a range of it.
pub(super) fn stream<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    manifest: Rc<str>,
    range: Option<ByteRange>,
) -> Body {
    let packer = Packer {
        context: context.clone(),
        package: package.clone(),
        version: version.clone(),
        manifest,
        at: 0,
        skip: range.map_or(0, |range| range.start),
        left: range.map_or(u64::MAX, |range| range.length),
        content: None,
        ended: false,
    };
    let pieces = futures_util::stream::unfold(Some(packer), |packer| async move {
        let mut packer = packer?;
        match packer.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(packer))),
            Ok(None) => None,
            // The client sees that it was cut off, and the log why.
            Err(error) => Some((Err(PlatformError::Cut(error.to_string())), None)),
        }
    });
    Body::Stream(Box::pin(pieces))
}

/// Makes an archive, piece by piece.
struct Packer<P> {
    context: FeedContext<P>,
    package: Package,
    version: Version,
    manifest: Rc<str>,
    /// Where in the manifest the next line begins.
    at: usize,
    /// Bytes of the archive that are still to be passed over, and to be sent.
    skip: u64,
    left: u64,
    /// A file that is too large to be held, and what fills its last block.
    content: Option<(ByteStream, usize)>,
    ended: bool,
}

impl<P: Platform> Packer<P> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.left > 0 {
            let Some(mut piece) = self.piece().await? else { break };
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
            piece.advance(skipped);
            self.skip -= skipped as u64;
            piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= piece.len() as u64;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What comes next, whether it is wanted or not.
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        if let Some((content, padding)) = &mut self.content {
            if let Some(piece) = content.next().await {
                return Ok(Some(piece?));
            }
            let padding = Bytes::from(vec![0; *padding]);
            self.content = None;
            return Ok(Some(padding));
        }
        let files = self.files();
        if let [file] = files.as_slice() {
            return self.begin(file).await.map(Some);
        }
        if files.is_empty() {
            let ended = std::mem::replace(&mut self.ended, true);
            return Ok((!ended).then(|| Bytes::from_static(&tar::END)));
        }
        let contents = together::all(files.iter().map(|file| self.read(file))).await;
        let mut piece = Vec::new();
        for (file, content) in files.iter().zip(contents) {
            piece.extend(entry(file).0);
            piece.extend_from_slice(&content?);
            piece.resize(piece.len().next_multiple_of(tar::END.len() / 2), 0);
        }
        Ok(Some(piece.into()))
    }

    /// The next files: several that are small, or one. What is passed over as a whole is not among them.
    fn files(&mut self) -> Vec<TreeFile> {
        let mut files = Vec::new();
        let manifest = Rc::clone(&self.manifest);
        while let Some(line) = manifest.get(self.at..).and_then(|rest| rest.split_inclusive('\n').next()) {
            let next = tree::files(line).next();
            let is_large = next.as_ref().is_some_and(|file| file.size > SMALL);
            if files.len() == AT_A_TIME || is_large && !files.is_empty() {
                break;
            }
            self.at += line.len();
            let Some(file) = next else { continue };
            let length = entry(&file).1;
            if files.is_empty() && self.skip >= length {
                self.skip -= length;
                continue;
            }
            files.push(file);
            if is_large {
                break;
            }
        }
        files
    }

    /// A file that is sent as it comes: from where it is wanted.
    async fn begin(&mut self, file: &TreeFile) -> Result<Bytes> {
        let header = Bytes::from(entry(file).0);
        let start = self.skip.saturating_sub(header.len() as u64).min(file.size);
        self.skip -= start;
        let padding = usize::try_from(tar::padded(file.size) - file.size).unwrap_or_default();
        self.content = Some((self.open(file, start).await?.into_stream(), padding));
        Ok(header)
    }

    async fn read(&self, file: &TreeFile) -> Result<Bytes> {
        let limit = usize::try_from(SMALL).unwrap_or_default();
        Ok(self.open(file, 0).await?.collect(limit).await?)
    }

    /// The content from there on, straight from the store: so many files in the edge cache would be as many operations more.
    async fn open(&self, file: &TreeFile, start: u64) -> Result<Body> {
        if start == file.size && start > 0 {
            return Ok(Body::Empty);
        }
        // Nothing has no range, and is copied like everything else.
        let range = (file.size > 0).then_some(ByteRange { start, length: file.size - start });
        contents::open(&self.context, &self.package, &self.version, file, range).await
    }
}
