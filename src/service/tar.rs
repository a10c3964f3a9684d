//! Looking into a gzipped tar archive while it passes; taking one apart is `tar/archive.rs`'s, and writing one
//! `tar/header.rs`'s.
//!
//! In scope here: showing entries one by one, within bounds, until whoever looks has seen enough, and catching the content of
//! one of them. Out of scope: names over 100 bytes by GNU's and POSIX's extensions (they are shown as
//! [`Entry::renamed`]).

mod archive;
mod header;

pub use archive::{Archive, ArchivedFile};
pub use header::{END, padded, write_header};

use crate::error::{Error, Result};
use crate::model::gzip;
use header::{BLOCK, Header, Kind};
use std::io::{self, Write};

/// Bytes inflated at most: past them a bomb is not worth the time, nor what is looked for the wait.
const INFLATED_LIMIT: u64 = 64 << 20;

/// Bytes of content that is caught.
const CAPTURE_LIMIT: u64 = 1 << 20;

/// An entry of an archive.
#[derive(Debug)]
pub struct Entry {
    /// Its path.
    pub path: String,
    /// Is it a file, as opposed to a folder, a link or a device?
    pub is_file: bool,
    /// Does its true path stand in an entry before it, so that `path` is only the beginning?
    pub renamed: bool,
}

/// What to do about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on to the next.
    Skip,
    /// Catch its content, and look no further.
    Capture,
    /// Look no further.
    Stop,
    /// Refuse the archive, for that reason.
    Refuse(&'static str),
}

/// How looking into an archive ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// With the content of the entry that was to be caught.
    Captured(Vec<u8>),
    /// Before the archive's end: there was enough, or it was too long.
    Enough,
    /// With the archive.
    Everything,
}

/// Looks into an archive as it passes.
pub struct Inspector {
    /// `None` once nothing more is to be learnt.
    passing: Option<(gzip::Unpacker, Scanner)>,
    seen: Seen,
}

impl Inspector {
    /// `judge` is asked about every entry.
    pub fn new(judge: impl FnMut(&Entry) -> Verdict + 'static) -> Self {
        let scanner = Scanner {
            judge: Box::new(judge),
            header: Vec::with_capacity(BLOCK),
            rest: 0,
            wanted: 0,
            inflated: 0,
            renamed: false,
            captured: None,
            refused: None,
            done: false,
        };
        Self { passing: Some((gzip::Unpacker::default(), scanner)), seen: Seen::Everything }
    }

    /// Takes the next bytes of the archive.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Some((unpacker, scanner)) = &mut self.passing else { return Ok(()) };
        let pushed = unpacker.push(bytes, scanner);
        if scanner.done {
            self.seen = scanner.seen()?;
            self.passing = None;
            return Ok(());
        }
        pushed.map_err(|error| no_gzip(&error))
    }

    /// Is nothing more to be learnt?
    pub fn is_done(&self) -> bool {
        self.passing.is_none()
    }

    /// The archive is over.
    pub fn finish(self) -> Result<Seen> {
        if let Some((unpacker, _)) = self.passing {
            unpacker.finish().map_err(|error| no_gzip(&error))?;
        }
        Ok(self.seen)
    }
}

fn no_gzip(error: &io::Error) -> Box<Error> {
    Error::Invalid(format!("the archive is not gzip: {error}")).into()
}

/// Walks the blocks.
struct Scanner {
    judge: Box<dyn FnMut(&Entry) -> Verdict>,
    header: Vec<u8>,
    /// Bytes of the present entry that are still to come, padding included.
    rest: u64,
    /// Of those, bytes that are to be caught.
    wanted: u64,
    inflated: u64,
    /// The path of the next entry stood in the one before it.
    renamed: bool,
    captured: Option<Vec<u8>>,
    refused: Option<&'static str>,
    done: bool,
}

impl Scanner {
    fn seen(&mut self) -> Result<Seen> {
        match self.refused {
            Some(reason) => Err(Error::Invalid(format!("the archive {reason}")).into()),
            None => Ok(self.captured.take().map_or(Seen::Enough, Seen::Captured)),
        }
    }

    fn enter(&mut self) {
        let block = std::mem::take(&mut self.header);
        let Some(header) = Header::read(&block) else { return };
        self.rest = header.padded();
        let Header { path, size, kind, .. } = header;
        if matches!(kind, Kind::LongPath | Kind::LongLink | Kind::Extended | Kind::Global) {
            self.renamed |= kind != Kind::Global;
            return;
        }
        let renamed = std::mem::take(&mut self.renamed);
        match (self.judge)(&Entry { path, is_file: kind == Kind::File, renamed }) {
            Verdict::Skip => {}
            Verdict::Capture if size <= CAPTURE_LIMIT => {
                self.captured = Some(Vec::new());
                self.wanted = size;
                self.done = size == 0;
            }
            Verdict::Capture | Verdict::Stop => self.done = true,
            Verdict::Refuse(reason) => {
                self.refused = Some(reason);
                self.done = true;
            }
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(captured) = self.captured.as_mut().filter(|_| wanted > 0) {
            captured.extend_from_slice(&bytes[..wanted]);
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
        self.done |= self.inflated > INFLATED_LIMIT;
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

    /// Path, kind and content.
    type Written<'a> = (&'a str, u8, &'a [u8]);

    fn archive(entries: &[Written<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, kind, content) in entries {
            let mut header = [0_u8; BLOCK];
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[156] = *kind;
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
        }
        bytes.extend_from_slice(&[0; 2 * BLOCK]);
        compress(&bytes)
    }

    fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inspect(archive: &[u8], piece: usize) -> Result<Seen> {
        let mut inspector = Inspector::new(|entry| match entry.path.as_str() {
            _ if entry.renamed => Verdict::Skip,
            "a/catch" if entry.is_file => Verdict::Capture,
            "a/stop" => Verdict::Stop,
            "a/bad" => Verdict::Refuse("is bad"),
            _ => Verdict::Skip,
        });
        for piece in archive.chunks(piece) {
            inspector.push(piece)?;
        }
        inspector.finish()
    }

    #[test]
    fn entries_are_shown_until_there_is_enough() {
        let long = [7; 3000];
        let table: [(&[Written], Seen); 5] = [
            (
                &[("a/x", b'0', &long), ("a/catch", b'0', b"text"), ("a/bad", b'0', b"")],
                Seen::Captured(b"text".to_vec()),
            ),
            (&[("a/catch", b'5', b""), ("a/stop", b'0', &long), ("a/bad", b'0', b"")], Seen::Enough),
            (&[("a/x", b'0', &long)], Seen::Everything),
            (&[("././@LongLink", b'L', b"a/longer"), ("a/bad", b'0', &long)], Seen::Everything),
            (&[("a/catch", b'0', b"")], Seen::Captured(Vec::new())),
        ];
        for (entries, expected) in table {
            for piece in [1, 100, usize::MAX] {
                assert_eq!(inspect(&archive(entries), piece).unwrap(), expected);
            }
        }
        let refused = inspect(&archive(&[("a/bad", b'0', b"")]), 9).unwrap_err();
        assert_eq!(refused.to_string(), "the archive is bad");
    }

    #[test]
    fn what_is_no_archive_is_refused_and_a_bomb_is_not_inflated() {
        assert!(inspect(b"not gzip at all, however long", 5).is_err());
        let whole = archive(&[("a/x", b'0', &[7; 3000])]);
        assert!(inspect(&whole[..whole.len() / 2], 99).is_err());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..200 {
            encoder.write_all(&vec![1; 1 << 20]).unwrap();
        }
        assert_eq!(inspect(&encoder.finish().unwrap(), 1000).unwrap(), Seen::Enough);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = inspect(&compress(&bytes), 10);
            let _ = inspect(&bytes, 10);
        }
    }
}
