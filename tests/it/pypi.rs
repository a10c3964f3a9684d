//! PyPI, as its clients see it: the index in both forms, saving, uploads, and what views, deleting and the guard make of
//! versions that have several files.

mod described;
mod guarding;
mod index;
mod saving;
pub(crate) mod support;
mod uploading;
