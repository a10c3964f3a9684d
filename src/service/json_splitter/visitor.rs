//! What a splitter asks, and what it reports.

/// What to do with the value of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Ask about each of its members. A value that is no object is captured instead, up to 1 KiB: whether `null` or
    /// a string may stand there is for the visitor to say.
    Descend,
    /// Ask about each of its elements, which have the empty key. A value that is no array is captured instead, up to
    /// 1 KiB.
    Elements,
    /// Hand over its text, if it has at most `limit` bytes.
    Capture {
        /// Bytes, without the whitespace between tokens.
        limit: usize,
    },
    /// Pass over it.
    Skip,
    /// Hand over the content of this string as it comes. A value that is no string is an error.
    StreamString,
}

/// Who is told what a document contains. `path` holds the keys of the enclosing descended objects, outermost first.
/// A key that occurs twice is reported twice.
pub trait Visitor {
    /// Why the visitor wants no more.
    type Error;

    /// What to do with the value of this member.
    fn member(&mut self, path: &[String], key: &str) -> Handling;

    /// The text of a captured value, without whitespace between tokens.
    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), Self::Error>;

    /// The next bytes of a streamed string, never empty. `\/` arrives as `/`; any other escape is an error, since
    /// what is streamed is Base64, which needs none.
    fn string_piece(&mut self, path: &[String], key: &str, piece: &[u8]) -> Result<(), Self::Error>;

    /// The streamed string is complete; it may have been empty.
    fn string_end(&mut self, path: &[String], key: &str) -> Result<(), Self::Error>;
}

/// Why a document could not be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError<E> {
    /// Not JSON.
    #[error("not JSON: expected {expected} at byte {offset}")]
    NotJson {
        /// Where, counted from the document's first byte.
        offset: u64,
        /// What should have been there.
        expected: &'static str,
    },
    /// Nested over 128 levels.
    #[error("nested over 128 levels at byte {offset}")]
    TooDeep {
        /// Where.
        offset: u64,
    },
    /// A value, or a key itself, is over its limit.
    #[error("`{key}` is over the limit of {limit} bytes")]
    TooLarge {
        /// The member's key, or the beginning of an overlong key.
        key: String,
        /// Bytes.
        limit: usize,
    },
    /// The input ended before the document did.
    #[error("the document breaks off at byte {offset}")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// Something follows the document.
    #[error("something follows the document at byte {offset}")]
    Trailing {
        /// Where.
        offset: u64,
    },
    /// The visitor refused.
    #[error("{0}")]
    Visitor(E),
}
