//! The market: its tape, the book that the tape makes, what can be seen of it, and the venues' terms.

mod as_of;
mod book;
mod hours;
mod index;
#[allow(clippy::module_inception, reason = "the file that holds `Market`")]
mod market;
mod moments;
mod records;
mod scan;
mod snapshot;
mod taken;
mod tape;
mod venue;
mod visibility;
mod waits;

pub use as_of::{AsOf, as_of_books};
pub use book::{Book, Change};
pub(crate) use book::{Last, mid_of, replace};
pub use hours::{Halt, Hours, Session};
pub use index::Index;
pub use market::{Limit, Market};
pub(crate) use moments::{Living, Moments, When, living_quote};
pub use records::{Batch, Prices, Room};
pub use scan::{BookCounts, State, book_at, count_states};
pub use snapshot::Snapshot;
pub use taken::{Depletion, Taken};
pub(crate) use taken::{kept_of, left_of};
pub use tape::{Columns, Record, Tape, Trades};
pub use venue::Venue;
pub use visibility::{Visibility, postable};
pub(crate) use waits::Stretch;
