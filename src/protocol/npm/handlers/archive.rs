//! Looking into a pushed tarball while it passes: whose `package.json` is in it?
//!
//! A manifest that is not the archive's lets a package be another one than it looks like. In scope: finding the first
//! `{folder}/package.json` within bounds. Out of scope: everything else in the archive; nothing is unpacked.

use crate::error::{Error, Result};
use crate::model::json;
use flate2::write::GzDecoder;
use serde::Deserialize;
use std::io::{self, Write};

/// Bytes inflated at most: past them a bomb is not worth the time, and a `package.json` not worth the wait.
const INFLATED_LIMIT: u64 = 64 << 20;

/// Bytes of a `package.json`.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// One block of a [tar archive](https://www.gnu.org/software/tar/manual/html_node/Standard.html).
const BLOCK: usize = 512;

/// What `package.json` says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Identity {
    /// The package.
    pub(super) name: String,
    /// The version, as its author wrote it.
    pub(super) version: String,
}

/// Looks into an archive as it passes.
pub(super) struct Inspector {
    /// `None` once nothing more is to be learnt.
    decoder: Option<GzDecoder<Scanner>>,
    found: Option<Vec<u8>>,
}

impl Default for Inspector {
    fn default() -> Self {
        Self { decoder: Some(GzDecoder::new(Scanner::default())), found: None }
    }
}

impl Inspector {
    /// Takes the next bytes of the archive.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let written = decoder.write_all(bytes);
        let scanner = decoder.get_mut();
        if scanner.is_done() {
            self.found = scanner.manifest.take();
            self.decoder = None;
            return Ok(());
        }
        written.map_err(|error| Error::Invalid(format!("the tarball is not a gzip archive: {error}")))
    }

    /// The identity of the package in the archive; `None` if its `package.json` was not met within bounds.
    pub(super) fn finish(mut self) -> Result<Option<Identity>> {
        if let Some(mut decoder) = self.decoder.take() {
            let end = decoder.try_finish();
            let scanner = decoder.get_mut();
            if !scanner.is_done() {
                end.map_err(|error| Error::Invalid(format!("the tarball is not a gzip archive: {error}")))?;
            }
            self.found = scanner.manifest.take();
        }
        let Some(manifest) = self.found else { return Ok(None) };
        let manifest = manifest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&manifest);
        let identity = json::read(manifest);
        identity.map(Some).map_err(|error| Error::Invalid(format!("the tarball's package.json: {error}")))
    }
}

/// Walks the blocks of a tar archive.
#[derive(Default)]
struct Scanner {
    header: Vec<u8>,
    /// Bytes of the present entry that are still to come, padding included.
    rest: u64,
    /// Of those, bytes that belong to the manifest.
    wanted: u64,
    inflated: u64,
    manifest: Option<Vec<u8>>,
    done: bool,
}

impl Scanner {
    fn is_done(&self) -> bool {
        self.done
    }

    fn enter(&mut self) {
        let header = std::mem::take(&mut self.header);
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
        };
        let size = u64::from_str_radix(text(124..136).trim(), 8).unwrap_or(0);
        self.rest = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
        let path = match text(345..500) {
            prefix if prefix.is_empty() => text(0..100),
            prefix => format!("{prefix}/{}", text(0..100)),
        };
        let regular = matches!(header[156], b'0' | 0);
        let top =
            path.trim_start_matches("./").split_once('/').is_some_and(|(_, name)| name == "package.json");
        if regular && top && size <= MANIFEST_LIMIT {
            self.manifest = Some(Vec::new());
            self.wanted = size;
            self.done = size == 0;
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(manifest) = self.manifest.as_mut().filter(|_| wanted > 0) {
            manifest.extend_from_slice(&bytes[..wanted]);
            self.wanted -= wanted as u64;
            self.done = self.wanted == 0;
        }
        self.rest -= bytes.len() as u64;
    }
}

impl Write for Scanner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        self.inflated += bytes.len() as u64;
        self.done |= self.inflated > INFLATED_LIMIT;
        while !left.is_empty() && !self.done {
            let length = if self.rest > 0 {
                let length = usize::try_from(self.rest).unwrap_or(usize::MAX).min(left.len());
                self.pass(&left[..length]);
                length
            } else {
                let length = (BLOCK - self.header.len()).min(left.len());
                self.header.extend_from_slice(&left[..length]);
                if self.header.len() == BLOCK {
                    self.enter();
                }
                length
            };
            left = &left[length..];
        }
        // Nothing more is wanted: an error stops the inflating.
        if self.done { Err(io::Error::other("seen enough")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
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
