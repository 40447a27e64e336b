//! Where records are stored: one of the destinations, which keep the same conditions.
//!
//! Here: choosing, and what a destination says of each write. Not here: how either stores
//! ([`crate::local`], [`crate::table`]).
//! Invariant: when [`Store::apply`] returns, each write is durable or has an outcome that says why not.

use crate::folder::FolderError;
use crate::item::Unfit;
use crate::local::Local;
use crate::table::{Table, TableError};
use crate::write::{Origin, Write};

/// The destination.
#[derive(Debug)]
pub enum Store {
    /// Files in a directory.
    Local(Local),
    /// A table of DynamoDB.
    Table(Table),
}

/// What became of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, for the first time.
    Stored,
    /// It had been stored before.
    Known,
    /// Another transition has its key: it is not stored.
    Taken,
    /// The destination can never hold it: it is not stored.
    Unfit(Unfit),
    /// There was nothing to store.
    Nothing,
}

/// Why nothing can be stored at the moment.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A directory does not take it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The table does not take it.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Store {
    /// Stores a batch; when this returns it is durable. Gives the outcome of each write, in order.
    ///
    /// # Errors
    /// When anything could not be written; doing it again is safe.
    pub async fn apply(
        &mut self,
        writes: &[(Origin, Write)],
        now_ms: i64,
    ) -> Result<Vec<Outcome>, StoreError> {
        Ok(match self {
            Self::Local(local) => local.apply(writes, now_ms)?,
            Self::Table(table) => table.apply(writes, now_ms).await?,
        })
    }
}
