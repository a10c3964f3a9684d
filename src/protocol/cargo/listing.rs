//! Our own index files: one line per version, as its author's registry wrote it, with what is true of `yanked` now.

use super::wire;
use crate::service::{Listed, ListingRenderer, Summary};
use std::io::{self, Write};

/// Writes an index file.
pub(super) struct IndexRenderer;

impl ListingRenderer for IndexRenderer {
    fn version(&mut self, out: &mut dyn Write, version: Listed<'_>) -> io::Result<()> {
        let line = wire::with_yanked(version.manifest.get(), version.listing.hidden);
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")
    }

    fn finish(self: Box<Self>, _: &mut dyn Write, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ListingState;
    use serde_json::value::RawValue;

    #[test]
    fn yanked_is_what_is_true_now() {
        let line = r#"{"name":"a","vers":"1.0.0","cksum":"00","features":{},"yanked":false,"v":2}"#;
        let mut out = Vec::new();
        for hidden in [false, true] {
            let (listing, manifest) =
                (ListingState { hidden, message: None }, RawValue::from_string(line.to_owned()).unwrap());
            let listed = Listed {
                version: "1.0.0",
                key: "1.0.0",
                listing: &listing,
                is_local: true,
                manifest: &manifest,
                files: &[],
            };
            IndexRenderer.version(&mut out, listed).unwrap();
        }
        Box::new(IndexRenderer).finish(&mut out, &Summary::default()).unwrap();
        let expected = format!("{line}\n{}\n", line.replace("false", "true"));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
