//! Many books at once, as arrays of one row per book and one column per venue (section 3 of the model).

use super::exact::Scratch;
use super::{Offer, Penalties, Problem, Rule, Solver, allocate};
use crate::error::{Error, Result, require};
use crate::observe::Stop;
use crate::units::{Money, NANOS_PER_UNIT, Nanos, Shares, Side, to_nanos};

/// The largest price of an offer, in currency.
const MOST_PRICE: f64 = 4e9;
/// The least price of an offer: one nano.
const LEAST_PRICE: f64 = 1e-9;
/// The largest fee per share, either way, in currency.
const MOST_FEE: f64 = 1e6;
/// The most shares in an order, an offer or a lot.
const MOST_SHARES: Shares = 1_000_000_000_000_000;
/// The key of an offer of nothing: it can be subtracted from any other.
const NOTHING: Nanos = 4_000_000_000_000_000_000;

/// Sizes by book and venue, row by row.
#[derive(Clone, Copy, Debug)]
pub enum Sizes<'a> {
    /// Whole numbers.
    Whole(&'a [Shares]),
    /// Whole numbers typed as floats; NaN is no quote.
    Float(&'a [f64]),
}

/// What the venues show in every book. Prices are in currency; a price that is NaN or not above 0, and a size that is
/// NaN or 0, is no quote (rule B2).
#[derive(Clone, Copy, Debug)]
pub struct Books<'a> {
    /// How many columns.
    pub venues: usize,
    /// Shares to place: one number for all books, or one for each.
    pub quantities: &'a [Shares],
    /// Prices to take, by book and venue.
    pub prices: &'a [f64],
    /// Shares available.
    pub sizes: Sizes<'a>,
    /// Taker fees per share, in currency: by venue, or by book and venue.
    pub fees: &'a [f64],
    /// What prices are measured against, in currency, one number for all books or one for each; by default a book's best
    /// price. Nothing is measured under [`Rule::Strict`].
    pub benchmarks: Option<&'a [f64]>,
}

impl Books<'_> {
    fn fees_by_book(&self) -> bool {
        self.fees.len() > self.venues
    }
}

/// The number of a book.
#[inline]
fn of<T: Copy>(numbers: &[T], book: usize) -> T {
    numbers[if numbers.len() == 1 { 0 } else { book }]
}

/// What all books have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// Side of the order.
    pub side: Side,
    /// Shares in a lot.
    pub lot: Shares,
    /// Which splits are candidates.
    pub rule: Rule,
    /// How the best is found.
    pub solver: Solver,
}

/// The mid that a book's costs are measured against: none under the strict rule, else the given one, else the best
/// price of what is offered.
#[must_use]
pub fn benchmark(common: &Common, given: Option<Nanos>, offers: &[Offer]) -> Nanos {
    match common.rule {
        Rule::Strict => 0,
        Rule::Relaxed => given.unwrap_or_else(|| {
            let best = offers.iter().filter(|offer| offer.available > 0).map(|offer| offer.key).min();
            common.side.sign() * best.unwrap_or(0)
        }),
    }
}

/// Splits books one after the other, and prices the splits.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    offers: Vec<Offer>,
    scratch: Scratch,
}

impl Allocator {
    /// The splits of the books from `first` on, one for each of `costs`, and what they cost in currency: NaN, and a split
    /// of nothing, where the strict rule admits none. `penalties` are those at a mid.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] names the array, the book and the venue of what is wrong; those of [`allocate`].
    pub fn solve(
        &mut self,
        books: &Books<'_>,
        common: &Common,
        penalties: impl Fn(Nanos) -> Penalties,
        first: usize,
        (splits, costs): (&mut [Shares], &mut [f64]),
        stop: Stop<'_>,
    ) -> Result<()> {
        self.start(books)?;
        // What a mid makes of the penalties takes divisions, and often the next book has the same mid.
        let mut priced = (0, penalties(0));
        for (row, cost) in costs.iter_mut().enumerate() {
            let book = first + row;
            let quantity = of(books.quantities, book);
            require((1..=MOST_SHARES).contains(&quantity), "quantities", WHOLE, || at(&quantity, &[book]))?;
            self.read(books, common.side.sign(), book)?;
            let given = books.benchmarks.map(|mids| mid(of(mids, book), book)).transpose()?;
            let mid = benchmark(common, given, &self.offers);
            if priced.0 != mid {
                priced = (mid, penalties(mid));
            }
            let problem = Problem {
                quantity,
                lot: common.lot,
                offers: &self.offers,
                benchmark_key: common.side.sign() * mid,
                penalties: priced.1,
                rule: common.rule,
            };
            let split = &mut splits[row * books.venues..][..books.venues];
            let found = allocate(&problem, common.solver, &mut self.scratch, split, stop)?;
            *cost = if found { currency(total(&problem, split)) } else { f64::NAN };
        }
        Ok(())
    }

    /// Room for one book, with the fees that are the same in all.
    fn start(&mut self, books: &Books<'_>) -> Result<()> {
        self.offers.clear();
        for venue in 0..books.venues {
            let fee = if books.fees_by_book() { 0 } else { checked_fee(books.fees[venue], &[venue])? };
            self.offers.push(Offer { key: NOTHING, available: 0, fee, rebate: 0 });
        }
        Ok(())
    }

    /// One book's offers.
    #[inline]
    fn read(&mut self, books: &Books<'_>, sign: i64, book: usize) -> Result<()> {
        let row = book * books.venues..(book + 1) * books.venues;
        let prices = &books.prices[row.clone()];
        let fine = match books.sizes {
            Sizes::Whole(sizes) => quotes(&mut self.offers, sign, prices, &sizes[row.clone()], |size| size),
            Sizes::Float(sizes) => quotes(&mut self.offers, sign, prices, &sizes[row.clone()], whole),
        };
        if !fine {
            return Err(misread(books, book));
        }
        if books.fees_by_book() {
            for (venue, (offer, &fee)) in self.offers.iter_mut().zip(&books.fees[row]).enumerate() {
                offer.fee = if offer.available > 0 { checked_fee(fee, &[book, venue])? } else { 0 };
            }
        }
        Ok(())
    }
}

/// Writes prices and sizes into offers; false when one of them is wrong.
#[inline]
fn quotes<T: Copy>(offers: &mut [Offer], sign: i64, prices: &[f64], sizes: &[T], shares: impl Fn(T) -> Shares) -> bool {
    let mut fine = true;
    for ((offer, &price), &size) in offers.iter_mut().zip(prices).zip(sizes) {
        let (available, quoted) = (shares(size), price > 0.0);
        fine &= available as u64 <= MOST_SHARES as u64 && price.max(LEAST_PRICE) <= MOST_PRICE;
        fine &= !quoted || price >= LEAST_PRICE;
        (offer.key, offer.available) = if quoted { (sign * nanos(price), available) } else { (NOTHING, 0) };
    }
    fine
}

/// `round_half_even(price * 1e9)`.
#[inline]
fn nanos(price: f64) -> Nanos {
    // The last bits of a float between 2^52 and 2^53 are a whole number, rounded half to even.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let exact = price * NANOS_PER_UNIT as f64;
    if exact < 2_251_799_813_685_248.0 {
        (exact + SHIFT).to_bits() as Nanos - SHIFT.to_bits() as Nanos
    } else {
        exact.round_ties_even() as Nanos
    }
}

/// A size typed as a float: NaN is nothing, and what is not a whole number is below 0.
#[inline]
fn whole(size: f64) -> Shares {
    let shares = size as Shares;
    if size.is_nan() || (shares as f64 - size).abs() == 0.0 { shares } else { -1 }
}

const WHOLE: &str = "must be whole numbers from 1 to 1,000,000,000,000,000";

/// What is wrong with a book's prices or sizes.
#[cold]
fn misread(books: &Books<'_>, book: usize) -> Error {
    for venue in 0..books.venues {
        let place = book * books.venues + venue;
        let price = books.prices[place];
        if price > 0.0 && !(LEAST_PRICE..=MOST_PRICE).contains(&price) {
            let rule = "must be at most 4e+09 and, where there is a quote, at least 1e-09";
            return Error::Invalid { argument: "prices", rule, value: at(&price, &[book, venue]) };
        }
        let (shares, shown) = match books.sizes {
            Sizes::Whole(sizes) => (sizes[place], sizes[place].to_string()),
            Sizes::Float(sizes) => (whole(sizes[place]), sizes[place].to_string()),
        };
        if !(0..=MOST_SHARES).contains(&shares) {
            let rule = "must be whole numbers from 0 to 1,000,000,000,000,000";
            return Error::Invalid { argument: "sizes", rule, value: at(&shown, &[book, venue]) };
        }
    }
    unreachable!("a book was refused that has nothing wrong")
}

fn checked_fee(fee: f64, place: &[usize]) -> Result<Nanos> {
    require(fee.abs() <= MOST_FEE, "fees", "must be finite numbers from -1e6 to 1e6", || at(&fee, place))?;
    to_nanos("fees", fee)
}

fn mid(benchmark: f64, book: usize) -> Result<Nanos> {
    let rule = "must be finite numbers from 0 to 4e+09";
    require((0.0..=MOST_PRICE).contains(&benchmark), "benchmark", rule, || at(&benchmark, &[book]))?;
    to_nanos("benchmark", benchmark)
}

/// A value and its indexes in its array.
fn at(value: &impl ToString, place: &[usize]) -> String {
    let indexes: Vec<String> = place.iter().map(ToString::to_string).collect();
    format!(
        "{}{}",
        value.to_string(),
        if place.is_empty() { String::new() } else { format!(" at [{}]", indexes.join(", ")) }
    )
}

/// What a split of certain fills costs (rule A1), nanos: [`cost`](super::cost), without its parts.
#[inline]
fn total(problem: &Problem<'_>, split: &[Shares]) -> Money {
    let (mut total, mut executed) = (0, 0);
    for (offer, &shares) in problem.offers.iter().zip(split) {
        if shares > 0 {
            executed += shares;
            total += Money::from(shares) * Money::from(problem.unit_cost(offer));
        }
    }
    total + Money::from(problem.quantity - executed) * Money::from(problem.penalties.per_share_under())
}

/// Nanos as the nearest number of currency.
#[inline]
pub(crate) fn currency(nanos: Money) -> f64 {
    // A quotient of two integers that are floats is the nearest; any other is read from its digits.
    if let Ok(few) = i64::try_from(nanos)
        && few.unsigned_abs() <= 1 << 53
    {
        return few as f64 / NANOS_PER_UNIT as f64;
    }
    let (whole, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let value: f64 = format!("{whole}.{rest:09}").parse().unwrap_or(f64::NAN);
    if nanos < 0 { -value } else { value }
}
