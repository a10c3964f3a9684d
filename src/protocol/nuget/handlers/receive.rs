//! Taking in a push: the package hashed and put aside as it passes, then its manifest read from it.

use super::super::{name, wire};
use super::read::is_manifest;
use crate::error::{Error, Result};
use crate::model::{Algorithm, Version};
use crate::platform::{Body, Platform, PlatformError, Request, header};
use crate::service::multipart::{Multipart, Piece};
use crate::service::stage::{self, Intake, Staged};
use crate::service::{FeedContext, Package, zip};
use futures_util::StreamExt;
use std::cell::Cell;

/// Bytes of a package, as for Azure Artifacts.
const PACKAGE_LIMIT: u64 = 500 << 20;

/// Bytes of a manifest.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// A push taken in.
pub(super) struct Received {
    /// Which package.
    pub(super) package: Package,
    /// Which version.
    pub(super) version: Version,
    /// What its manifest says.
    pub(super) members: wire::Members,
    /// The package itself.
    pub(super) content: Staged,
}

/// Takes a push in: the one file of a form, or a body that is the package.
pub(super) async fn receive<P: Platform>(context: &FeedContext<P>, request: Request) -> Result<Received> {
    let content_type = request.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.unwrap_or_default().to_owned();
    let is_form = content_type.to_ascii_lowercase().starts_with("multipart/");
    let taken = if is_form {
        of_form(context, Multipart::new(&content_type)?, request.body).await
    } else {
        stage::take(context, request.body, &[Algorithm::Sha512], PACKAGE_LIMIT).await
    };
    let content = taken.map_err(|error| match *error {
        Error::Platform(PlatformError::TooLong(limit)) => {
            Error::TooLarge { what: "the package", limit }.into()
        }
        _ => error,
    })?;
    let platform = &context.platform;
    let content = content.hashed(platform, &[Algorithm::Sha512]).await?;
    match identify(platform, &content).await {
        Ok((package, version, members)) => Ok(Received { package, version, members, content }),
        Err(error) => {
            // What cannot be discarded now is swept by the housekeeping.
            let _ = content.discard(platform).await;
            Err(error)
        }
    }
}

async fn of_form<P: Platform>(context: &FeedContext<P>, form: Multipart, body: Body) -> Result<Staged> {
    let mut intake = Intake::new(context, &[Algorithm::Sha512], PACKAGE_LIMIT);
    match drain(&mut intake, form, body).await {
        Ok(()) => intake.finish().await,
        Err(error) => {
            intake.abort().await;
            Err(error)
        }
    }
}

async fn drain<P: Platform>(intake: &mut Intake<P>, mut form: Multipart, body: Body) -> Result<()> {
    let (mut stream, mut pieces) = (body.into_stream(), Vec::new());
    // Of a form its first part counts, whatever it is called.
    let mut part = 0;
    while let Some(chunk) = stream.next().await {
        form.push(&chunk?, &mut pieces)?;
        for piece in pieces.drain(..) {
            match piece {
                Piece::Part(_) => part += 1,
                Piece::Data(bytes) if part == 1 => intake.push(&bytes).await?,
                Piece::Data(_) | Piece::End => {}
            }
        }
    }
    if !form.is_complete() {
        return Err(Error::Invalid("the push was cut short".to_owned()).into());
    }
    Ok(())
}

/// Whose package it is, by the manifest in it.
async fn identify<P: Platform>(platform: &P, content: &Staged) -> Result<(Package, Version, wire::Members)> {
    let escapes = Cell::new(false);
    let wanted = |path: &str| {
        escapes.set(escapes.get() || leaves_its_folder(path));
        is_manifest(path)
    };
    let found = zip::find(platform, content, &wanted).await?;
    if escapes.get() {
        return Err(Error::Invalid("the package has a file whose path leaves its folder".to_owned()).into());
    }
    let [manifest] = found.as_slice() else {
        return Err(Error::Invalid("a package has one `.nuspec` at its top".to_owned()).into());
    };
    let members = wire::nuspec::parse(&zip::read(platform, content, manifest, MANIFEST_LIMIT).await?)?;
    let package = name::parse(wire::text(&members, "id"))?;
    let version = name::require_version(wire::text(&members, "version"))?;
    Ok((package, version, members))
}

/// Would a file of that path be written outside of the folder into which an archive is unpacked? Paths in packages are
/// percent-encoded.
fn leaves_its_folder(path: &str) -> bool {
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    path.starts_with('/') || path.split('/').any(|segment| segment == "..") || path.get(1..2) == Some(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_their_folder() {
        for bad in [
            "../x",
            "a/../../x",
            "/etc/x",
            "..\\x",
            "a\\..\\..\\x",
            "C:\\x",
            "c:/x",
            "%2e%2e/x",
            "a/%2E%2E%2Fx",
        ] {
            assert!(leaves_its_folder(bad), "{bad}");
        }
        for good in ["a.nuspec", "lib/net45/a..b.dll", "_rels/.rels", "[Content_Types].xml", "lib/...", "ä:"]
        {
            assert!(!leaves_its_folder(good), "{good}");
        }
    }
}
