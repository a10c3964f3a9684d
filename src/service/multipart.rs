//! Taking a `multipart/form-data` body ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)) apart while it arrives: a
//! part may have half a gigabyte and is never held.
//!
//! Own code, because the crates that do this want streams that are `Send`, which those of a Worker are not. Bytes come
//! in through [`Multipart::push`], pieces go out; how much of a part is kept is for the caller to decide. Out of scope:
//! nested `multipart/mixed`, content transfer encodings.

use crate::error::{Error, Result};
use memchr::memmem::{self, Finder};

/// Bytes of one part's headers.
const HEADERS_LIMIT: usize = 16 << 10;

/// Parts of one body.
const PARTS_LIMIT: usize = 20_000;

/// Bytes of a boundary, with room to spare over the 70 that are allowed.
const BOUNDARY_LIMIT: usize = 200;

/// What a part says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    /// The name of its field.
    pub name: String,
    /// The name of its file, if it is one.
    pub file_name: Option<String>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A part begins.
    Part(PartHead),
    /// The next bytes of the present part.
    Data(Vec<u8>),
    /// The present part is complete.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// Right behind a boundary.
    Boundary,
    Headers,
    Content,
    /// Behind the last boundary: whatever follows does not count.
    Done,
}

/// Takes one body apart. After an error it is of no more use.
pub struct Multipart {
    delimiter: Finder<'static>,
    state: State,
    /// What was not understood yet: less than a delimiter within content, one part's headers at most elsewhere.
    buffer: Vec<u8>,
    parts: usize,
}

impl Multipart {
    /// For a body of that media type.
    pub fn new(content_type: &str) -> Result<Self> {
        let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let boundary = parameter(parameters, "boundary").filter(|boundary| {
            !boundary.is_empty()
                && boundary.len() <= BOUNDARY_LIMIT
                && boundary.bytes().all(|byte| byte >= b' ')
        });
        match boundary {
            Some(boundary) if media.trim().eq_ignore_ascii_case("multipart/form-data") => Ok(Self {
                delimiter: Finder::new(format!("\n--{boundary}").as_bytes()).into_owned(),
                state: State::Preamble,
                // The first boundary may begin the body: as if a line had ended before it.
                buffer: b"\n".to_vec(),
                parts: 0,
            }),
            _ => {
                Err(Error::Invalid("the body must be `multipart/form-data` with a boundary".to_owned())
                    .into())
            }
        }
    }

    /// Takes the next bytes in; adds what they complete to `pieces`.
    pub fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(taken) = self.step(at, pieces)? {
            at += taken;
        }
        self.buffer.drain(..at);
        Ok(())
    }

    /// Was the last boundary seen?
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Goes on from `at`; `None` if more bytes are needed.
    fn step(&mut self, at: usize, pieces: &mut Vec<Piece>) -> Result<Option<usize>> {
        let rest = self.buffer.get(at..).unwrap_or_default();
        match self.state {
            State::Done => Ok((!rest.is_empty()).then_some(rest.len())),
            State::Preamble | State::Content => {
                let content = self.state == State::Content;
                let found = self.delimiter.find(rest);
                // What may be the end of a line and the beginning of a delimiter waits.
                let keep = self.delimiter.needle().len();
                let length = found.unwrap_or(rest.len().saturating_sub(keep));
                let data = if found.is_some() { without_return(&rest[..length]) } else { &rest[..length] };
                if content && !data.is_empty() {
                    pieces.push(Piece::Data(data.to_vec()));
                }
                if found.is_none() {
                    return Ok((length > 0).then_some(length));
                }
                if content {
                    pieces.push(Piece::End);
                }
                self.state = State::Boundary;
                Ok(Some(length + self.delimiter.needle().len()))
            }
            State::Boundary => {
                // White space may follow a boundary.
                let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                match rest.get(padding..padding + 2) {
                    None if padding > HEADERS_LIMIT => Err(malformed("a boundary without an end")),
                    None => Ok(None),
                    Some(b"--") => {
                        self.state = State::Done;
                        Ok(Some(padding + 2))
                    }
                    // The end of this line is kept: it is the beginning of headers that may be none.
                    Some(b"\r\n") => {
                        self.state = State::Headers;
                        Ok(Some(padding))
                    }
                    Some(_) => Err(malformed("something follows a boundary")),
                }
            }
            State::Headers => match memmem::find(rest, b"\r\n\r\n") {
                Some(end) if end <= HEADERS_LIMIT => {
                    self.parts += 1;
                    if self.parts > PARTS_LIMIT {
                        return Err(malformed("it has too many parts"));
                    }
                    pieces.push(Piece::Part(head(&rest[..end])?));
                    self.state = State::Content;
                    Ok(Some(end + 4))
                }
                None if rest.len() <= HEADERS_LIMIT => Ok(None),
                _ => Err(malformed("the headers of a part are too long")),
            },
        }
    }
}

/// Content without the first half of the line end that belongs to the delimiter behind it. Some clients (nuget 2.8 on
/// Mono) end the line before their last boundary with a line feed only.
fn without_return(content: &[u8]) -> &[u8] {
    content.strip_suffix(b"\r").unwrap_or(content)
}

fn malformed(what: &str) -> Box<Error> {
    Error::Invalid(format!("the multipart body cannot be read: {what}")).into()
}

/// Reads the headers of a part: of them only the disposition says something.
fn head(bytes: &[u8]) -> Result<PartHead> {
    let text = String::from_utf8_lossy(bytes);
    for line in text.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            let (_, parameters) = value.split_once(';').unwrap_or((value, ""));
            let name = parameter(parameters, "name").ok_or_else(|| malformed("a part has no name"))?;
            let extended = parameter(parameters, "filename*").and_then(|value| extended(&value));
            let file_name = extended.or_else(|| parameter(parameters, "filename"));
            return Ok(PartHead { name, file_name });
        }
    }
    Err(malformed("a part has no disposition"))
}

/// One of the parameters of a header, quoted or not.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, next) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
            quoted_string(quoted)?
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// The content of a quoted string, and what follows it. Browsers write `%22` for a quote, others a backslash.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value.replace("%22", "\""), &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// A value with its character set ([RFC 8187](https://www.rfc-editor.org/rfc/rfc8187)); UTF-8 only.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    Some(percent_encoding::percent_decode_str(encoded).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Parts = Vec<(PartHead, Vec<u8>)>;

    fn read(content_type: &str, body: &[u8], piece: usize) -> Result<Parts> {
        let mut multipart = Multipart::new(content_type)?;
        let (mut parts, mut open): (Parts, bool) = (Vec::new(), false);
        for chunk in body.chunks(piece.max(1)) {
            let mut pieces = Vec::new();
            multipart.push(chunk, &mut pieces)?;
            for piece in pieces {
                match piece {
                    Piece::Part(head) => {
                        assert!(!open);
                        open = true;
                        parts.push((head, Vec::new()));
                    }
                    Piece::Data(bytes) => {
                        assert!(open && !bytes.is_empty());
                        parts.last_mut().unwrap().1.extend(bytes);
                    }
                    Piece::End => open = false,
                }
            }
        }
        if multipart.is_complete() { Ok(parts) } else { Err(malformed("cut short")) }
    }

    const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"x y\"";

    fn part(name: &str, file: Option<&str>, content: &[u8]) -> Vec<u8> {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let mut bytes =
            format!("--x y\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nX: y\r\n\r\n")
                .into_bytes();
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    #[test]
    fn parts_come_out_however_the_body_is_cut() {
        let content = b"a\r\nb\r\n--x\r\n--x z\r\n\r\n\0\xff";
        let mut body = b"preamble\r\n".to_vec();
        body.extend(part("one", None, b""));
        body.extend(part("content", Some("a \\\"b\\\".whl"), content));
        body.extend(part("two", None, b"2"));
        body.extend(b"--x y--\r\nepilogue");
        for piece in [1, 2, 3, 7, 50, usize::MAX] {
            let parts = read(TYPE, &body, piece).unwrap();
            assert_eq!(parts.len(), 3, "{piece}");
            assert_eq!((parts[0].0.name.as_str(), &parts[0].1[..]), ("one", &b""[..]));
            assert_eq!(parts[1].0.file_name.as_deref(), Some("a \"b\".whl"));
            assert_eq!(parts[1].1, content);
            assert_eq!(parts[2].1, b"2");
        }
    }

    #[test]
    fn a_line_feed_alone_may_end_the_content_before_a_boundary() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nPK\r\n--\0\n--b--";
        for piece in [1, 2, 5, usize::MAX] {
            let parts = read("multipart/form-data; boundary=b", body, piece).unwrap();
            assert_eq!(parts[0].1, b"PK\r\n--\0", "{piece}");
        }
    }

    #[test]
    fn names_are_read_in_every_spelling() {
        for (line, name, file) in [
            ("form-data; name=a", "a", None),
            ("form-data; name=\"a\"; filename=b", "a", Some("b")),
            ("form-data; filename=\"x;y=z\"; name=\"a\"", "a", Some("x;y=z")),
            ("form-data; name=\"a\"; filename=\"_\"; filename*=UTF-8''%C3%A4.whl", "a", Some("ä.whl")),
        ] {
            let body = format!("--b\r\ncontent-disposition:{line}\r\n\r\n\r\n--b--");
            let parts = read("multipart/form-data;boundary=b", body.as_bytes(), 9).unwrap();
            assert_eq!(parts[0].0, PartHead { name: name.to_owned(), file_name: file.map(str::to_owned) });
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (media, body) in [
            ("application/json", "{}"),
            ("multipart/form-data", "--\r\n"),
            ("multipart/mixed; boundary=b", "--b--"),
            ("multipart/form-data; boundary=b", ""),
            ("multipart/form-data; boundary=b", "--b"),
            ("multipart/form-data; boundary=b", "--b\r\n\r\n"),
            ("multipart/form-data; boundary=b", "--bx\r\n"),
            ("multipart/form-data; boundary=b", "--b\r\nX: y\r\n\r\n--b--"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx"),
        ] {
            assert!(read(media, body.as_bytes(), 4).is_err(), "{media} {body:?}");
        }
        let long = format!("--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", "x".repeat(20_000));
        assert!(read("multipart/form-data; boundary=b", long.as_bytes(), 1000).is_err());
        assert!(read("multipart/form-data; boundary=b", b"--b--", 1).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn content_passes_whole(content: Vec<u8>, cut in 1_usize..40) {
            let mut body = part("f", None, &content);
            body.extend(b"--x y--\r\n");
            let parts = read(TYPE, &body, cut).unwrap();
            prop_assert_eq!(&parts[0].1, &content);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, media: String) {
            let _ = read(&media, &bytes, 5);
            let _ = read("multipart/form-data; boundary=b", &[b"--b\r\n", &bytes[..]].concat(), 5);
        }
    }
}
