//! The scale of every number that decides anything (rules N1-N3).
//!
//! Prices, fees, rebates and penalties are integers in *nanos*, 1e-9 of the quote currency, the scale of
//! Databento's DBN. Sizes are whole shares. Times are nanoseconds since the epoch, UTC. A sum of money is an
//! [`i128`], which no product of a price and a size that fit in 64 bits can overflow. Floats enter only as a
//! caller's parameters, here, and are rounded half to even once.

use crate::error::{Error, Result};

/// Price, fee, rebate or penalty per share: nanos of the quote currency.
pub type Nanos = i64;
/// A sum of money: nanos of the quote currency.
pub type Money = i128;
/// Whole shares.
pub type Shares = i64;
/// Nanoseconds since the epoch, UTC; also a span of nanoseconds.
pub type Time = i64;

/// Nanos in one unit of the quote currency.
pub const NANOS_PER_UNIT: Nanos = 1_000_000_000;
/// DBN's undefined price: a side without a quote.
pub const UNDEF_PRICE: Nanos = i64::MAX;

/// The side of a parent order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Takes the ask, posts at the bid.
    Buy,
    /// Takes the bid, posts at the ask.
    Sell,
}

impl Side {
    /// `+1` for a buy, `-1` for a sell: the `s` of the model.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

/// `round_half_even(fraction * base)`, both as binary floats (rules N3, B7, F2).
///
/// Half to even is IEEE 754's own rule, so Rust, Python's `round` and `numpy` agree on every input.
#[must_use]
pub fn fraction_of(fraction: f64, base: Nanos) -> Nanos {
    round_half_even(fraction * base as f64) as Nanos
}

/// 1.5 * 2^52: added to a number, it leaves no bits for a fraction, so the sum itself is rounded, half to even.
const SHIFT: f64 = 6_755_399_441_055_744.0;
/// From here on every number is whole.
const WHOLE: f64 = 4_503_599_627_370_496.0;
/// Below it a number and [`SHIFT`] make a sum of the shift's own exponent.
pub(crate) const MOST_SHIFTED: f64 = WHOLE / 2.0;

/// [`round_half_even`] of what is below [`MOST_SHIFTED`] in size, as a whole number: the bits of the sum. No processor's
/// instruction is needed that turns a float into 64 bits, of which some do one at a time.
#[inline]
pub(crate) fn round_small(x: f64) -> i64 {
    (x + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// `f64::round_ties_even`, which is a call into the C library where the target lacks the instruction.
#[inline]
pub(crate) fn round_half_even(x: f64) -> f64 {
    match x.abs() {
        small if small < MOST_SHIFTED => (x + SHIFT) - SHIFT,
        large if large >= WHOLE => x,
        _ => x.round_ties_even(),
    }
}

/// A currency amount as nanos: `round_half_even(value * 1e9)` (rule N1).
///
/// # Errors
///
/// [`Error::NotANumber`] or [`Error::OutOfRange`], naming `argument`, when the value is not finite or does not fit.
pub fn to_nanos(argument: &'static str, value: f64) -> Result<Nanos> {
    if !value.is_finite() {
        return Err(Error::NotANumber { argument, value });
    }
    let nanos = round_half_even(value * NANOS_PER_UNIT as f64);
    // 2^63 is a float; the largest i64 is not.
    if nanos.abs() >= i64::MAX as f64 {
        return Err(Error::OutOfRange { argument, value });
    }
    Ok(nanos as Nanos)
}
