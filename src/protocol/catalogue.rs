//! The stock public sources. This is the one file in which their addresses stand.

/// One of the sources a feed can be given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockSource {
    /// The protocol it speaks.
    pub protocol: &'static str,
    /// What it is called, as in Azure Artifacts.
    pub name: &'static str,
    /// Its address.
    pub location: &'static str,
}

const fn stock(protocol: &'static str, name: &'static str, location: &'static str) -> StockSource {
    StockSource { protocol, name, location }
}

/// In the order in which a new feed gets them. Those whose protocol is not there yet are left out of new feeds.
pub const STOCK_SOURCES: &[StockSource] = &[
    stock("npm", "npmjs", "https://registry.npmjs.org/"),
    stock("nuget", "NuGet Gallery", "https://api.nuget.org/v3/index.json"),
    stock("nuget", "PowerShell Gallery", "https://www.powershellgallery.com/api/v2/"),
    stock("pypi", "PyPI", "https://pypi.org/"),
    stock("maven", "Maven Central", "https://repo.maven.apache.org/maven2/"),
    stock("maven", "Google Maven Repository", "https://dl.google.com/android/maven2/"),
    stock("maven", "Gradle Plugins", "https://plugins.gradle.org/m2/"),
    stock("maven", "JitPack", "https://jitpack.io/"),
    stock("cargo", "crates.io", "https://index.crates.io/"),
];

/// The addresses by which manifests and clients know the public registry of crates, whichever of its indexes they read;
/// first the one that clients take for the registry's identity.
pub const CRATE_INDEXES: [&str; 2] =
    ["https://github.com/rust-lang/crates.io-index", "https://index.crates.io/"];
