//! Retention: what a feed keeps of each package.

use serde::{Deserialize, Serialize};

/// A version goes only if its package has more of them than the limit and it was not used for so many days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// So many versions of a package may stay, those that were promoted to a view not counted.
    pub count_limit: u32,
    /// For so many days after it was downloaded, or came here, no version goes.
    pub days_to_keep_recently_downloaded_packages: u32,
    /// Are saved versions dropped, so that they can be saved again, where others go to the recycle bin?
    #[serde(default)]
    pub drop_saved_versions: bool,
}
