//! The paper's router: at the start of every epoch it solves Cont & Kukanov's problem on what past windows of the tape
//! would have filled, sends the market order, and rests the limit orders until the epoch ends (MODEL C1-C10).

use crate::cont_kukanov::solve::{MOST_LOTS, Options, solve};
use crate::cont_kukanov::{Parameters, Scenarios};
use crate::error::Result;
use crate::fills::QueueModel;
use crate::market::{Book, Venue, Visibility, postable};
use crate::observe::Stop;
use crate::policy::Unit;
use crate::policy::probes::{Probes, Windows};
use crate::quote::Quote;
use crate::units::{Nanos, Shares, Side, Time};

/// The router's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContKukanov {
    /// Cost of a share bought beyond the order, `lambda_o`.
    pub lambda_over: f64,
    /// Full cost of a share not bought by the end of the epoch, `lambda_u`.
    pub lambda_under: f64,
    /// Impact per share submitted, `theta`.
    pub theta_queue: f64,
    /// Unit of the three.
    pub unit: Unit,
    /// Taken off every rebate, nanos per share: `r_k` is net of adverse selection.
    pub adverse_selection: Nanos,
    /// `T`, the length of an epoch and of a probe's window, nanoseconds, positive.
    pub epoch: Time,
    /// From the start of one window to the next, nanoseconds, positive.
    pub window_every: Time,
    /// At most so many windows, the latest, make the scenarios.
    pub scenarios: usize,
    /// How queues are simulated, those of the probes and our own.
    pub queue: QueueModel,
}

/// What the router sees when it plans.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The book now.
    pub book: &'a Book,
    /// The venues' terms.
    pub venues: &'a [Venue],
    /// Which quotes it sees.
    pub visibility: &'a Visibility,
    /// The parent's side.
    pub side: Side,
    /// Shares to plan, positive.
    pub remaining: Shares,
    /// The parent's lot.
    pub lot: Shares,
    /// Decision time.
    pub now: Time,
    /// The mid.
    pub mid: Nanos,
}

impl Standing<'_> {
    /// The quotes to take, by venue: those that a taking policy sees.
    fn offers(&self) -> impl Iterator<Item = (usize, Quote)> + '_ {
        self.visibility.visible(self.book, self.side, self.mid, self.now)
    }
}

/// What is decided at the start of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Posting {
    /// Shares to take, `M`.
    pub market: Shares,
    /// Shares to rest, `L_k`: venue, its own-side quote, shares.
    pub limits: Vec<(usize, Quote, Shares)>,
    /// The problem that was solved, `None` where there was none: then all is taken.
    pub problem: Option<Solved>,
}

/// The problem behind a decision, and what its solution promises; money in nanos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solved {
    /// Scenarios.
    pub scenarios: usize,
    /// `h`, nanos per share.
    pub half_spread: f64,
    /// `lambda_u` as it was used: at least 1 nano above `h + f` (A3).
    pub lambda_under: f64,
    /// `lambda_o` as it was used (A2).
    pub lambda_over: f64,
    /// `V`, against the mid.
    pub cost: f64,
    /// `E (S - A)+`, shares.
    pub shortfall: f64,
    /// `E (A - S)+`, shares.
    pub excess: f64,
}

impl ContKukanov {
    /// The windows whose probes it learns from.
    #[must_use]
    pub fn windows(&self) -> Windows {
        Windows { length: self.epoch, every: self.window_every, queue: self.queue }
    }

    /// Plans an epoch that begins now, from windows that have ended. Without an offer to take, a venue to post at, or a
    /// window, the paper's problem cannot be posed and all is taken.
    ///
    /// The paper's assumptions hold at no moment by themselves: a venue where a fill gains nothing gets no order (A1),
    /// and penalties below their bounds are raised to them (A2, A3), where the problem's answer is continuous.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`](crate::Error::Stopped), and [`Error::Invalid`](crate::Error::Invalid) for more lots than can be planned.
    pub(crate) fn plan(&self, standing: &Standing<'_>, probes: Option<&Probes>, stop: Stop<'_>) -> Result<Posting> {
        let all_taken = Posting { market: standing.remaining, limits: Vec::new(), problem: None };
        let Some(probes) = probes else { return Ok(all_taken) };
        // A plan takes thousands of times what a snapshot does, so every one is a place to stop.
        stop.check()?;
        let Some(problem) = self.pose(standing, probes)? else { return Ok(all_taken) };
        let Problem { parameters, scenarios, venues } = problem;
        // The tail of an order is planned in single shares (A2), a huge one in a million lots.
        let tail = 1 + (standing.remaining - 1) / MOST_LOTS as Shares;
        let lot = if standing.remaining < standing.lot { tail } else { standing.lot };
        let solution = solve(&parameters, &scenarios, Options { lot: Some(lot as f64) }, stop)?;
        let orders = solution.allocation.limits.iter().map(|limit| limit.round() as Shares);
        let limits = venues.into_iter().zip(orders).map(|((venue, quote), limit)| (venue, quote, limit));
        Ok(Posting {
            market: solution.allocation.market.round() as Shares,
            limits: limits.filter(|&(_, _, limit)| limit > 0).collect(),
            problem: Some(Solved {
                scenarios: scenarios.rows(),
                half_spread: parameters.half_spread,
                lambda_under: parameters.lambda_under,
                lambda_over: parameters.lambda_over,
                cost: solution.cost.mean,
                shortfall: solution.cost.shortfall,
                excess: solution.cost.excess,
            }),
        })
    }

    /// The paper's problem now, in nanos and shares; `None` where it cannot be posed.
    fn pose(&self, standing: &Standing<'_>, probes: &Probes) -> Result<Option<Problem>> {
        let Standing { book, venues: terms, visibility, side, remaining, now, mid, .. } = *standing;
        let rows = probes.known_at(now, self.scenarios);
        let mut venues: Vec<(usize, Quote)> = postable(book, side, visibility, mid, now).collect();
        let best_own = venues.iter().map(|(_, quote)| quote.key).min();
        let best_offer = standing.offers().map(|(_, quote)| quote.key).min();
        let cheapest = standing.offers().map(|(venue, quote)| quote.key + terms[venue].taker_fee).min();
        let (Some(own), Some(offer), Some(cheapest)) = (best_own, best_offer, cheapest) else { return Ok(None) };
        // Halves of whole nanos, so all of this is exact in floats.
        let half_spread = (offer + own) as f64 / 2.0;
        let fee = (cheapest - offer) as f64;
        let rebate = |venue: usize| (terms[venue].maker_rebate - self.adverse_selection) as f64;
        venues.retain(|&(venue, _)| rebate(venue) + half_spread > 0.0);
        if venues.is_empty() || rows.is_empty() {
            return Ok(None);
        }
        let rebates: Vec<f64> = venues.iter().map(|&(venue, _)| rebate(venue)).collect();
        let take = half_spread + fee;
        let gain = half_spread + rebates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [over, under, theta] =
            [self.lambda_over, self.lambda_under, self.theta_queue].map(|value| self.unit.nanos(value, mid) as f64);
        let parameters = Parameters::new(Parameters {
            half_spread,
            fee,
            rebates,
            theta,
            lambda_under: under.max(take + 1.0),
            lambda_over: over.max(gain + 1.0).max(1.0 - take),
            quantity: remaining as f64,
            // A probe's fills are what flows out behind its queue: the queue is in them.
            queues: vec![0.0; venues.len()],
        })?;
        let mut outflows = Vec::with_capacity(rows.len() * venues.len());
        for row in rows {
            outflows.extend(venues.iter().map(|&(venue, _)| probes.filled(row, venue).min(remaining) as f64));
        }
        let scenarios = Scenarios::from_outflows(&outflows, &parameters.queues)?;
        Ok(Some(Problem { parameters, scenarios, venues }))
    }
}

struct Problem {
    parameters: Parameters,
    scenarios: Scenarios,
    venues: Vec<(usize, Quote)>,
}
