//! Universal packages: publishing file by file and as archives, reading, saving, under everything that holds for every protocol.

mod access;
mod archives;
mod documented;
mod publishing;
mod reading;
mod saving;
pub(crate) mod support;
