//! Looking into a zip archive that was taken in: finding one file of it by its name, within bounds.
//!
//! The directory at the archive's end is read by range, then the one file; nothing else of the archive is. Own code over
//! `miniz_oxide`: what is needed of [the format](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) is a tenth of
//! what the crates for it bring along. Out of scope: encryption, archives in several volumes, methods besides *stored*
//! and *deflated*; extracting anything to anywhere.

use super::stage::Staged;
use crate::error::{Error, Result};
use crate::platform::{ByteRange, Platform};
use bytes::Bytes;

/// Bytes of the directory: 100,000 files with long names.
const DIRECTORY_LIMIT: u64 = 16 << 20;

/// Files in an archive.
const ENTRIES_LIMIT: u64 = 200_000;

/// How many times larger than its archive form a file may be.
const RATIO_LIMIT: u64 = 200;

/// The end record with the longest comment, and the locator of its 64-bit twin before it.
const TAIL: u64 = 22 + 65_535 + 20;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub path: String,
    method: u16,
    flags: u16,
    compressed: u64,
    size: u64,
    offset: u64,
}

/// The files of an archive whose paths are wanted. Two of one path are an error: which one is meant depends on who reads.
pub async fn find<P: Platform>(
    platform: &P,
    archive: &Staged,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Entry>> {
    let size = archive.size();
    let start = size.saturating_sub(TAIL);
    let tail = range(platform, archive, start, size - start).await?;
    let end = End::find(&tail).ok_or_else(|| malformed("it has no directory"))?;
    let end = match end.wide {
        Some(offset) => End::wide(&range(platform, archive, offset, 56).await?)?,
        None => end,
    };
    if end.entries > ENTRIES_LIMIT || end.length > DIRECTORY_LIMIT {
        return Err(malformed("its directory is too large"));
    }
    let directory = range(platform, archive, end.offset, end.length).await?;
    let mut found: Vec<Entry> = Vec::new();
    let mut rest = &directory[..];
    for _ in 0..end.entries {
        let (entry, after) = Entry::read(rest).ok_or_else(|| malformed("its directory is damaged"))?;
        rest = after;
        if wanted(&entry.path) {
            if found.iter().any(|other| other.path == entry.path) {
                return Err(malformed("it has two files of one path"));
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// The content of a file, if it has at most `limit` bytes.
pub async fn read<P: Platform>(platform: &P, archive: &Staged, entry: &Entry, limit: u64) -> Result<Bytes> {
    let bomb = entry.size > entry.compressed.saturating_mul(RATIO_LIMIT).saturating_add(1 << 16);
    if entry.size > limit || entry.compressed > limit || bomb {
        return Err(Error::TooLarge { what: "a file in the archive", limit }.into());
    }
    if entry.flags & 1 == 1 {
        return Err(malformed("it is encrypted"));
    }
    let local = range(platform, archive, entry.offset, 30).await?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(malformed("a file is not where its directory says"));
    }
    let lengths = u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
    let content = range(platform, archive, entry.offset + 30 + lengths, entry.compressed).await?;
    match entry.method {
        0 if entry.size == entry.compressed => Ok(content),
        8 => inflate(&content, entry.size),
        _ => Err(malformed("a file is compressed in an unknown way")),
    }
}

fn inflate(content: &[u8], size: u64) -> Result<Bytes> {
    let limit = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
    match miniz_oxide::inflate::decompress_to_vec_with_limit(content, limit) {
        Ok(plain) if plain.len() as u64 == size => Ok(plain.into()),
        _ => Err(malformed("a file is damaged")),
    }
}

fn malformed(what: &str) -> Box<Error> {
    Error::Invalid(format!("the zip archive cannot be read: {what}")).into()
}

/// A part of the archive, whole.
async fn range<P: Platform>(platform: &P, archive: &Staged, start: u64, length: u64) -> Result<Bytes> {
    let inside = start.checked_add(length).is_some_and(|end| end <= archive.size());
    if !inside {
        return Err(malformed("it points beyond its end"));
    }
    if length == 0 {
        return Ok(Bytes::new());
    }
    let bytes = archive.range(platform, ByteRange { start, length }).await?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(malformed("it points beyond its end")) }
}

/// Where the directory is.
struct End {
    entries: u64,
    length: u64,
    offset: u64,
    /// Where the record with 64-bit numbers is, if these do not tell.
    wide: Option<u64>,
}

impl End {
    /// The end record: the last one whose comment fills the rest of the archive.
    fn find(tail: &[u8]) -> Option<Self> {
        let last = tail.len().checked_sub(22)?;
        let is_end = |at: &usize| {
            tail[*at..].starts_with(b"PK\x05\x06") && last == at + usize::from(u16_at(tail, at + 20))
        };
        let at = (0..=last).rev().find(is_end)?;
        let record = &tail[at..];
        let locator = at.checked_sub(20).and_then(|at| tail.get(at..at + 20));
        let locator = locator.filter(|locator| locator.starts_with(b"PK\x06\x07"));
        let (entries, length, offset) = (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16));
        let overflows = entries == u16::MAX || length == u32::MAX || offset == u32::MAX;
        Some(Self {
            entries: entries.into(),
            length: length.into(),
            offset: offset.into(),
            wide: locator.filter(|_| overflows).map(|locator| u64_at(locator, 8)),
        })
    }

    fn wide(record: &[u8]) -> Result<Self> {
        if !record.starts_with(b"PK\x06\x06") {
            return Err(malformed("it has no directory"));
        }
        Ok(Self {
            entries: u64_at(record, 32),
            length: u64_at(record, 40),
            offset: u64_at(record, 48),
            wide: None,
        })
    }
}

impl Entry {
    /// The first entry of a directory, and what follows it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let head = bytes.get(..46).filter(|head| head.starts_with(b"PK\x01\x02"))?;
        let (name, extra, comment) =
            (usize::from(u16_at(head, 28)), usize::from(u16_at(head, 30)), usize::from(u16_at(head, 32)));
        let path = String::from_utf8_lossy(bytes.get(46..46 + name)?).into_owned();
        let mut entry = Self {
            path,
            flags: u16_at(head, 8),
            method: u16_at(head, 10),
            compressed: u32_at(head, 20).into(),
            size: u32_at(head, 24).into(),
            offset: u32_at(head, 42).into(),
        };
        entry.widen(bytes.get(46 + name..46 + name + extra)?);
        Some((entry, bytes.get(46 + name + extra + comment..)?))
    }

    /// Takes the 64-bit numbers of the extra field where the 32-bit ones overflow.
    fn widen(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let Some(field) = extra.get(4..4 + length) else { return };
            if id == 1 {
                let mut rest = field;
                for number in [&mut self.size, &mut self.compressed, &mut self.offset] {
                    if *number == u64::from(u32::MAX) && rest.len() >= 8 {
                        *number = u64_at(rest, 0);
                        rest = &rest[8..];
                    }
                }
            }
            extra = &extra[4 + length..];
        }
    }
}

/// A little-endian number; zero beyond the end.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let field = bytes.get(at..at + length).unwrap_or_default();
    field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[expect(clippy::cast_possible_truncation, reason = "two bytes were read")]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at, 2) as u16
}

#[expect(clippy::cast_possible_truncation, reason = "four bytes were read")]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    number(bytes, at, 4) as u32
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at, 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Algorithm;
    use crate::platform::memory::MemoryPlatform;
    use crate::service::stage;
    use flate2::{Compression, write::DeflateEncoder};
    use futures_executor::block_on;
    use proptest::prelude::*;
    use std::io::Write as _;

    /// An archive; every second file is stored, the others deflated.
    fn zip(files: &[(&str, &[u8])], comment: &[u8]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (index, (path, content)) in files.iter().enumerate() {
            let deflated = index % 2 == 1;
            let packed = if deflated {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            } else {
                content.to_vec()
            };
            let offset = u32::try_from(bytes.len()).unwrap();
            let mut common = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            common.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
            common.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
            common.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
            common.extend([0, 0]);
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(path.as_bytes());
            bytes.extend(packed);
            directory.extend(b"PK\x01\x02\x14\0");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(path.as_bytes());
        }
        let offset = u32::try_from(bytes.len()).unwrap();
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            bytes.extend(u16::try_from(files.len()).unwrap().to_le_bytes());
        }
        bytes.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
        bytes.extend(comment);
        bytes
    }

    fn look(bytes: Vec<u8>, path: &str, limit: u64) -> Result<Option<Bytes>> {
        let platform = MemoryPlatform::new();
        block_on(async {
            let context = crate::service::tests::context_of(&platform, "one");
            let staged = stage::take(&context, bytes.into(), &[Algorithm::Sha256], 1 << 30).await?;
            let found = find(&platform, &staged, &|other| other == path).await?;
            match found.first() {
                Some(entry) => read(&platform, &staged, entry, limit).await.map(Some),
                None => Ok(None),
            }
        })
    }

    #[test]
    fn one_file_is_found_among_others() {
        let large = vec![b'x'; 9 << 20];
        let files: [(&str, &[u8]); 4] =
            [("a", b"stored"), ("d/METADATA", b"Name: d\n"), ("large", &large), ("e", b"")];
        for comment in [&b""[..], b"PK\x05\x06 in a comment of some length, longer than a record"] {
            let archive = zip(&files, comment);
            assert_eq!(look(archive.clone(), "d/METADATA", 100).unwrap().unwrap(), &b"Name: d\n"[..]);
            assert_eq!(look(archive.clone(), "a", 100).unwrap().unwrap(), &b"stored"[..]);
            assert_eq!(look(archive.clone(), "e", 100).unwrap().unwrap(), &b""[..]);
            assert_eq!(look(archive.clone(), "f", 100).unwrap(), None);
            assert!(matches!(
                look(archive, "large", 100).map_err(|error| *error),
                Err(Error::TooLarge { .. })
            ));
        }
    }

    #[test]
    fn archives_that_lie_are_refused() {
        let bomb = vec![0; 30 << 20];
        assert!(look(zip(&[("x", b""), ("bomb", &bomb)], b""), "bomb", 1 << 30).is_err());
        assert!(look(zip(&[("a", b"1"), ("a", b"2")], b""), "a", 100).is_err(), "two of one path");
        assert!(look(b"not a zip at all".to_vec(), "a", 100).is_err());
        assert!(look(Vec::new(), "a", 100).is_err());
        let mut beyond = zip(&[("a", b"1")], b"");
        let at = beyond.len() - 6;
        beyond[at..at + 4].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
        assert!(look(beyond, "a", 100).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, at: usize, value: u8) {
            let _ = look(bytes, "a", 100);
            let mut damaged = zip(&[("b", b"1"), ("a", b"12345678")], b"");
            let at = at % damaged.len();
            damaged[at] = value;
            let _ = look(damaged, "a", 100);
        }
    }
}
