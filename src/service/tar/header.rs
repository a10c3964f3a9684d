//! Blocks that stand before the content of a [tar archive](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html)'s
//! entries: reading those of others, and writing our own.

/// What everything in an archive is a multiple of.
pub(super) const BLOCK: usize = 512;

/// What stands behind the last entry.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Where each field of a header is, and how long.
const PATH: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..263;
const PREFIX: std::ops::Range<usize> = 345..500;

/// What is beyond this many bytes does not fit into the field of a size.
const OCTAL_LIMIT: u64 = 1 << 33;

/// When everything was changed that we write: content has no date, and zip archives made of it can have this one.
const MODIFIED: u64 = 499_162_500;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// More about the next entry, by POSIX.
    Extended,
    /// The path of the next entry, by GNU.
    LongPath,
    /// Where the next entry links to, by GNU.
    LongLink,
    /// About all entries that follow.
    Global,
    /// A link, a device, or what is not known.
    Other,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) kind: Kind,
    pub(super) executable: bool,
}

impl Header {
    /// Reads a block; `None` for one of zeros, with which an archive ends.
    pub(super) fn read(block: &[u8]) -> Option<Self> {
        if block.iter().all(|byte| *byte == 0) {
            return None;
        }
        let field = |range: std::ops::Range<usize>| block.get(range).unwrap_or_default();
        let text = |range| {
            let field: &[u8] = field(range);
            String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
        };
        let octal = |range| u64::from_str_radix(text(range).trim(), 8).unwrap_or(0);
        let size = match field(SIZE) {
            // What does not fit in octal digits is binary.
            [0x80, rest @ ..] => {
                rest.iter().fold(0_u64, |size, byte| size.wrapping_shl(8) | u64::from(*byte))
            }
            _ => octal(SIZE),
        };
        let path = match text(PREFIX) {
            // GNU archives keep other things there.
            prefix if prefix.is_empty() || field(MAGIC) != b"ustar\0" => text(PATH),
            prefix => format!("{prefix}/{}", text(PATH)),
        };
        let kind = match block.get(KIND).copied().unwrap_or_default() {
            // Once a folder was only known by its slash.
            0 if path.ends_with('/') => Kind::Folder,
            b'0' | b'7' | 0 => Kind::File,
            b'5' => Kind::Folder,
            b'x' => Kind::Extended,
            b'L' => Kind::LongPath,
            b'K' => Kind::LongLink,
            b'g' => Kind::Global,
            _ => Kind::Other,
        };
        Some(Self { path, size, kind, executable: octal(MODE) & 0o100 != 0 })
    }

    /// Is that block a header at all?
    pub(super) fn is_sound(block: &[u8]) -> bool {
        let field = block.get(CHECKSUM).unwrap_or_default();
        let digits: String = field.iter().map(|byte| char::from(*byte)).collect();
        let declared = u32::from_str_radix(digits.trim_matches(['\0', ' ']), 8);
        declared == Ok(checksum(block))
    }

    /// Bytes of the content with what fills its last block.
    pub(super) fn padded(&self) -> u64 {
        padded(self.size)
    }
}

/// So many bytes, and what fills the last block.
pub fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

/// The sum of a header's bytes, its own field taken for spaces.
fn checksum(block: &[u8]) -> u32 {
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = block.get(CHECKSUM).unwrap_or_default().iter().map(|byte| u32::from(*byte)).sum();
    sum - own + 8 * u32::from(b' ')
}

/// What stands before the content of a file.
pub fn write_header(path: &str, size: u64, executable: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK);
    let mut more = String::new();
    if path.len() > PATH.len() || !path.is_ascii() {
        more += &extended("path", path);
    }
    if size >= OCTAL_LIMIT {
        more += &extended("size", &size.to_string());
    }
    if !more.is_empty() {
        block(&mut out, "pax-header", more.len() as u64, b'x', 0o644);
        out.extend_from_slice(more.as_bytes());
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let short: String = path.chars().filter(char::is_ascii).take(PATH.len()).collect();
    let size = if size < OCTAL_LIMIT { size } else { 0 };
    block(&mut out, &short, size, b'0', if executable { 0o755 } else { 0o644 });
    out
}

/// A record of a POSIX header: its own length is part of its length.
fn extended(name: &str, value: &str) -> String {
    let rest = format!(" {name}={value}\n");
    let mut length = rest.len();
    while rest.len() + length.to_string().len() > length {
        length += 1;
    }
    format!("{length}{rest}")
}

fn block(out: &mut Vec<u8>, path: &str, size: u64, kind: u8, mode: u64) {
    let mut block = [0; BLOCK];
    let mut put = |start: usize, bytes: &[u8]| {
        for (place, byte) in block.iter_mut().skip(start).zip(bytes) {
            *place = *byte;
        }
    };
    put(PATH.start, path.as_bytes());
    // Whose it is: nobody's.
    for (start, number) in [(MODE.start, mode), (108, 0), (116, 0)] {
        put(start, &octal(number)[4..]);
    }
    put(SIZE.start, &octal(size));
    put(136, &octal(MODIFIED));
    put(KIND, &[kind]);
    put(MAGIC.start, b"ustar\x0000");
    let sum = octal(checksum(&block).into());
    for (place, byte) in block.iter_mut().skip(CHECKSUM.start).zip(sum[5..].iter().chain(b"\0 ")) {
        *place = *byte;
    }
    out.extend_from_slice(&block);
}

/// The last eleven octal digits of a number.
fn octal(mut number: u64) -> [u8; 11] {
    let mut digits = [b'0'; 11];
    for digit in digits.iter_mut().rev() {
        *digit += (number & 7) as u8;
        number >>= 3;
    }
    digits
}

/// The values of a POSIX header that say where an entry is and how long.
pub(super) fn read_extended(content: &[u8]) -> (Option<String>, Option<u64>) {
    let (mut path, mut size, mut rest) = (None, None, content);
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| rest.get(space + 1..length)) else { break };
        rest = &rest[space + 1 + record.len()..];
        let text = String::from_utf8_lossy(record);
        match text.trim_end_matches('\n').split_once('=') {
            Some(("path", value)) => path = Some(value.to_owned()),
            Some(("size", value)) => size = value.parse().ok(),
            _ => {}
        }
    }
    (path, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_reads_back() {
        let long = "a/".repeat(60) + "b";
        for (path, size, executable) in [("a", 0, false), ("bin/run.sh", 7, true), (&long[..100], 1, false)] {
            let block = write_header(path, size, executable);
            assert_eq!(block.len(), BLOCK);
            assert!(Header::is_sound(&block));
            let expected = Header { path: path.to_owned(), size, kind: Kind::File, executable };
            assert_eq!(Header::read(&block), Some(expected));
            assert_eq!(&block[MAGIC], b"ustar\0");
        }
        for (path, size) in [(long.as_str(), 5), ("ä", 1), ("big", 9 << 30)] {
            let blocks = write_header(path, size, false);
            assert_eq!(blocks.len(), 3 * BLOCK);
            let first = Header::read(&blocks).unwrap();
            assert_eq!(first.kind, Kind::Extended);
            let content = &blocks[BLOCK..BLOCK + usize::try_from(first.size).unwrap()];
            let (read_path, read_size) = read_extended(content);
            let last = Header::read(&blocks[2 * BLOCK..]).unwrap();
            assert_eq!(read_path.unwrap_or(last.path), path);
            assert_eq!(read_size.unwrap_or(last.size), size);
        }
        assert_eq!(extended("path", &"x".repeat(91)).len(), 101, "a length may need one digit more");
        assert!(extended("path", &"x".repeat(91)).starts_with("101 "));
    }

    #[test]
    fn a_damaged_header_is_none() {
        let mut block = write_header("a", 3, false);
        block[0] = b'b';
        assert!(!Header::is_sound(&block));
        assert!(!Header::is_sound(b"short"));
        assert_eq!(Header::read(&END), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (Header::read(&bytes), Header::is_sound(&bytes), read_extended(&bytes));
        }
    }
}
