//! The whole table over lots and shares, for books that the search would take too long over.
//!
//! With `V_i(l, s)` the least excess of the venues from `i` on when `l` lots and `s` shares are left,
//!
//! ```text
//! V_N(l, s) = nu l + (u - mu) max(s, 0) + (o + mu) max(-s, 0),    V_i(l, s) = min_k e_i(k) + V_{i+1}(l - k, s - t_i(k)).
//! ```
//!
//! A row is one number of lots used by the venues before; its cells are the `s` that those venues can leave and from
//! which the venues after can still end within the limit. These are few: what is left over at the end costs, so that
//! the lots and shares of all venues together are known but for a handful. A row is made from the rows of the next
//! venue by sums and minima of whole rows, which vectorise: a step, one cell under one choice, takes 0.2 ns in 32 bits.

use super::dual::Int;
use super::reduced::{Choice, Rates, Reduced};
use crate::error::Result;
use crate::observe::Stop;

/// Most cells of a table: 32 MiB of 32-bit numbers.
const MOST_CELLS: usize = 1 << 23;
/// Finding out which cells there are may take this part of the steps that a table may take.
const LAY_OUT: usize = 8;
/// Steps between two questions whether to go on: a fraction of a millisecond.
const ASK_EVERY: usize = 1 << 20;

/// How a table ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    /// The least excess; its lots, the lexicographically smallest, are in the answer.
    Found(T),
    /// Every candidate's excess is above the limit.
    Nothing,
    /// It would have more cells or take more steps than it may; nothing was done.
    TooLarge,
}

/// The number in a cell. Two of them up to [`Self::NEVER`] can be added.
trait Cell: Copy + Ord + Into<i64> + std::ops::Add<Output = Self> {
    /// Not reached within the limit.
    const NEVER: Self;
    /// A number up to [`Self::NEVER`].
    fn new<T: Int>(value: T) -> Self;
}

impl Cell for i32 {
    const NEVER: Self = 1 << 30;
    fn new<T: Int>(value: T) -> Self {
        let wide: i128 = value.into();
        wide as i32
    }
}

impl Cell for i64 {
    const NEVER: Self = 1 << 62;
    fn new<T: Int>(value: T) -> Self {
        let wide: i128 = value.into();
        wide as i64
    }
}

/// Shares from `low` to `high`; none when `low > high`.
#[derive(Clone, Copy, Debug)]
struct Span {
    low: i64,
    high: i64,
}

impl Span {
    const NONE: Self = Self { low: i64::MAX, high: i64::MIN };

    fn is_none(self) -> bool {
        self.low > self.high
    }

    fn cover(&mut self, other: Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    fn plus(self, shares: i64) -> Self {
        if self.is_none() {
            self
        } else {
            Self { low: self.low.saturating_add(shares), high: self.high.saturating_add(shares) }
        }
    }

    fn meet(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn len(self) -> usize {
        if self.is_none() { 0 } else { (self.high - self.low) as usize + 1 }
    }
}

/// The cells of one (venue, lots used before it).
#[derive(Clone, Copy, Debug)]
struct Row {
    span: Span,
    start: usize,
}

/// Which cells there are.
#[derive(Clone, Debug, Default)]
struct Layout {
    /// `width` rows for every venue, and for the end: one for each number of steps of lots that the venues before
    /// use above the fewest they can.
    rows: Vec<Row>,
    width: usize,
    /// The fewest lots of each venue, and what all choices differ by a multiple of.
    fewest: Vec<i64>,
    step: i64,
    /// Lots left over when every venue has its fewest.
    spare: i64,
    /// Shares left that the venues before can come with, and that the venues after can end from.
    before: Vec<Span>,
    after: Vec<Span>,
    cells: usize,
    steps: usize,
}

/// Workspace of the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    layout: Layout,
    narrow: Vec<i32>,
    wide: Vec<i64>,
}

impl Table {
    /// The lexicographically smallest lots of least excess into `lots`, if that excess is at most `limit` and the
    /// table takes at most `most_steps`. The choices of every venue are in ascending lots, whole steps apart.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`](crate::Error::Stopped).
    pub(super) fn solve<T: Int>(
        &mut self,
        reduced: &Reduced<T>,
        [max_lots, remaining]: [i64; 2],
        limit: T,
        [step, most_steps]: [usize; 2],
        stop: Stop<'_>,
        lots: &mut Vec<usize>,
    ) -> Result<Outcome<T>> {
        let wide: i128 = limit.into();
        if wide >= i128::from(i64::NEVER) || !self.layout.measure(reduced, max_lots, [step, most_steps / LAY_OUT]) {
            return Ok(Outcome::TooLarge);
        }
        if self.layout.width == 0 {
            return Ok(Outcome::Nothing);
        }
        self.layout.lay_out(reduced, remaining, wide as i64);
        if self.layout.cells > MOST_CELLS || self.layout.steps > most_steps {
            return Ok(Outcome::TooLarge);
        }
        let fill = Fill { reduced, layout: &self.layout, stop };
        if wide < i128::from(i32::NEVER) {
            fill.run(&mut self.narrow, remaining, limit, lots)
        } else {
            fill.run(&mut self.wide, remaining, limit, lots)
        }
    }
}

impl Layout {
    /// How many rows there are, none when the lots do not suffice; false when laying them out takes too many steps.
    fn measure<T: Int>(&mut self, reduced: &Reduced<T>, max_lots: i64, [step, most_steps]: [usize; 2]) -> bool {
        let (mut more, mut choices) = (0_i64, 0_usize);
        self.fewest.clear();
        for i in 0..reduced.venues() {
            let own = &reduced.choices[reduced.range(i)];
            let [Some(first), Some(last)] = [own.first(), own.last()] else {
                self.width = 0;
                return true;
            };
            self.fewest.push(first.lots);
            more = more.saturating_add(last.lots - first.lots);
            choices += own.len();
        }
        self.spare = max_lots - self.fewest.iter().sum::<i64>();
        self.step = step as i64;
        self.width = if self.spare < 0 { 0 } else { (self.spare.min(more) / self.step) as usize + 1 };
        self.width.saturating_mul(choices) <= most_steps
    }

    /// Steps of lots above the fewest of a venue.
    fn above<T: Int>(&self, venue: usize, choice: &Choice<T>) -> usize {
        steps_above(choice, [self.fewest[venue], self.step])
    }

    /// Finds the cells of every row, and how many steps it takes to fill them.
    fn lay_out<T: Int>(&mut self, reduced: &Reduced<T>, remaining: i64, limit: i64) {
        let (venues, width) = (reduced.venues(), self.width);
        self.before.clear();
        self.before.resize((venues + 1) * width, Span::NONE);
        self.before[0] = Span { low: remaining, high: remaining };
        for i in 0..venues {
            let (done, next) = self.before.split_at_mut((i + 1) * width);
            let from = [self.fewest[i], self.step];
            for choice in &reduced.choices[reduced.range(i)] {
                let more = steps_above(choice, from);
                let to = next[..width].iter_mut().skip(more);
                to.zip(&done[i * width..]).for_each(|(to, from)| to.cover(from.plus(-choice.shares)));
            }
        }
        self.end(reduced, limit);
        for i in (0..venues).rev() {
            let (next, done) = self.after.split_at_mut((i + 1) * width);
            let from = [self.fewest[i], self.step];
            for choice in &reduced.choices[reduced.range(i)] {
                let more = steps_above(choice, from);
                let from = done[..width].iter().skip(more);
                from.zip(&mut next[i * width..]).for_each(|(from, to)| to.cover(from.plus(choice.shares)));
            }
        }
        (self.cells, self.steps) = (0, 0);
        self.rows.clear();
        for (at, (before, after)) in self.before.iter().zip(&self.after).enumerate() {
            let span = before.meet(*after);
            self.rows.push(Row { span, start: self.cells });
            self.cells = self.cells.saturating_add(span.len());
            let choices = if at < venues * width { reduced.range(at / width).len() } else { 0 };
            self.steps = self.steps.saturating_add(span.len().saturating_mul(choices));
        }
    }

    /// Shares left with which a candidate within the limit can end, by lots used.
    fn end<T: Int>(&mut self, reduced: &Reduced<T>, limit: i64) {
        let most = |rate: T| {
            let rate: i128 = rate.into();
            if rate > 0 { i128::from(limit) / rate } else { i128::MAX }
        };
        let Rates { lot, short, long } = reduced.rates;
        let [high, minus_low] = [short, long].map(|rate| most(rate).min(i128::from(i64::MAX / 4)) as i64);
        let (venues, width, spare, step) = (reduced.venues(), self.width, self.spare, self.step);
        self.after.clear();
        self.after.resize((venues + 1) * width, Span::NONE);
        for (used, span) in (0_i64..).zip(&mut self.after[venues * width..]) {
            if i128::from(spare - used * step) <= most(lot) {
                *span = Span { low: -minus_low, high };
            }
        }
    }
}

fn steps_above<T: Int>(choice: &Choice<T>, [fewest, step]: [i64; 2]) -> usize {
    ((choice.lots - fewest) / step) as usize
}

/// The filling of a table that is laid out.
struct Fill<'a, T> {
    reduced: &'a Reduced<T>,
    layout: &'a Layout,
    stop: Stop<'a>,
}

impl<T: Int> Fill<'_, T> {
    fn run<C: Cell>(&self, cells: &mut Vec<C>, remaining: i64, limit: T, lots: &mut Vec<usize>) -> Result<Outcome<T>> {
        cells.clear();
        cells.resize(self.layout.cells, C::NEVER);
        self.ends(cells, limit);
        // Asked at the first row too: a replay is many tables, most of them small.
        let mut until_ask = 0;
        for venue in (0..self.reduced.venues()).rev() {
            for used in 0..self.layout.width {
                let steps = self.row(cells, venue, used);
                if steps > until_ask {
                    until_ask = ASK_EVERY;
                    self.stop.check()?;
                }
                until_ask = until_ask.saturating_sub(steps);
            }
        }
        let least = self.at(cells, [0, 0], remaining).filter(|least| *least <= C::new(limit));
        Ok(least.map_or(Outcome::Nothing, |least| {
            self.trace(cells, remaining, lots);
            Outcome::Found(T::from(least.into()))
        }))
    }

    fn row_of(&self, venue: usize, used: usize) -> Row {
        self.layout.rows[venue * self.layout.width + used]
    }

    /// What is left over at the end, where that is within the limit.
    fn ends<C: Cell>(&self, cells: &mut [C], limit: T) {
        let Rates { lot, short, long } = self.reduced.rates;
        for used in 0..self.layout.width {
            let Row { span, start } = self.row_of(self.reduced.venues(), used);
            let lots = lot * T::from(self.layout.spare - used as i64 * self.layout.step);
            for (left, cell) in (span.low..=span.high).zip(&mut cells[start..]) {
                let shares = if left > 0 { short * T::from(left) } else { long * T::from(-left) };
                if lots + shares <= limit {
                    *cell = C::new(lots + shares);
                }
            }
        }
    }

    /// Fills one row from those of the next venue; the steps that took.
    fn row<C: Cell>(&self, cells: &mut [C], venue: usize, used: usize) -> usize {
        let row = self.row_of(venue, used);
        if row.span.is_none() {
            return 0;
        }
        // The rows of later venues lie behind.
        let behind = row.start + row.span.len();
        let (own, later) = cells[row.start..].split_at_mut(row.span.len());
        let mut steps = 1;
        for choice in &self.reduced.choices[self.reduced.range(venue)] {
            let after = used + self.layout.above(venue, choice);
            if after >= self.layout.width {
                break;
            }
            let next = self.row_of(venue + 1, after);
            let span = row.span.meet(next.span.plus(choice.shares));
            if span.is_none() {
                continue;
            }
            let to = &mut own[(span.low - row.span.low) as usize..][..span.len()];
            let from = (span.low - choice.shares - next.span.low) as usize;
            let from = &later[next.start - behind + from..][..span.len()];
            let excess = C::new(choice.excess);
            for (cell, &rest) in to.iter_mut().zip(from) {
                let value = rest + excess;
                *cell = if value < *cell { value } else { *cell };
            }
            steps += span.len();
        }
        steps
    }

    /// A cell that is reached.
    fn at<C: Cell>(&self, cells: &[C], [venue, used]: [usize; 2], left: i64) -> Option<C> {
        let Row { span, start } = self.row_of(venue, used);
        let cell = (span.low..=span.high).contains(&left).then(|| cells[start + (left - span.low) as usize]);
        cell.filter(|cell| *cell < C::NEVER)
    }

    /// Follows the fewest lots that keep the least excess from venue to venue.
    fn trace<C: Cell>(&self, cells: &[C], remaining: i64, lots: &mut Vec<usize>) {
        lots.clear();
        let (mut used, mut left) = (0, remaining);
        for venue in 0..self.reduced.venues() {
            let here = self.at(cells, [venue, used], left);
            let after = |choice: &Choice<T>| used + self.layout.above(venue, choice);
            let mut choices = self.reduced.choices[self.reduced.range(venue)].iter();
            let choice = choices.find(|choice| {
                after(choice) < self.layout.width
                    && self
                        .at(cells, [venue + 1, after(choice)], left - choice.shares)
                        .is_some_and(|rest| Some(rest + C::new(choice.excess)) == here)
            });
            let choice = choice.expect("a cell within the limit is one of the next venue's and a choice");
            lots.push(choice.lots as usize);
            used = after(choice);
            left -= choice.shares;
        }
    }
}
