//! Looking into a pushed tarball while it passes: whose `package.json` is in it?
//!
//! A manifest that is not the archive's lets a package be another one than it looks like. In scope: finding the first
//! `{folder}/package.json` within bounds. Out of scope: everything else in the archive; nothing is unpacked.

use crate::error::{Error, Result};
use crate::model::json;
use crate::service::tar::{self, Entry, Seen, Verdict};
use serde::Deserialize;

/// What `package.json` says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Identity {
    /// The package.
    pub(super) name: String,
    /// The version, as its author wrote it.
    pub(super) version: String,
}

/// Looks into an archive as it passes.
pub(super) struct Inspector(tar::Inspector);

impl Default for Inspector {
    fn default() -> Self {
        let judge = |entry: &Entry| {
            let path = entry.path.trim_start_matches("./");
            let top = path.split_once('/').is_some_and(|(_, name)| name == "package.json");
            if top && entry.is_file { Verdict::Capture } else { Verdict::Skip }
        };
        Self(tar::Inspector::new(judge))
    }
}

impl Inspector {
    /// Takes the next bytes of the archive.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.push(bytes)
    }

    /// The identity of the package in the archive; `None` if its `package.json` was not met within bounds.
    pub(super) fn finish(self) -> Result<Option<Identity>> {
        let Seen::Captured(manifest) = self.0.finish()? else { return Ok(None) };
        let manifest = manifest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&manifest);
        let identity = json::read(manifest);
        identity
            .map(Some)
            .map_err(|error| Error::Invalid(format!("the tarball's package.json: {error}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    const BLOCK: usize = 512;

    use proptest::prelude::*;

    fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, content) in entries {
            let mut header = [0_u8; BLOCK];
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[156] = b'0';
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
        }
        bytes.extend_from_slice(&[0; 2 * BLOCK]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inspect(archive: &[u8], piece: usize) -> Result<Option<Identity>> {
        let mut inspector = Inspector::default();
        for piece in archive.chunks(piece) {
            inspector.push(piece)?;
        }
        inspector.finish()
    }

    const MANIFEST: &[u8] = br#"{"name":"n","version":"1.0.0"}"#;

    #[test]
    fn the_top_package_json_counts() {
        let archive = tar(&[
            ("package/a.js", &[7; 3000]),
            ("package/node_modules/x/package.json", b"{}"),
            ("package/package.json", MANIFEST),
            ("package/z.js", &[7; 3000]),
        ]);
        for piece in [1, 100, usize::MAX] {
            assert_eq!(inspect(&archive, piece).unwrap().unwrap().name, "n");
        }
        assert_eq!(inspect(&tar(&[("package/a.js", b"x")]), 64).unwrap(), None);
    }

    #[test]
    fn what_is_no_archive_is_refused_and_a_bomb_is_not_inflated() {
        assert!(inspect(b"not gzip at all, however long", 5).is_err());
        assert!(inspect(&tar(&[("package/package.json", b"nonsense")]), 99).is_err());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..200 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        assert_eq!(inspect(&encoder.finish().unwrap(), 1000).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            let _ = inspect(&encoder.finish().unwrap(), 10);
            let _ = inspect(&bytes, 10);
        }
    }
}
