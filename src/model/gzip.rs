//! [Gzip](https://www.rfc-editor.org/rfc/rfc1952): the frame around a compressed stream, and its checksum.
//!
//! In scope: one member, read whole or as it passes, and written. Out of scope: what follows the first member, names and
//! dates in the frame (they are passed over), and compression itself, which is `miniz_oxide`.
//!
//! The crates for this bring along a table of sixteen kilobytes that nothing compresses. The one here is made when the
//! first checksum is taken.

use bytes::{Buf, Bytes};
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::LazyLock;

/// Bytes before the content: twice the longest field whose length is written down.
const HEADER_LIMIT: usize = 128 << 10;

/// Bytes of the header that are looked at in one go; it is nearly always ten bytes long.
const HEADER_STEP: usize = 512;

/// The checksum and the length, which end a stream.
const TRAILER: usize = 8;

/// Bytes that are handed on in one go.
const PIECE: usize = 32 << 10;

/// Reads what a gzip stream was made of. Its end is an error until checksum and length were found to be right.
pub struct Reader {
    input: Bytes,
    unpacker: Unpacker,
}

impl Reader {
    /// Of these bytes.
    pub fn new(input: Bytes) -> Self {
        Self { input, unpacker: Unpacker::default() }
    }
}

impl Read for Reader {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let mut rest = &self.input[..];
        let written = self.unpacker.step(&mut rest, output)?;
        let used = self.input.len() - rest.len();
        self.input.advance(used);
        if written == 0 && !output.is_empty() {
            self.unpacker.finish()?;
        }
        Ok(written)
    }
}

/// Takes a gzip stream apart as it passes.
pub struct Unpacker {
    part: Part,
    inflater: Box<InflateState>,
    checksum: Checksum,
    /// What has come of the header, or of the trailer.
    held: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Content,
    Trailer,
    Nothing,
}

/// At the beginning of a stream.
impl Default for Unpacker {
    fn default() -> Self {
        Self {
            part: Part::Header,
            inflater: InflateState::new_boxed(DataFormat::Raw),
            checksum: Checksum::default(),
            held: Vec::new(),
        }
    }
}

impl Unpacker {
    /// Hands on what the next bytes of the stream unpack to.
    pub fn push(&mut self, mut input: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let written = self.step(&mut input, &mut piece)?;
            if written == 0 {
                break;
            }
            out.write_all(&piece[..written])?;
        }
        if input.is_empty() { Ok(()) } else { Err(invalid("something follows the gzip stream")) }
    }

    /// The stream is over: an error if it should not be.
    pub fn finish(&self) -> io::Result<()> {
        if self.part == Part::Nothing { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// Writes some of the content, and takes what that needs from the input. Nothing is written once all input is used, or
    /// the stream at its end.
    pub fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.part {
                Part::Header => {
                    let before = self.held.len();
                    self.held.extend(&input[..input.len().min(HEADER_STEP)]);
                    let length = header_length(&self.held)?;
                    *input = &input[length.unwrap_or(self.held.len()) - before..];
                    if length.is_some() {
                        self.enter(Part::Content);
                    } else if self.held.len() > HEADER_LIMIT {
                        return Err(invalid("gzip header field too long"));
                    } else if input.is_empty() {
                        return Ok(0);
                    }
                }
                Part::Content => {
                    let done = inflate(&mut self.inflater, input, output, MZFlush::None);
                    *input = &input[done.bytes_consumed..];
                    self.checksum.update(&output[..done.bytes_written]);
                    match done.status {
                        Ok(MZStatus::StreamEnd) => self.enter(Part::Trailer),
                        Ok(MZStatus::Ok) if done.bytes_consumed > 0 => {}
                        Ok(MZStatus::Ok) | Err(MZError::Buf) => return Ok(done.bytes_written),
                        Ok(MZStatus::NeedDict) | Err(_) => return Err(invalid("corrupt deflate stream")),
                    }
                    if done.bytes_written > 0 {
                        return Ok(done.bytes_written);
                    }
                }
                Part::Trailer => {
                    let more = input.len().min(TRAILER - self.held.len());
                    self.held.extend(&input[..more]);
                    *input = &input[more..];
                    if self.held.len() < TRAILER {
                        return Ok(0);
                    }
                    if self.held != self.checksum.trailer() {
                        return Err(corrupt());
                    }
                    self.enter(Part::Nothing);
                }
                Part::Nothing => return Ok(0),
            }
        }
    }

    fn enter(&mut self, part: Part) {
        self.part = part;
        self.held.clear();
    }
}

/// Writes a gzip stream into memory.
pub struct Writer {
    out: Vec<u8>,
    compressor: Box<CompressorOxide>,
    checksum: Checksum,
    piece: Vec<u8>,
}

impl Writer {
    /// Level 1 is the fastest, 9 the smallest.
    pub fn new(level: u8) -> Self {
        let mut compressor = Box::<CompressorOxide>::default();
        compressor.set_format_and_level(DataFormat::Raw, level);
        // No flags, no date; the fastest level says so; the system is unknown.
        let out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, if level == 1 { 4 } else { 0 }, 0xff];
        Self { out, compressor, checksum: Checksum::default(), piece: vec![0; PIECE] }
    }

    /// The stream.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        self.deflate(&[], MZFlush::Finish)?;
        self.out.extend(self.checksum.trailer());
        Ok(self.out)
    }

    fn deflate(&mut self, mut input: &[u8], flush: MZFlush) -> io::Result<()> {
        loop {
            let done = deflate(&mut self.compressor, input, &mut self.piece, flush);
            input = &input[done.bytes_consumed..];
            self.out.extend(&self.piece[..done.bytes_written]);
            match done.status {
                Ok(MZStatus::StreamEnd) => return Ok(()),
                Ok(_) if flush == MZFlush::None && input.is_empty() => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(invalid("the content could not be compressed")),
            }
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.checksum.update(bytes);
            self.deflate(bytes, MZFlush::None)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes a stream has before its content, or `None` if they are not all there.
fn header_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(fixed) = bytes.get(..10) else { return Ok(None) };
    let flags = fixed[3];
    if !fixed.starts_with(&[0x1f, 0x8b, 8]) || flags & 0b1110_0000 != 0 {
        return Err(invalid("invalid gzip header"));
    }
    let mut length = 10;
    if flags & 0b100 != 0 {
        let Some([low, high]) = bytes.get(length..length + 2) else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    // A name and a comment, each up to a zero.
    for flag in [0b1000, 0b1_0000] {
        if flags & flag != 0 {
            let rest = bytes.get(length..).unwrap_or_default();
            let Some(end) = memchr::memchr(0, rest) else { return Ok(None) };
            length += end + 1;
        }
    }
    if flags & 0b10 != 0 {
        let Some(stated) = bytes.get(length..length + 2) else { return Ok(None) };
        let mut checksum = Checksum::default();
        checksum.update(&bytes[..length]);
        if checksum.trailer()[..2] != *stated {
            return Err(corrupt());
        }
        length += 2;
    }
    Ok(Some(length).filter(|length| bytes.len() >= *length))
}

/// What ends a stream: the CRC-32 of its content, and how long that is, modulo 2³².
#[derive(Clone, Default)]
struct Checksum {
    value: u32,
    length: u32,
}

impl Checksum {
    fn update(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        let [t0, t1, t2, t3] = &*TABLES;
        let at = |table: &[u32; 256], byte: u8| table[usize::from(byte)];
        let mut value = !self.value;
        for word in words {
            let [a, b, c, d] = (value ^ u32::from_le_bytes(*word)).to_le_bytes();
            value = at(t3, a) ^ at(t2, b) ^ at(t1, c) ^ at(t0, d);
        }
        for byte in rest {
            let [low, ..] = value.to_le_bytes();
            value = at(t0, low ^ byte) ^ value >> 8;
        }
        self.value = !value;
        #[expect(clippy::cast_possible_truncation, reason = "it is stated modulo 2³²")]
        let more = bytes.len() as u32;
        self.length = self.length.wrapping_add(more);
    }

    fn trailer(&self) -> [u8; TRAILER] {
        (u64::from(self.length) << 32 | u64::from(self.value)).to_le_bytes()
    }
}

/// The remainders of a byte, and of one with one, two and three zeros after it.
static TABLES: LazyLock<[[u32; 256]; 4]> = LazyLock::new(|| {
    let mut remainders: Vec<u32> = (0..256).collect();
    [8, 8, 8, 8].map(|bits| {
        for remainder in &mut remainders {
            for _ in 0..bits {
                let odd = *remainder & 1 != 0;
                *remainder = *remainder >> 1 ^ if odd { 0xedb8_8320 } else { 0 };
            }
        }
        std::array::from_fn(|byte| remainders[byte])
    })
});

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
}

fn corrupt() -> io::Error {
    invalid("corrupt gzip stream does not have a matching checksum")
}

#[cfg(test)]
mod tests;
