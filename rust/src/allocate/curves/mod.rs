//! Allocation with the fills that are expected (rule F4): one cost curve per venue.
//!
//! # The problem
//!
//! Venue `i` may be sent `k_i = 0, 1, .., K_i` lots. Its curve says what that costs, `c_i(k)` nanos, and how many
//! shares `t_i(k)` are expected to execute; both are integers, neither convex nor monotone (they are rounded). With `S`
//! shares remaining, at most `M` lots to send (more than `S` when overbooked), and `A = sum t_i(k_i)`:
//!
//! ```text
//! minimise    F(k) = sum c_i(k_i) + u max(S - A, 0) + o max(A - S, 0)      u = lambda_under + theta
//! subject to  sum k_i <= M                                                 o = lambda_over + theta
//! ```
//!
//! Among equals the lexicographically smallest `k` is the answer. [`exhaustive`] looks at every candidate;
//! [`Solver::exact`] returns the same vector on every input.
//!
//! # How `exact` works
//!
//! **Bound.** For any `mu` in `[-o, u]` and `nu >= 0`, the penalty is at least `mu (S - A)`, and `nu (sum k_i - M)` is
//! at most 0, so with `phi_i = min_k c_i(k) - mu t_i(k) + nu k`
//!
//! ```text
//! F(k) >= D = mu S - nu M + sum phi_i.
//! ```
//!
//! `D` falls apart into venues, and is concave in `(mu, nu)`. Its maximum is found by the secant method on each
//! venue's lower hull. Any integer pair gives a valid bound: the floats that propose `mu` decide how fast the answer
//! is found, never what it is.
//!
//! **Reduced costs.** With `e_i(k) = c_i(k) - mu t_i(k) + nu k - phi_i`, the difference is a sum of terms that are all
//! `>= 0`, in exact integers:
//!
//! ```text
//! F(k) - D = sum e_i(k_i) + (u - mu) max(S - A, 0) + (o + mu) max(A - S, 0) + nu (M - sum k_i).
//! ```
//!
//! A candidate within `E` of the bound can only use choices with `e_i(k) <= E`: of convex curves a handful is left.
//! `E` grows from a fraction of what a rounded dual solution attains, until a candidate is found.
//!
//! **Search.** The state before venue `i` is (lots left, shares left), and its least excess `V_i` obeys a recursion
//! over the choices of venue `i`. It is searched depth first with a limit; what is learnt, the exact value or that it
//! is at least the limit, is kept in a hash table. Beyond the reach of the venues that follow, the leftover terms are
//! linear: such states are shifted to the edge of the reach and merge there. (Where `A` cannot exceed `S`, the
//! shares drop out of the state altogether and this is a knapsack over lots.) The last venues are not searched: their
//! combinations are enumerated once, sorted by shares, and looked up, as in a meeting in the middle.
//!
//! **Ties.** Every state's value is exact and kept with the fewest lots that attain it, and the tail's combinations in
//! lexicographic order; so the path from the root is the lexicographically smallest of all optimal ones.
//!
//! **The table.** Hard are books whose optimum lies on the kink `A = S` with very many nearly equal ways to reach it, a
//! subset-sum problem: one price, no impact and a different queue position at every venue, overbooked. There the
//! search is given up after [`Effort::search`] steps, and the recursion runs from the last venue to the first over every
//! state that can lie on a path within `E`, in arrays (module `table`). Its `E` starts small, since that keeps the
//! numbers in 32 bits and the ends of the paths few.
//!
//! **The gap.** What needs a larger table than [`Effort::table`] allows is not proven: the answer is then the best
//! candidate that coarser tables have led to, and states its [`gap`](Answer::gap), the difference between its excess and
//! the largest `E` within which there is no candidate.
//!
//! # Time
//!
//! `O(N K)` when the bound is tight, which is usual where `A` cannot reach `S`. Else a table takes at most `M T` cells
//! for each of `N` venues, with `K` steps for each, `T` the range of `A`: `N M T K` steps at most, of 0.2 to 0.7 ns. The
//! number of steps is known before any is taken. Overbooked 16 venues of up to 50 lots at one price take 1 ms, the worst
//! of a thousand 20 (`hard` in `benches/curves.rs`); with the default effort no decision takes more than about 0.3 s.
//!
//! # Example
//!
//! ```
//! use sor_core::allocate::curves::{Curves, Plan, Problem, Solver, Terms};
//! use sor_core::units::Side;
//!
//! // 500 shares at two venues, a dollar a share, half a cent above the benchmark; nine in ten shares execute, at
//! // prices that get worse by a nano per share sent to one venue and by two at the other.
//! let plan = Plan { side: Side::Buy, lot: 100, cap: 500, benchmark: 995_000_000 };
//! let terms = Terms { available: 500, taker_fee: 0, maker_rebate: 0 };
//! let mut curves = Curves::new();
//! curves.push_fills(&plan, &terms, |x| Ok((x * 9 / 10, 1_000_000_000 + x)))?;
//! curves.push_fills(&plan, &terms, |x| Ok((x * 9 / 10, 1_000_000_000 + 2 * x)))?;
//! let problem = Problem {
//!     curves: &curves,
//!     remaining: 500,
//!     max_lots: plan.max_lots()?,
//!     under: 10_000_000,
//!     over: 10_000_000,
//! };
//! let mut lots = Vec::new();
//! let answer = Solver::new().exact(&problem, &mut lots, sor_core::observe::Stop::NEVER)?;
//! assert_eq!(lots, [3, 2]);
//! assert_eq!(answer.gap, None);
//! assert_eq!(answer.cost, 450 * 5_000_000 + 270 * 300 + 180 * 400 + 50 * 10_000_000);
//! # Ok::<(), sor_core::Error>(())
//! ```

mod dual;
mod exact;
mod exhaustive;
mod memo;
mod reduced;
mod search;
mod table;
mod tail;

pub use exact::{Answer, Effort, Solver};
pub use exhaustive::{candidates, exhaustive};

use crate::error::{Error, Result};
use crate::units::{Money, Nanos, Shares, Side};

/// The venues' curves: for every venue, cost and executed shares at `0, 1, .., K_i` lots sent.
///
/// Storage is flat and reused: [`clear`](Self::clear) and refill it at every decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curves {
    cost: Vec<Nanos>,
    shares: Vec<Shares>,
    ends: Vec<usize>,
}

/// What one venue offers to a plan (rule A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Shares that may be sent at most, `a_i`.
    pub available: Shares,
    /// Nanos per executed share, paid.
    pub taker_fee: Nanos,
    /// Nanos per share sent and not executed, earned.
    pub maker_rebate: Nanos,
}

/// What all venues of a plan have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Side of the parent order.
    pub side: Side,
    /// Shares in a lot, `L >= 1`.
    pub lot: Shares,
    /// Most shares sent over all venues, `B = floor(overbook * S)`.
    pub cap: Shares,
    /// The price that costs are relative to, `b`.
    pub benchmark: Nanos,
}

impl Plan {
    /// The most lots sent over all venues, `floor(B / L)`: [`Problem::max_lots`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the lot is not positive.
    pub fn max_lots(&self) -> Result<usize> {
        if self.lot <= 0 {
            return Err(invalid("lot", "must be at least 1 share", &self.lot));
        }
        Ok(usize::try_from(self.cap.max(0) / self.lot).unwrap_or(usize::MAX))
    }
}

impl Curves {
    /// No venues yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { cost: Vec::new(), shares: Vec::new(), ends: Vec::new() }
    }

    /// Forgets the venues and keeps the memory.
    pub fn clear(&mut self) {
        self.cost.clear();
        self.shares.clear();
        self.ends.clear();
    }

    /// Adds the next venue: `(cost, shares)` at `0, 1, .., K_i` lots.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when there is no point, the first is not `(0, 0)` or a number of shares is negative. The
    /// venue is then not added.
    pub fn push(&mut self, points: impl IntoIterator<Item = (Nanos, Shares)>) -> Result<()> {
        self.try_push(points.into_iter().map(Ok))
    }

    /// Adds the next venue from its fills: `fill(x)` says how many of `x` shares sent will execute, and at what
    /// price. Lots run from 0 to `min(floor(a_i / L), floor(B / L))`; the cost of `x` is A1's
    /// `t * (s * (price - b) + fee) - (x - t) * rebate`. `fill` is not asked about 0 shares, which cost nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the lot is not positive, `fill` executes less than 0 or more than `x` shares, or a cost
    /// does not fit 64-bit nanos. The venue is then not added.
    pub fn push_fills(
        &mut self,
        plan: &Plan,
        terms: &Terms,
        mut fill: impl FnMut(Shares) -> Result<(Shares, Nanos)>,
    ) -> Result<()> {
        let lots = plan.max_lots()? as Shares;
        let lots = lots.min(terms.available.max(0) / plan.lot);
        let sign = i128::from(plan.side.sign());
        self.try_push((0..=lots).map(|k| {
            let sent = k * plan.lot;
            if sent == 0 {
                return Ok((0, 0));
            }
            let (executed, price) = fill(sent)?;
            if !(0..=sent).contains(&executed) {
                return Err(invalid("fill", "must execute between 0 and the shares sent", &executed));
            }
            let paid = sign * (i128::from(price) - i128::from(plan.benchmark)) + i128::from(terms.taker_fee);
            let rebate = i128::from(sent - executed) * i128::from(terms.maker_rebate);
            let cost = i128::from(executed) * paid - rebate;
            Nanos::try_from(cost)
                .map(|cost| (cost, executed))
                .map_err(|_| invalid("fill", "must cost less than 2^63 nanos per venue", &cost))
        }))
    }

    fn try_push(&mut self, points: impl Iterator<Item = Result<(Nanos, Shares)>>) -> Result<()> {
        let start = self.cost.len();
        let outcome = self.append(points).and_then(|()| match self.cost.get(start).zip(self.shares.get(start)) {
            Some((0, 0)) => Ok(()),
            Some(first) => Err(invalid("points", "must start with (0, 0)", &format!("{first:?}"))),
            None => Err(invalid("points", "must hold at least (0, 0)", &"none")),
        });
        if outcome.is_ok() {
            self.ends.push(self.cost.len());
        } else {
            self.cost.truncate(start);
            self.shares.truncate(start);
        }
        outcome
    }

    fn append(&mut self, points: impl Iterator<Item = Result<(Nanos, Shares)>>) -> Result<()> {
        for point in points {
            let (cost, shares) = point?;
            if shares < 0 {
                return Err(invalid("shares", "must be at least 0", &shares));
            }
            self.cost.push(cost);
            self.shares.push(shares);
        }
        Ok(())
    }

    /// How many venues.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.ends.len()
    }

    /// The costs of venue `i` at `0, 1, .., K_i` lots, in nanos.
    #[must_use]
    pub fn cost(&self, venue: usize) -> &[Nanos] {
        &self.cost[self.range(venue)]
    }

    /// The executed shares of venue `i` at `0, 1, .., K_i` lots.
    #[must_use]
    pub fn shares(&self, venue: usize) -> &[Shares] {
        &self.shares[self.range(venue)]
    }

    fn range(&self, venue: usize) -> std::ops::Range<usize> {
        let start = if venue == 0 { 0 } else { self.ends[venue - 1] };
        start..self.ends[venue]
    }
}

/// One allocation problem: curves, what remains, and what being short or long costs.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// The venues, in ascending id.
    pub curves: &'a Curves,
    /// Shares still wanted, `S >= 0`.
    pub remaining: Shares,
    /// Most lots sent over all venues, `floor(B / L)`.
    pub max_lots: usize,
    /// Nanos per share short of `S`: `lambda_under + theta >= 0`.
    pub under: Nanos,
    /// Nanos per share beyond `S`: `lambda_over + theta >= 0`.
    pub over: Nanos,
}

impl Problem<'_> {
    /// The objective at `lots`, one number per venue, in nanos.
    ///
    /// # Panics
    ///
    /// When `lots` is not one number of lots within its curve for each venue.
    #[must_use]
    pub fn cost(&self, lots: &[usize]) -> Money {
        assert_eq!(lots.len(), self.curves.venues(), "one number of lots per venue");
        let venues = lots.iter().enumerate();
        let (cash, executed) = venues.fold((0, 0), |(cash, executed), (i, &k)| {
            (cash + Money::from(self.curves.cost(i)[k]), executed + self.curves.shares(i)[k])
        });
        cash + self.penalty(executed)
    }

    /// What executing `executed` shares instead of `S` costs.
    fn penalty(&self, executed: Shares) -> Money {
        let short = Money::from(self.remaining) - Money::from(executed);
        let rate = if short > 0 { self.under } else { -self.over };
        Money::from(rate) * short
    }

    /// Lots that venue `i` can be sent at most.
    fn top(&self, venue: usize) -> usize {
        (self.curves.cost(venue).len() - 1).min(self.max_lots)
    }

    /// Checks the arguments, and that no sum of shares leaves 64 bits, so that no cost leaves 128.
    fn validate(&self) -> Result<()> {
        let amounts =
            [("remaining", self.remaining), ("lambda_under + theta", self.under), ("lambda_over + theta", self.over)];
        for (argument, value) in amounts {
            if value < 0 {
                return Err(invalid(argument, "must be at least 0", &value));
            }
        }
        let most = |i| self.curves.shares(i).iter().copied().max().unwrap_or(0);
        (0..self.curves.venues())
            .try_fold(self.remaining, |sum, i| sum.checked_add(most(i)))
            .map(drop)
            .ok_or_else(|| invalid("shares", "must sum to less than 2^63 over the venues", &"more"))
    }
}

fn invalid(argument: &'static str, rule: &'static str, value: &impl ToString) -> Error {
    Error::Invalid { argument, rule, value: value.to_string() }
}
