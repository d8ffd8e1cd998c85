//! Records on their way from a table to a tape: checked, made canonical and counted in one pass (rules B1, B2, N1).

use std::ops::{Range, RangeInclusive};

use crate::market::tape::far;
use crate::units::{MOST_SHIFTED, Nanos, Time, UNDEF_PRICE, round_half_even, round_small};

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
/// Records looked at together for one that is not after the one before.
const FEW: usize = 64;

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
            self.ts[here.clone()].copy_from_slice(&batch.ts[rows.clone()]);
            self.place(here.clone(), &batch.venue[rows.clone()]);
            for (px, sz, prices, sizes) in [
                (&mut *self.bid_px, &mut *self.bid_sz, batch.bid_px, batch.bid_sz),
                (&mut *self.ask_px, &mut *self.ask_sz, batch.ask_px, batch.ask_sz),
            ] {
                let (px, sz) = (&mut px[here.clone()], &mut sz[here.clone()]);
                if !quoted(px, sz, prices.part(rows.clone()), &sizes[rows.clone()]) {
                    return None;
                }
            }
            duplicates += self.repeated(here, batch.sequence.map(|sequence| &sequence[rows.clone()]))?;
            // They are in order: what holds for the first and the last holds for all.
            if !times.contains(&batch.ts[rows.start]) || !times.contains(&batch.ts[rows.end - 1]) {
                return None;
            }
        }
        Some(duplicates)
    }

    /// Writes the codes of venues, and marks them as met.
    fn place(&mut self, rows: Range<usize>, codes: &[u16]) {
        self.venue[rows].copy_from_slice(codes);
        // Of a length the compiler knows, no mark is checked for its bounds.
        let Some(met) = self.met.first_chunk_mut::<{ 1 << 16 }>() else { return };
        for &code in codes {
            met[usize::from(code)] = true;
        }
    }

    /// Compares every record with the one before; `None` where one is out of order.
    fn repeated(&mut self, rows: Range<usize>, sequence: Option<&[u64]>) -> Option<usize> {
        let before = *self.sequence;
        let number = |row: usize| {
            sequence.map_or(0, |numbers| row.checked_sub(rows.start).map_or(before, |place| numbers[place]))
        };
        let mut duplicates = 0;
        // The first one's forerunner is in another batch or block: it is looked at alone.
        let (mut begin, mut end) = (rows.start, rows.start + 1);
        while begin < rows.end {
            let numbers = sequence.map(|numbers| &numbers[begin.saturating_sub(rows.start + 1)..end - rows.start]);
            if begin == rows.start || !self.all_new(begin - 1..end, numbers) {
                for row in begin.max(1)..end {
                    let order = (self.ts[row], number(row)).cmp(&(self.ts[row - 1], number(row - 1)));
                    if order.is_lt() {
                        return None;
                    }
                    duplicates += usize::from(order.is_eq() && self.alike(row - 1, row));
                }
            }
            (begin, end) = (end, (end + FEW).min(rows.end));
        }
        if let Some(&last) = sequence.and_then(<[u64]>::last) {
            *self.sequence = last;
        }
        Some(duplicates)
    }

    /// Whether each of some records is after the one before, by time or in one time by its number; where they have none,
    /// those of one time differ in something. False where that cannot be told.
    ///
    /// In arithmetic of which a processor does several at once, which it does not do with comparisons, and without a
    /// branch, which would be mispredicted where every fourth record has the time of the one before: signs tell.
    fn all_new(&self, rows: Range<usize>, numbers: Option<&[u64]>) -> bool {
        let differ = |difference: i64| difference | difference.wrapping_neg();
        let ts = &self.ts[rows.clone()];
        let mut signs = ts.iter().fold(0, |signs, &ts| signs | far(ts));
        // Its sign says of a record that in one time with the one before it is not after it.
        let mut stays = [0; FEW];
        if let Some(numbers) = numbers {
            signs = numbers.iter().fold(signs, |signs, &number| signs | far(number as i64));
            each_pair(&mut stays, numbers, |_, a, b| b.wrapping_sub(a).wrapping_sub(1) as i64);
        } else {
            each_pair(&mut stays, &self.venue[rows.clone()], |_, a, b| i64::from(a ^ b));
            for prices in [&self.bid_px[rows.clone()], &self.ask_px[rows.clone()]] {
                each_pair(&mut stays, prices, |others, a, b| others | (a ^ b));
            }
            for sizes in [&self.bid_sz[rows.clone()], &self.ask_sz[rows.clone()]] {
                each_pair(&mut stays, sizes, |others, a, b| others | i64::from(a ^ b));
            }
            for others in &mut stays {
                *others = !differ(*others);
            }
        }
        each_pair(&mut stays, ts, |stays, a, b| b.wrapping_sub(a) | (!differ(b.wrapping_sub(a)) & stays));
        stays[..ts.len() - 1].iter().fold(signs, |signs, &stays| signs | stays) >= 0
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

    fn part(self, rows: Range<usize>) -> Self {
        match self {
            Prices::Whole(nanos) => Prices::Whole(&nanos[rows]),
            Prices::Float(values, scale) => Prices::Float(&values[rows], scale),
        }
    }
}

/// Makes of each value what `make` says of it and two neighbours.
#[inline]
fn each_pair<T: Copy>(values: &mut [i64; FEW], column: &[T], make: impl Fn(i64, T, T) -> i64) {
    for ((value, &a), &b) in values.iter_mut().zip(column).zip(&column[1..]) {
        *value = make(*value, a, b);
    }
}

/// Writes one side of some records; false where a price is beyond 64 bits. Where price or size says that there is no
/// quote, both do (rule B2).
///
/// Without a branch, in operations of which a processor does several at once: a mask of ones says that there is a quote.
fn quoted(px: &mut [Nanos], sz: &mut [u32], prices: Prices<'_>, sizes: &[u32]) -> bool {
    match prices {
        Prices::Whole(nanos) => {
            write(px, sz, sizes, nanos.iter().copied());
            true
        }
        Prices::Float(values, scale) => floats(px, sz, sizes, values, scale),
    }
}

/// Writes prices in nanos; those that are no price are zero, negative or undefined.
#[inline]
fn write(px: &mut [Nanos], sz: &mut [u32], sizes: &[u32], nanos: impl Iterator<Item = Nanos>) {
    for (((px, sz), &size), price) in px.iter_mut().zip(sz).zip(sizes).zip(nanos) {
        // The sign of one of them is set by zero and all that is negative, and by the undefined price, the largest number.
        let none = (price.wrapping_sub(1) | price.wrapping_add(1) | (i64::from(size) - 1)) >> 63;
        *px = (price & !none) | (UNDEF_PRICE & none);
        *sz = size & !(none as u32);
    }
}

/// As [`quoted`], of floats.
#[allow(clippy::float_cmp, reason = "the one float that an undefined price becomes")]
fn floats(px: &mut [Nanos], sz: &mut [u32], sizes: &[u32], values: &[f64], scale: f64) -> bool {
    // Half a nano is the largest float that rounds to zero.
    let (least, undefined) = (0.5 / scale, UNDEF_PRICE as f64 / 1e9);
    let nanos = |value: f64| if value > least && value != undefined { value * scale } else { 0.0 };
    // Floats that are not negative are in the order of their bits, and these are subtracted several at once.
    let small = values
        .iter()
        .fold(0, |signs, &value| signs | (MOST_SHIFTED.to_bits() - 1).wrapping_sub(nanos(value).to_bits()));
    if small as i64 >= 0 {
        write(px, sz, sizes, values.iter().map(|&value| round_small(nanos(value))));
        return true;
    }
    write(px, sz, sizes, values.iter().map(|&value| round_half_even(nanos(value)) as Nanos));
    values.iter().all(|&value| nanos(value) < UNDEF_PRICE as f64)
}
