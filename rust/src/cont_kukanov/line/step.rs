//! What one step along a move costs, without looking at the whole line: far cheaper, and looked at far more often.
//!
//! The changes of the fills are sums over the scenarios that an order keeps until it moves. Left is the shortfall, whose sum
//! is taken in one pass over the rows, for an exchange of two limit orders over rows of which half is kept as well.

use super::lanes::{Pivot, lane_sums};
use super::{Move, Order, Search, greater, lesser};

impl Search<'_> {
    /// By how much `V` grows when `t` falls, and when it grows, by `step`.
    ///
    /// The penalty is `over (A - S) + (miss + over) (S - A)+`: all but the last factor is linear in the fills, so that
    /// their changes, which an order keeps until it moves, and that of the shortfall are summed apart.
    pub(in super::super) fn change(&mut self, along: Move, step: f64) -> [f64; 2] {
        if step < 0.0 {
            let [less, more] = self.change(along, -step);
            return [more, less];
        }
        let missing = self.missing();
        let under = self.shortfalls(along, step).map(|shortfall| shortfall - missing);
        let [up, down, third] = along.orders().map(|order| self.fills(order, step));
        let prices = along.orders().map(|order| self.p.lambda_over - self.gain(order));
        let penalties = self.p.miss_cost() + self.p.lambda_over;
        let rows = self.bought.len() as f64;
        // What rises with `t` falls when the others rise.
        let cost = |side: usize, other: usize| {
            let fills = prices[0] * up[side] + prices[1] * down[other] + prices[2] * third[other];
            (fills + penalties * under[side]) / rows
        };
        let submitted = step * self.far_theta(along);
        [cost(0, 1) - submitted, cost(1, 0) + submitted]
    }

    /// Sums over the scenarios of the shares missing once `t` has fallen, and once it has grown, by `step`.
    fn shortfalls(&mut self, along: Move, step: f64) -> [f64; 2] {
        let s = self.p.quantity;
        match along {
            Move::Exchange(Order::Limit(up), Order::Limit(down)) => {
                self.set_pivot(down, step);
                let [amount, fewer] = [self.allocation.limits[up], self.allocation.limits[up] - step];
                let c = self.scenarios.venue(up);
                // One sum at a time: of two the compiler would put sums, not rows, beside each other.
                let [less] = lane_sums([&self.pivot.short_more, c], |[short, c]| {
                    [greater(short + clamped(c - fewer, step), 0.0)]
                });
                let [more] = lane_sums([&self.pivot.short_less, c], |[short, c]| {
                    [greater(short - clamped(c - amount, step), 0.0)]
                });
                [less, more]
            }
            Move::Exchange(Order::Limit(up), other) => {
                let moved = if other == Order::Market { step } else { 0.0 };
                let [amount, fewer] = [self.allocation.limits[up], self.allocation.limits[up] - step];
                let columns = [&self.bought, self.scenarios.venue(up)];
                let [low, high] = [s - moved, s + moved];
                let [less] = lane_sums(columns, |[a, c]| [greater(low - a + clamped(c - fewer, step), 0.0)]);
                let [more] = lane_sums(columns, |[a, c]| [greater(high - a - clamped(c - amount, step), 0.0)]);
                [less, more]
            }
            Move::Exchange(Order::Market, _) => {
                lane_sums([&self.bought], |[a]| [greater(s + step - a, 0.0), greater(s - step - a, 0.0)])
            }
            Move::Exchange(Order::Nothing, _) => {
                unreachable!("\"nothing\" is exchanged for an order, not an order for it")
            }
            Move::Fan(i, j) => {
                let [li, lj] = [self.allocation.limits[i], self.allocation.limits[j]];
                let columns = [&self.bought[..], self.scenarios.venue(i), self.scenarios.venue(j)];
                let [low, high] = [s - step, s + step];
                let [less] = lane_sums(columns, |[a, ci, cj]| {
                    [greater(high - a - (clamped(ci - li, step) + clamped(cj - lj, step)), 0.0)]
                });
                let [more] = lane_sums(columns, |[a, ci, cj]| {
                    let lost = clamped(ci - (li - step), step) + clamped(cj - (lj - step), step);
                    [greater(low - a + lost, 0.0)]
                });
                [less, more]
            }
        }
    }

    /// Sum over the scenarios of the shares missing now.
    fn missing(&mut self) -> f64 {
        if self.missing.0 != self.moves {
            let s = self.p.quantity;
            let [missing] = lane_sums([&self.bought], |[a]| [greater(s - a, 0.0)]);
            self.missing = (self.moves, missing);
        }
        self.missing.1
    }

    /// What an exchange of a limit order for another has in common with the next.
    fn set_pivot(&mut self, venue: usize, step: f64) {
        let key = Some((venue, step.to_bits(), self.moves));
        if self.pivot.key == key {
            return;
        }
        self.pivot.key = key;
        let Pivot { short_more, short_less, .. } = &mut self.pivot;
        let (s, amount) = (self.p.quantity, self.allocation.limits[venue]);
        short_more.clear();
        short_less.clear();
        let rows = || self.bought.iter().zip(self.scenarios.venue(venue));
        short_more.extend(rows().map(|(a, c)| s - a - clamped(c - amount, step)));
        short_less.extend(rows().map(|(a, c)| s - a + clamped(c - (amount - step), step)));
    }

    /// By how much an order's fills change in sum over the scenarios with a step less, and with a step more.
    fn fills(&mut self, order: Order, step: f64) -> [f64; 2] {
        let venue = match order {
            Order::Nothing => return [0.0; 2],
            Order::Market => return [-step, step].map(|moved| moved * self.bought.len() as f64),
            Order::Limit(venue) => venue,
        };
        let amount = self.allocation.limits[venue];
        let key = [amount.to_bits(), step.to_bits()];
        if let Some((known, fills)) = self.fills[venue]
            && known == key
        {
            return fills;
        }
        let fills = lane_sums([self.scenarios.venue(venue)], |[c]| {
            [-clamped(c - (amount - step), step), clamped(c - amount, step)]
        });
        self.fills[venue] = Some((key, fills));
        fills
    }
}

/// What of `x` lies between 0 and `most`.
#[inline]
fn clamped(x: f64, most: f64) -> f64 {
    lesser(greater(x, 0.0), most)
}
