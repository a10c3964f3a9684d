//! Taking an archive apart while it arrives: a tar archive, compressed by gzip or not.
//!
//! In scope: one file after the other, each with its content as it comes, names of any length, and bounds that hold before
//! anything is done about what is in it. Out of scope: which paths there may be. Folders are passed over; links and devices
//! are refused.

use super::header::{BLOCK, Header, Kind, read_extended};
use crate::error::{Error, Result};
use crate::model::gzip::Unpacker;
use crate::platform::ByteStream;
use bytes::{Buf, Bytes};
use futures_util::StreamExt;

/// Entries of any kind that are read.
const ENTRIES_LIMIT: usize = 8_000;

/// Bytes of what an archive says about an entry before that entry.
const EXTENDED_LIMIT: u64 = 64 << 10;

/// An archive unpacks to so many times its own size at most, once it unpacked to more than [`FREELY_UNPACKED`].
const RATIO_LIMIT: u64 = 200;

/// So much any archive may unpack to.
const FREELY_UNPACKED: u64 = 64 << 20;

/// Bytes that are unpacked in one go.
const PIECE: usize = 64 << 10;

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedFile {
    /// Where it is, as the archive says, but for `./` at the beginning.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// May it be run?
    pub executable: bool,
}

/// An archive that is on its way.
pub struct Archive {
    stream: ByteStream,
    /// What has come and was not unpacked yet.
    packed: Bytes,
    /// `None` for an archive that is not compressed.
    unpacker: Option<Unpacker>,
    /// What was not read yet.
    plain: Bytes,
    /// Bytes that came, and what they unpacked to.
    arrived: u64,
    unpacked: u64,
    /// Bytes of the present file that are to be read, and what fills its last block.
    content: u64,
    padding: u64,
    entries: usize,
}

impl Archive {
    /// Looks how the archive begins.
    pub async fn open(stream: ByteStream) -> Result<Self> {
        let mut archive = Self {
            stream,
            packed: Bytes::new(),
            unpacker: None,
            plain: Bytes::new(),
            arrived: 0,
            unpacked: 0,
            content: 0,
            padding: 0,
            entries: 0,
        };
        archive.receive().await?;
        archive.unpacker = archive.packed.starts_with(&[0x1f]).then(Unpacker::default);
        Ok(archive)
    }

    /// The next file; what was not read of the one before is passed over.
    pub async fn next(&mut self) -> Result<Option<ArchivedFile>> {
        let (mut named, mut sized) = (None, None);
        loop {
            self.pass(self.content + self.padding).await?;
            (self.content, self.padding) = (0, 0);
            let Some(header) = self.header().await? else { return Ok(None) };
            match header.kind {
                Kind::Extended => {
                    let (path, size) = read_extended(&self.extended(&header).await?);
                    (named, sized) = (path.or(named), size.or(sized));
                }
                Kind::LongPath => {
                    let content = self.extended(&header).await?;
                    let path = content.split(|byte| *byte == 0).next().unwrap_or_default();
                    named = Some(String::from_utf8_lossy(path).into_owned());
                }
                Kind::Global | Kind::LongLink => {
                    self.extended(&header).await?;
                }
                Kind::Folder => (named, sized) = (None, None),
                Kind::File => {
                    let (path, size) = (named.unwrap_or(header.path), sized.unwrap_or(header.size));
                    self.content = size;
                    self.padding = super::padded(size).saturating_sub(size);
                    let path = path.trim_start_matches("./").to_owned();
                    return Ok(Some(ArchivedFile { path, size, executable: header.executable }));
                }
                Kind::Other => {
                    let path: String = named.unwrap_or(header.path).chars().take(160).collect();
                    let text = format!("`{}`, which is no file but a link or a device", path.escape_debug());
                    return Err(refused(&text));
                }
            }
        }
    }

    /// Bytes of the present file; `None` if it was read to its end.
    pub async fn content(&mut self) -> Result<Option<Bytes>> {
        if self.content == 0 {
            return Ok(None);
        }
        self.fill().await?;
        let length = usize::try_from(self.content).unwrap_or(usize::MAX).min(self.plain.len());
        self.content -= length as u64;
        Ok(Some(self.plain.split_to(length)))
    }

    /// Reads the rest and forgets it: clients listen only once they have sent everything.
    pub async fn drain(mut self) {
        while let Some(Ok(_)) = self.stream.next().await {}
    }

    /// The next header; `None` at the end.
    async fn header(&mut self) -> Result<Option<Header>> {
        let block = self.take(BLOCK).await?;
        let Some(header) = Header::read(&block) else { return Ok(None) };
        if !Header::is_sound(&block) {
            return Err(Error::Invalid("the body is no tar archive, or a damaged one".to_owned()).into());
        }
        self.entries += 1;
        if self.entries > ENTRIES_LIMIT {
            return Err(refused(&format!("more than {ENTRIES_LIMIT} entries")));
        }
        Ok(Some(header))
    }

    /// What stands about an entry before it.
    async fn extended(&mut self, header: &Header) -> Result<Bytes> {
        if header.size > EXTENDED_LIMIT {
            return Err(refused("an entry with too long a name"));
        }
        let length = usize::try_from(header.size).unwrap_or_default();
        let content = self.take(length).await?;
        self.pass(header.padded() - header.size).await?;
        Ok(content)
    }

    /// So many bytes, all at once.
    async fn take(&mut self, length: usize) -> Result<Bytes> {
        let mut gathered = Vec::with_capacity(length);
        while gathered.len() < length {
            self.fill().await?;
            let taken = self.plain.split_to(self.plain.len().min(length - gathered.len()));
            gathered.extend_from_slice(&taken);
        }
        Ok(gathered.into())
    }

    /// Passes over so many bytes.
    async fn pass(&mut self, mut length: u64) -> Result<()> {
        while length > 0 {
            self.fill().await?;
            let taken = usize::try_from(length).unwrap_or(usize::MAX).min(self.plain.len());
            self.plain.advance(taken);
            length -= taken as u64;
        }
        Ok(())
    }

    /// Sees to it that there is something to read.
    async fn fill(&mut self) -> Result<()> {
        while self.plain.is_empty() {
            let ended = self.packed.is_empty() && !self.receive().await?;
            let Some(unpacker) = &mut self.unpacker else {
                self.plain = std::mem::take(&mut self.packed);
                if ended {
                    return Err(cut());
                }
                continue;
            };
            let (mut rest, mut piece) = (&self.packed[..], vec![0; PIECE]);
            let written = unpacker.step(&mut rest, &mut piece);
            let written =
                written.map_err(|error| Error::Invalid(format!("the archive is not gzip: {error}")))?;
            self.packed = self.packed.slice_ref(rest);
            if ended && written == 0 {
                return Err(cut());
            }
            piece.truncate(written);
            self.unpacked += written as u64;
            if self.unpacked > FREELY_UNPACKED.max(self.arrived.saturating_mul(RATIO_LIMIT)) {
                return Err(refused(&format!("content of more than {RATIO_LIMIT} times its size")));
            }
            self.plain = piece.into();
        }
        Ok(())
    }

    /// Takes in what comes next; `false` at the end.
    async fn receive(&mut self) -> Result<bool> {
        while self.packed.is_empty() {
            let Some(piece) = self.stream.next().await else { return Ok(false) };
            self.packed = piece?;
            self.arrived += self.packed.len() as u64;
        }
        Ok(true)
    }
}

fn refused(what: &str) -> Box<Error> {
    Error::Invalid(format!("the archive has {what}")).into()
}

fn cut() -> Box<Error> {
    Error::Invalid("the archive ends before its last entry does".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::super::header::{END, write_header};
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use futures_executor::block_on;
    use futures_util::stream;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn entry(path: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = write_header(path, content.len() as u64, path.contains("run"));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    /// The same of another kind.
    fn of_kind(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = entry(path, content);
        bytes[156] = kind;
        let sum: u32 = bytes[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = bytes[148..156].iter().map(|byte| u32::from(*byte)).sum();
        let sum = format!("{:06o}\0 ", sum - own + 256);
        bytes[148..156].copy_from_slice(sum.as_bytes());
        bytes
    }

    fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    type Unpacked = Vec<(String, bool, Vec<u8>)>;

    fn unpack(bytes: &[u8], piece: usize) -> Result<Unpacked> {
        let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        block_on(async {
            let mut archive = Archive::open(Box::pin(stream::iter(pieces))).await?;
            let mut found = Vec::new();
            while let Some(file) = archive.next().await? {
                let mut content = Vec::new();
                while let Some(bytes) = archive.content().await? {
                    content.extend_from_slice(&bytes);
                }
                assert_eq!(content.len() as u64, file.size);
                found.push((file.path, file.executable, content));
            }
            Ok(found)
        })
    }

    #[test]
    fn files_come_one_after_the_other() {
        let long = "folder/".repeat(40) + "file";
        let archive = [
            of_kind("./", b'5', b""),
            entry("./a.txt", b"some text"),
            of_kind("folder/", b'5', b""),
            entry("folder/run.sh", &[7; 1500]),
            entry("empty", b""),
            entry(&long, b"long"),
            of_kind("././@LongLink", b'L', b"by/gnu\0"),
            entry("by", b"gnu"),
            of_kind("global", b'g', b"11 size=99\n"),
            entry("block", &[1; BLOCK]),
            END.to_vec(),
        ]
        .concat();
        let expected = [
            ("a.txt", false, b"some text".to_vec()),
            ("folder/run.sh", true, vec![7; 1500]),
            ("empty", false, Vec::new()),
            (&long, false, b"long".to_vec()),
            ("by/gnu", false, b"gnu".to_vec()),
            ("block", false, vec![1; BLOCK]),
        ]
        .map(|(path, executable, content)| (path.to_owned(), executable, content));
        for piece in [1, 100, 4096, usize::MAX] {
            assert_eq!(unpack(&archive, piece).unwrap(), expected, "{piece}");
            assert_eq!(unpack(&compress(&archive), piece).unwrap(), expected, "{piece}, compressed");
        }
    }

    #[test]
    fn what_is_not_read_is_passed_over() {
        let archive = [entry("a", &[1; 5000]), entry("b", b"2"), END.to_vec()].concat();
        let read = block_on(async {
            let mut archive = Archive::open(crate::platform::once(archive.into())).await.unwrap();
            archive.next().await.unwrap();
            archive.next().await.unwrap().unwrap()
        });
        assert_eq!(read.path, "b");
    }

    #[test]
    fn hostile_archives_are_refused() {
        let refusal = |archive: &[u8]| unpack(archive, 4096).unwrap_err().to_string();
        for kind in [b'1', b'2', b'3', b'6'] {
            assert!(refusal(&of_kind("l", kind, b"")).contains("`l`, which is no file"));
        }
        let many: Vec<u8> = (0..8_001).flat_map(|_| of_kind("f/", b'5', b"")).collect();
        assert!(refusal(&many).contains("more than 8000 entries"));
        assert!(refusal(&of_kind("x", b'x', &vec![b'1'; 70_000])).contains("too long a name"));
        let bomb = compress(&entry("zeros", &vec![0; 80 << 20]));
        assert!(refusal(&bomb).contains("200 times its size"), "{}", bomb.len());
    }

    #[test]
    fn what_is_cut_or_is_none_is_refused() {
        let archive = [entry("a", b"some text"), END.to_vec()].concat();
        let compressed = compress(&archive);
        for bytes in [
            &archive[..700],
            &archive[..1024],
            &compressed[..compressed.len() / 2],
            b"",
            b"text",
            b"\x1f\x8b",
        ] {
            assert!(unpack(bytes, 64).is_err(), "{bytes:.20?}");
        }
        assert!(unpack(&vec![b'x'; 2000], 64).unwrap_err().to_string().contains("no tar archive"));
        assert!(unpack(&END, 64).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, piece in 1_usize..50) {
            let _ = unpack(&bytes, piece);
            let _ = unpack(&compress(&bytes), piece);
            let _ = unpack(&[of_kind("x", b'x', &bytes), bytes.clone()].concat(), piece);
        }
    }
}
