//! What must be in the archive of a push: everything in the folder `{crate}-{version}`, and a manifest.
//!
//! Clients refuse to unpack any other archive, so that a number would be lost to one.

use crate::error::{Error, Result};
use crate::service::tar::{self, Entry, Seen, Verdict};

/// Looks into the archive of a push as it passes.
pub(super) struct Inspector {
    manifest: String,
    tar: tar::Inspector,
}

impl Inspector {
    /// Everything shall be in that folder.
    pub(super) fn new(folder: &str) -> Self {
        let (manifest, prefix) = (format!("{folder}/Cargo.toml"), format!("{folder}/"));
        let wanted = manifest.clone();
        let judge = move |entry: &Entry| {
            if entry.path == wanted && entry.is_file || entry.renamed {
                // Of a path that is not known nothing can be said.
                Verdict::Stop
            } else if entry.path.starts_with(&prefix) {
                Verdict::Skip
            } else {
                Verdict::Refuse("has files outside the folder named after crate and version")
            }
        };
        Self { manifest, tar: tar::Inspector::new(judge) }
    }

    /// Takes the next bytes of the archive.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.tar.push(bytes)
    }

    /// The archive is over.
    pub(super) fn finish(self) -> Result<()> {
        match self.tar.finish()? {
            Seen::Everything => Err(Error::Invalid(format!("the archive has no `{}`", self.manifest)).into()),
            Seen::Enough | Seen::Captured(_) => Ok(()),
        }
    }
}
