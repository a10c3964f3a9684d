//! Takes a JSON document apart while it arrives, in memory that does not grow with it.
//!
//! Listings of tens of megabytes, and pushes with an archive in a string, go through here: the caller says per member
//! what it wants (look inside, the text, nothing, the string in pieces), and everything else passes by.
//!
//! Whatever its handling, a value's structure is checked to the grammar of [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259):
//! brackets, commas, colons, literals, numbers. What is *not* checked is the content of strings that are skipped,
//! captured or streamed (escapes, control characters, UTF-8): a captured text goes through `serde_json` at the
//! visitor's, a streamed one through the visitor's decoder, and a skipped one is nobody's.
//!
//! Out of scope: documents whose outermost value is not an object.

mod visitor;

pub use visitor::{Handling, SplitError, Visitor};

use crate::model::json;
use memchr::memchr2;

/// How deep values may nest: `serde_json`'s own limit, so that what is captured can be parsed.
const DEPTH_LIMIT: u32 = 128;
/// Bytes of one key of a descended object, as spelled.
const KEY_LIMIT: usize = 8 * 1024;
/// Bytes of one number.
const SCALAR_LIMIT: usize = 1024;
/// Bytes captured of a value that was to be descended into but is no object.
const MISFIT_LIMIT: usize = 1024;

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// Inside a string; `escaped`: right behind a backslash.
    Text {
        key: bool,
        escaped: bool,
    },
    /// Inside a number or literal.
    Scalar,
    /// The document is complete.
    Done,
    /// An error was reported.
    Broken,
}

/// What becomes of the bytes of the present value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// None is open: we are between members of descended objects.
    Descending,
    Capturing {
        limit: usize,
    },
    Skipping,
    Streaming,
}

/// Takes one document apart. After an error it is of no more use.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    sink: Sink,
    /// Bytes taken in by earlier pushes.
    offset: u64,
    /// One bit per open bracket, the innermost lowest; set for an object.
    kinds: u128,
    depth: u32,
    /// The depth at which the sink's value began.
    base: u32,
    path: Vec<String>,
    key: String,
    /// The present key as spelled, in quotes.
    key_text: Vec<u8>,
    /// The captured text.
    text: Vec<u8>,
    /// The beginning of a number or literal.
    scalar: Vec<u8>,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Splitter {
    /// A splitter at the beginning of a document.
    pub fn new() -> Self {
        Self {
            state: State::Value,
            sink: Sink::Descending,
            offset: 0,
            kinds: 0,
            depth: 0,
            base: 0,
            path: Vec::new(),
            key: String::new(),
            key_text: Vec::new(),
            text: Vec::new(),
            scalar: Vec::new(),
        }
    }

    /// Takes the next bytes in and tells the visitor what they complete.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        visitor: &mut dyn Visitor<Error = E>,
    ) -> Result<(), SplitError<E>> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let step = match self.state {
                State::Text { key, escaped: false } => self.string(rest, at, key, visitor),
                State::Text { key, escaped: true } => self.escape(rest, at, key, visitor),
                State::Scalar => self.scalar(rest, at, visitor),
                _ => self.structure(rest, at, visitor),
            };
            match step {
                Ok(taken) => at += taken,
                Err(error) => {
                    self.state = State::Broken;
                    return Err(error);
                }
            }
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Says that no more bytes come.
    pub fn finish<E>(self) -> Result<(), SplitError<E>> {
        match self.state {
            State::Done => Ok(()),
            _ => Err(SplitError::Truncated { offset: self.offset }),
        }
    }

    /// Passes over whitespace and takes one byte of structure. Leaves the first byte of a number or literal to
    /// [`Self::scalar`].
    fn structure<E>(&mut self, rest: &[u8], at: usize, visitor: &mut dyn Visitor<Error = E>) -> Step<E> {
        let Some(space) = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) else {
            return Ok(rest.len());
        };
        let (byte, at) = (rest[space], at + space);
        match (self.state, byte) {
            (State::ValueOrEnd, b']') | (State::KeyOrEnd, b'}') | (State::CommaOrEnd, b'}' | b']') => {
                self.close(byte, at, visitor)?;
            }
            (State::Value | State::ValueOrEnd, _) => return Ok(space + self.begin(byte, at, visitor)?),
            (State::Key | State::KeyOrEnd, b'"') => {
                self.key_text.clear();
                self.keep(b"\"")?;
                self.state = State::Text { key: true, escaped: false };
            }
            (State::Colon, b':') => {
                self.punctuate(byte)?;
                self.state = State::Value;
            }
            (State::CommaOrEnd, b',') => {
                self.punctuate(byte)?;
                self.state = if self.kinds & 1 == 1 { State::Key } else { State::Value };
            }
            (State::Done, _) => {
                return Err(SplitError::Trailing { offset: self.offset + at as u64 });
            }
            (State::Broken, _) => return Err(self.unexpected(at, "nothing after an error")),
            (State::Key, _) => return Err(self.unexpected(at, "a key")),
            (State::KeyOrEnd, _) => return Err(self.unexpected(at, "a key or `}`")),
            (State::Colon, _) => return Err(self.unexpected(at, "`:`")),
            _ => return Err(self.unexpected(at, "`,` or a closing bracket")),
        }
        Ok(space + 1)
    }

    /// Begins a value; answers how many bytes were taken.
    fn begin<E>(&mut self, byte: u8, at: usize, visitor: &mut dyn Visitor<Error = E>) -> Step<E> {
        if self.sink == Sink::Descending {
            if self.depth == 0 && byte != b'{' {
                return Err(self.unexpected(at, "an object"));
            }
            // The outermost object has no key to ask about.
            let handling =
                if self.depth == 0 { Handling::Descend } else { visitor.member(&self.path, &self.key) };
            self.sink = match (handling, byte) {
                (Handling::Descend, b'{') => {
                    if self.depth > 0 {
                        self.path.push(std::mem::take(&mut self.key));
                    }
                    self.open(byte, at)?;
                    return Ok(1);
                }
                (Handling::Elements, b'[') => {
                    self.path.push(std::mem::take(&mut self.key));
                    self.open(byte, at)?;
                    return Ok(1);
                }
                (Handling::Descend | Handling::Elements, _) => Sink::Capturing { limit: MISFIT_LIMIT },
                (Handling::Capture { limit }, _) => Sink::Capturing { limit },
                (Handling::Skip, _) => Sink::Skipping,
                (Handling::StreamString, b'"') => Sink::Streaming,
                (Handling::StreamString, _) => return Err(self.unexpected(at, "a string")),
            };
            self.base = self.depth;
        }
        match byte {
            b'{' | b'[' => self.open(byte, at)?,
            b'"' => {
                self.punctuate(byte)?;
                self.state = State::Text { key: false, escaped: false };
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.scalar.clear();
                self.state = State::Scalar;
                return Ok(0);
            }
            _ => return Err(self.unexpected(at, "a value")),
        }
        Ok(1)
    }

    fn open<E>(&mut self, byte: u8, at: usize) -> Result<(), SplitError<E>> {
        if self.depth == DEPTH_LIMIT {
            return Err(SplitError::TooDeep { offset: self.offset + at as u64 });
        }
        let object = byte == b'{';
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(object);
        self.state = if object { State::KeyOrEnd } else { State::ValueOrEnd };
        self.punctuate(byte)
    }

    fn close<E>(
        &mut self,
        byte: u8,
        at: usize,
        visitor: &mut dyn Visitor<Error = E>,
    ) -> Result<(), SplitError<E>> {
        if (self.kinds & 1 == 1) != (byte == b'}') {
            return Err(self.unexpected(at, "the bracket that closes the innermost one"));
        }
        self.punctuate(byte)?;
        self.kinds >>= 1;
        self.depth -= 1;
        if self.sink == Sink::Descending {
            self.path.pop();
            // What follows in an array has no key.
            self.key.clear();
            self.after_value();
            return Ok(());
        }
        self.end(visitor)
    }

    /// A value inside a sink is complete; is it the sink's own?
    fn end<E>(&mut self, visitor: &mut dyn Visitor<Error = E>) -> Result<(), SplitError<E>> {
        if self.depth == self.base {
            match std::mem::replace(&mut self.sink, Sink::Descending) {
                Sink::Capturing { .. } => {
                    visitor.captured(&self.path, &self.key, &self.text).map_err(SplitError::Visitor)?;
                    self.text.clear();
                }
                Sink::Streaming => visitor.string_end(&self.path, &self.key).map_err(SplitError::Visitor)?,
                Sink::Skipping | Sink::Descending => {}
            }
        }
        self.after_value();
        Ok(())
    }

    fn after_value(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::CommaOrEnd };
    }

    /// Runs through a string to its end or its next backslash.
    fn string<E>(
        &mut self,
        rest: &[u8],
        at: usize,
        key: bool,
        visitor: &mut dyn Visitor<Error = E>,
    ) -> Step<E> {
        let run = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        if self.sink == Sink::Streaming {
            if run > 0 {
                let piece = &rest[..run];
                visitor.string_piece(&self.path, &self.key, piece).map_err(SplitError::Visitor)?;
            }
        } else {
            self.keep(&rest[..run.saturating_add(1).min(rest.len())])?;
        }
        match rest.get(run) {
            None => return Ok(run),
            Some(b'\\') => self.state = State::Text { key, escaped: true },
            Some(_) if !key => self.end(visitor)?,
            Some(_) => {
                self.state = State::Colon;
                if self.sink == Sink::Descending {
                    self.key = json::read(&self.key_text)
                        .map_err(|_| self.unexpected(at + run, "a well-formed key"))?;
                }
            }
        }
        Ok(run + 1)
    }

    /// Takes the byte behind a backslash. The four digits of `\u` need no care: none of them can end a string.
    fn escape<E>(
        &mut self,
        rest: &[u8],
        at: usize,
        key: bool,
        visitor: &mut dyn Visitor<Error = E>,
    ) -> Step<E> {
        let byte = &rest[..1];
        if self.sink == Sink::Streaming {
            if byte != b"/" {
                return Err(self.unexpected(at, "no escape but `\\/` in this string"));
            }
            visitor.string_piece(&self.path, &self.key, byte).map_err(SplitError::Visitor)?;
        } else {
            self.keep(byte)?;
        }
        self.state = State::Text { key, escaped: false };
        Ok(1)
    }

    /// Runs through a number or literal. It ends where something else begins, maybe in a later push.
    fn scalar<E>(&mut self, rest: &[u8], at: usize, visitor: &mut dyn Visitor<Error = E>) -> Step<E> {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let run = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
        if self.scalar.len() + run > SCALAR_LIMIT {
            return Err(self.too_large(SCALAR_LIMIT));
        }
        self.scalar.extend_from_slice(&rest[..run]);
        self.keep(&rest[..run])?;
        if run < rest.len() {
            json::read::<serde::de::IgnoredAny>(&self.scalar)
                .map_err(|_| self.unexpected(at, "a number, `true`, `false` or `null`"))?;
            self.end(visitor)?;
        }
        Ok(run)
    }

    /// Takes bytes of the present key or value.
    fn keep<E>(&mut self, bytes: &[u8]) -> Result<(), SplitError<E>> {
        let (text, limit) = match self.sink {
            Sink::Capturing { limit } => (&mut self.text, limit),
            Sink::Descending => (&mut self.key_text, KEY_LIMIT),
            Sink::Skipping | Sink::Streaming => return Ok(()),
        };
        if text.len() + bytes.len() > limit {
            return Err(self.too_large(limit));
        }
        text.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes a byte that belongs to a captured text but to no key.
    fn punctuate<E>(&mut self, byte: u8) -> Result<(), SplitError<E>> {
        if self.sink == Sink::Descending { Ok(()) } else { self.keep(&[byte]) }
    }

    fn unexpected<E>(&self, at: usize, expected: &'static str) -> SplitError<E> {
        SplitError::NotJson { offset: self.offset + at as u64, expected }
    }

    fn too_large<E>(&self, limit: usize) -> SplitError<E> {
        let key = match self.sink {
            Sink::Descending => String::from_utf8_lossy(&self.key_text).chars().skip(1).take(80).collect(),
            _ => self.key.chars().take(160).collect(),
        };
        SplitError::TooLarge { key, limit }
    }
}

/// How many bytes a step took.
type Step<E> = Result<usize, SplitError<E>>;

#[cfg(test)]
mod tests;
