//! Publishing an archive as a whole: each of its entries becomes a file.
//!
//! Files that are small are kept several at a time. What came before something was refused is a draft like any other.

use super::super::name;
use super::commit::{self, Content};
use crate::error::{Error, Result};
use crate::model::{Algorithm, TreeFile, TreePath, Version};
use crate::platform::{Body, Platform, together};
use crate::protocol::Answer;
use crate::service::contents::Arriving;
use crate::service::publish::check_number;
use crate::service::stage::Intake;
use crate::service::tar::{Archive, ArchivedFile};
use crate::service::{FeedContext, Package, drafts};

/// Files of one archive: each takes three operations of the few thousand that a request may have.
const FILES_LIMIT: usize = 3_000;

/// So many files are kept at a time.
const AT_A_TIME: usize = 6;

/// And so many bytes of them are held at most.
const HELD_LIMIT: u64 = 6 << 20;

/// `PUT {name}/{version}`.
pub(super) async fn publish<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    body: Body,
) -> Result<Answer<P>> {
    check_number(context, package, version).await?;
    let mut archive = Archive::open(body.into_stream()).await?;
    let taken = take(context, package, version, &mut archive).await;
    archive.drain().await;
    let content = Content { files: taken?, said: true, description: "" };
    commit::make(context, package, version, content).await
}

async fn take<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    archive: &mut Archive,
) -> Result<Vec<TreeFile>> {
    let (mut files, mut held, mut size) = (Vec::new(), Vec::new(), 0);
    loop {
        let next = archive.next().await?;
        let fits = next.as_ref().is_some_and(|file| file.size <= HELD_LIMIT - size && held.len() < AT_A_TIME);
        if !fits {
            let kept = std::mem::take(&mut held).into_iter();
            let kept = kept.map(|(file, arriving)| drafts::add(context, package, version, file, arriving));
            for file in together::all(kept).await {
                files.push(file?);
            }
            size = 0;
        }
        let Some(file) = next else { return Ok(files) };
        if files.len() + held.len() >= FILES_LIMIT {
            let text = format!("the archive has more than {FILES_LIMIT} files: send them one by one");
            return Err(Error::Invalid(text).into());
        }
        size = file.size.saturating_add(size).min(HELD_LIMIT);
        held.push(receive(context, archive, file).await?);
    }
}

/// Takes a file in.
async fn receive<P: Platform>(
    context: &FeedContext<P>,
    archive: &mut Archive,
    file: ArchivedFile,
) -> Result<((TreePath, bool), Arriving)> {
    let path = name::parse_path(&file.path)?;
    let mut intake = Intake::new(context, &[Algorithm::Sha256], u64::MAX);
    loop {
        let outcome = match archive.content().await {
            Ok(Some(piece)) => intake.push(&piece).await,
            Ok(None) => break,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            intake.abort().await;
            return Err(error);
        }
    }
    Ok(((path, file.executable), Arriving::staged(intake.finish().await?)?))
}
