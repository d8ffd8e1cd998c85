//! How the index of a tape is made, and how far it tells that an order can only wait.

use std::ops::Range;

use crate::market::book::{Book, index};
use crate::market::index::{Chunk, Index};
use crate::market::snapshot::Snapshot;
use crate::market::tape::Tape;
use crate::quote::EMPTY;
use crate::units::{Nanos, Side, Time};

/// A stretch that is to be passed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) mode: Snapshot,
    /// Row of its first snapshot.
    pub(crate) next: usize,
    /// The session's rows end here.
    pub(crate) rows: usize,
    /// It ends before a snapshot of this time or later.
    pub(crate) until: Time,
}

impl Index {
    /// Makes the chunk of a row if that pays by now; `book` is that of the snapshots before the row, in a session of `rows`.
    pub(crate) fn learn(&self, tape: &Tape<'_>, mode: Snapshot, row: usize, rows: &Range<usize>, book: &Book) {
        let own = self.rows_of(row);
        if self.wants(mode, row) && own.start >= rows.start && own.end <= rows.end {
            self.keep(mode, row, Chunk::new(tape, mode, own, rows, book, self.block()));
        }
    }

    /// The row up to which no snapshot has a quote on `side` that costs less beside the mid than `reach` of the lowest and the
    /// highest mid of a chunk, as far as that is known; where that says nothing no further.
    pub(crate) fn dear_until(
        &self,
        tape: &Tape<'_>,
        stretch: Stretch,
        side: Side,
        mut reach: impl FnMut((Nanos, Nanos)) -> Option<Nanos>,
    ) -> usize {
        let Stretch { mode, next, rows, until } = stretch;
        let ends = |end: usize| end <= rows && tape.ts()[end - 1] < until;
        let (side, mut row) = (index(side), next);
        while row < rows
            && let Some(chunk) = self.chunk(mode, row)
        {
            let Some(far) = reach(chunk.mids) else { return row };
            if chunk.least[side] >= far && ends(chunk.end) {
                row = chunk.end;
                continue;
            }
            let own = self.rows_of(row);
            while row < own.end {
                let block = (row - own.start) / self.block();
                let behind = own.end.min(own.start + (block + 1) * self.block());
                let end = tape.snapshot_behind(behind, mode);
                if chunk.blocks[block][side] < far || !ends(end) {
                    return row;
                }
                row = end;
            }
        }
        row
    }
}

impl Chunk {
    /// The snapshots that begin in rows `own` of a session of `rows`; `book` is one of them or behind.
    fn new(tape: &Tape<'_>, mode: Snapshot, own: Range<usize>, rows: &Range<usize>, book: &Book, block: usize) -> Self {
        let mut next = if own.start == rows.start { own.start } else { tape.snapshot_behind(own.start, mode) };
        let mut book = book.as_before(tape, rows.start..next, mode);
        let mut mids = (Nanos::MAX, Nanos::MIN);
        let mut blocks = vec![[Nanos::MAX; 2]; own.len().div_ceil(block)];
        while next < own.end {
            let first = next;
            next = book.apply(tape, first, mode, |_| {});
            let least = &mut blocks[(first - own.start) / block];
            let (ask, bid) = book.bests();
            match book.mid().filter(|_| ask != EMPTY && bid != EMPTY) {
                Some(mid) => {
                    let costs = [Side::Buy, Side::Sell].map(|side| book.best(side).saturating_sub(side.sign() * mid));
                    *least = [least[0].min(costs[0]), least[1].min(costs[1])];
                    mids = (mids.0.min(mid), mids.1.max(mid));
                }
                // What the mid is then an earlier book tells.
                None => *least = [Nanos::MIN; 2],
            }
        }
        let (mut lasts, mut one_sided) = (vec![None; tape.venues()], None);
        for row in own {
            lasts[usize::from(tape.venue()[row])] = Some(row);
            one_sided = Some(row).filter(|&row| tape.is_one_sided(row)).or(one_sided);
        }
        let least = blocks.iter().fold([Nanos::MAX; 2], |all, one| [all[0].min(one[0]), all[1].min(one[1])]);
        Self { end: next, mids, least, blocks, lasts, one_sided }
    }
}
