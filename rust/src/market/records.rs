//! Records on their way from a table to a tape: checked, made canonical and counted in one pass (rules B1, B2, N1).

use std::ops::RangeInclusive;

use crate::units::{Nanos, Time, UNDEF_PRICE, round_half_even};

/// Prices as a table has them. Zero, negative and undefined ones are no quote, and so is NaN.
#[derive(Clone, Copy, Debug)]
pub enum Prices<'a> {
    /// In nanos.
    Whole(&'a [i64]),
    /// In a unit worth so many nanos.
    Float(&'a [f64], f64),
}

/// Some records as a table has them, in columns of one length.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Times.
    pub ts: &'a [Time],
    /// Codes of venues.
    pub venue: &'a [u16],
    /// Bids.
    pub bid_px: Prices<'a>,
    /// Shares bid for.
    pub bid_sz: &'a [u32],
    /// Asks.
    pub ask_px: Prices<'a>,
    /// Shares asked for.
    pub ask_sz: &'a [u32],
    /// What orders records of one time.
    pub sequence: Option<&'a [u64]>,
}

/// Where all the records go: columns of one length, filled from the first record on.
#[derive(Debug)]
pub struct Room<'a> {
    /// Times.
    pub ts: &'a mut [Time],
    /// Codes of venues.
    pub venue: &'a mut [u16],
    /// Bids in nanos; [`UNDEF_PRICE`] where there is none.
    pub bid_px: &'a mut [Nanos],
    /// Shares bid for; 0 where there is no bid.
    pub bid_sz: &'a mut [u32],
    /// Asks in nanos; [`UNDEF_PRICE`] where there is none.
    pub ask_px: &'a mut [Nanos],
    /// Shares asked for; 0 where there is no ask.
    pub ask_sz: &'a mut [u32],
    /// The last record's number among those of one time.
    pub sequence: &'a mut u64,
    /// Whether each code of a venue was met.
    pub met: &'a mut [bool],
}

/// Records compared at a time: what fits in a core's nearest cache.
const BLOCK: usize = 2048;

impl Room<'_> {
    /// Whether there is room for a batch behind the first `at` records, all of its columns of one length.
    #[must_use]
    pub fn fits(&self, at: usize, batch: &Batch<'_>) -> bool {
        let records = batch.ts.len();
        let columns =
            [batch.venue.len(), batch.bid_px.len(), batch.bid_sz.len(), batch.ask_px.len(), batch.ask_sz.len()];
        let rooms = [
            self.ts.len(),
            self.venue.len(),
            self.bid_px.len(),
            self.bid_sz.len(),
            self.ask_px.len(),
            self.ask_sz.len(),
        ];
        batch.sequence.is_none_or(|column| column.len() == records)
            && columns.iter().all(|&length| length == records)
            && rooms.iter().all(|&length| length >= at + records)
            && self.met.len() > usize::from(u16::MAX)
    }

    /// Puts a batch behind the `at` records that are there; returns how many equal the record before them in everything.
    ///
    /// `None` where a time is outside `times` or before the last one (by the sequence, in one time), or a price beyond 64
    /// bits: what is then in the room means nothing.
    ///
    /// # Panics
    ///
    /// If it does not fit.
    #[must_use]
    pub fn take(&mut self, at: usize, batch: &Batch<'_>, times: &RangeInclusive<Time>) -> Option<usize> {
        let mut duplicates = 0;
        for begin in (0..batch.ts.len()).step_by(BLOCK) {
            let rows = begin..(begin + BLOCK).min(batch.ts.len());
            let here = at + rows.start..at + rows.end;
            let ts = &batch.ts[rows.clone()];
            if !ts.iter().fold(true, |all, time| all & times.contains(time)) {
                return None;
            }
            self.ts[here.clone()].copy_from_slice(ts);
            for (venue, &code) in self.venue[here.clone()].iter_mut().zip(&batch.venue[rows.clone()]) {
                *venue = code;
                self.met[usize::from(code)] = true;
            }
            for (px, sz, prices, sizes) in [
                (&mut *self.bid_px, &mut *self.bid_sz, batch.bid_px, batch.bid_sz),
                (&mut *self.ask_px, &mut *self.ask_sz, batch.ask_px, batch.ask_sz),
            ] {
                let (px, sz) = (&mut px[here.clone()], &mut sz[here.clone()]);
                if !quoted(px, sz, prices.part(rows.clone()), &sizes[rows.clone()]) {
                    return None;
                }
            }
            duplicates += self.repeated(here, batch.sequence.map(|sequence| &sequence[rows]))?;
        }
        Some(duplicates)
    }

    /// Compares every record with the one before; `None` where one is out of order.
    fn repeated(&mut self, rows: std::ops::Range<usize>, sequence: Option<&[u64]>) -> Option<usize> {
        let mut duplicates = 0;
        for row in rows.start.max(1)..rows.end {
            let (earlier, later) = (self.ts[row - 1], self.ts[row]);
            if later > earlier {
                continue;
            }
            let (first, second) = sequence.map_or((0, 0), |sequence| {
                let place = row - rows.start;
                (if place == 0 { *self.sequence } else { sequence[place - 1] }, sequence[place])
            });
            if later < earlier || second < first {
                return None;
            }
            duplicates += usize::from(first == second && self.alike(row - 1, row));
        }
        if let Some(&last) = sequence.and_then(<[u64]>::last) {
            *self.sequence = last;
        }
        Some(duplicates)
    }

    fn alike(&self, one: usize, other: usize) -> bool {
        self.venue[one] == self.venue[other]
            && self.bid_px[one] == self.bid_px[other]
            && self.bid_sz[one] == self.bid_sz[other]
            && self.ask_px[one] == self.ask_px[other]
            && self.ask_sz[one] == self.ask_sz[other]
    }
}

impl Prices<'_> {
    fn len(&self) -> usize {
        match self {
            Prices::Whole(nanos) => nanos.len(),
            Prices::Float(values, _) => values.len(),
        }
    }

    fn part(self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Prices::Whole(nanos) => Prices::Whole(&nanos[rows]),
            Prices::Float(values, scale) => Prices::Float(&values[rows], scale),
        }
    }
}

/// Writes one side of some records; false where a price is beyond 64 bits. Where price or size says that there is no
/// quote, both do (rule B2).
#[allow(clippy::float_cmp, reason = "the one float that an undefined price becomes")]
fn quoted(px: &mut [Nanos], sz: &mut [u32], prices: Prices<'_>, sizes: &[u32]) -> bool {
    let out = px.iter_mut().zip(sz).zip(sizes);
    let mut fits = true;
    match prices {
        Prices::Whole(nanos) => {
            for (((px, sz), &size), &price) in out.zip(nanos) {
                let there = price > 0 && price != UNDEF_PRICE && size != 0;
                *px = if there { price } else { UNDEF_PRICE };
                *sz = if there { size } else { 0 };
            }
        }
        Prices::Float(values, scale) => {
            // Half a nano is the largest float that rounds to zero.
            let (least, undefined) = (0.5 / scale, UNDEF_PRICE as f64 / 1e9);
            for (((px, sz), &size), &value) in out.zip(values) {
                let is_price = value > least && value != undefined;
                let nanos = value * scale;
                fits &= !is_price || nanos < UNDEF_PRICE as f64;
                let there = is_price && size != 0;
                *px = if there { round_half_even(nanos) as Nanos } else { UNDEF_PRICE };
                *sz = if there { size } else { 0 };
            }
        }
    }
    fits
}
