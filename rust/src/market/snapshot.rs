//! When the book is looked at (rule B4).

/// When the router sees the book (rule B4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Snapshot {
    /// After all records that share one event time.
    Last,
    /// After every single record.
    Each,
    /// As `Last`, but only the first record of each (event time, venue) exists.
    First,
}
