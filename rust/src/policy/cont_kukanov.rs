//! The paper's router: at the start of every epoch it solves Cont & Kukanov's problem on what past windows of the tape
//! would have filled, sends the market order, and rests the limit orders until the epoch ends (rules C1-C10).

use crate::cont_kukanov::solve::{MOST_LOTS, Options, solve};
use crate::cont_kukanov::{Parameters, Scenarios};
use crate::error::{Result, require};
use crate::ledger::{Epoch, Kind, Solved};
use crate::order::Parent;
use crate::policy::Unit;
use crate::policy::probes::{Past, Probes, Windows};
use crate::policy::sweep::Ranked;
use crate::policy::{Orders, Policy, Report, Settings, View};
use crate::units::{Nanos, Shares, Time};

/// More epochs in one order than this are an error.
const MOST_EPOCHS: Time = 1_000_000;

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
    /// At most this many windows, the latest, make the scenarios.
    pub scenarios: usize,
}

impl Settings for ContKukanov {
    type Mind<'a> = Epochs<'a>;

    fn learns_from(&self) -> Option<Windows> {
        Some(Windows { length: self.epoch, every: self.window_every })
    }

    fn plainest(&self) -> Self {
        *self
    }

    fn start<'a>(&'a self, parent: &Parent, past: &Past<'a>) -> Result<Epochs<'a>> {
        let span = parent.end - parent.start;
        require(
            span / self.epoch < MOST_EPOCHS,
            "epoch",
            "must be so long that an order has at most 1,000,000",
            || format!("{} ns in an order of {span} ns", self.epoch),
        )?;
        Ok(Epochs {
            router: self,
            past: *past,
            start: parent.start,
            epoch_end: parent.start,
            planned: false,
            unsent: 0,
            first: 0,
            ranked: Ranked::default(),
        })
    }
}

/// A [`ContKukanov`] at work on one order: the present epoch.
#[derive(Clone, Debug)]
pub struct Epochs<'a> {
    router: &'a ContKukanov,
    past: Past<'a>,
    start: Time,
    epoch_end: Time,
    planned: bool,
    // Shares of the epoch's market order still to be sent, and the first order that may be part of it.
    unsent: Shares,
    first: u32,
    ranked: Ranked,
}

impl Policy for Epochs<'_> {
    /// Sweeps what the epoch's market order still wants. An epoch that has not been planned yet, for lack of a mid, is
    /// planned now; one that begins with nothing left to plan has no orders.
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        if view.now >= self.epoch_end {
            self.epoch_end = self.boundary_after(view.now);
            self.planned = false;
        }
        let plan = !std::mem::replace(&mut self.planned, true);
        if plan {
            (self.unsent, self.first) = (0, out.next_number());
        }
        if view.remaining <= 0 {
            return Ok(());
        }
        let mut limits = Vec::new();
        if plan {
            let posting = self.plan(view)?;
            (self.unsent, limits) = (posting.market, posting.limits);
            let limit = limits.iter().map(|&(_, shares)| shares).sum();
            let Posting { market, problem, .. } = posting;
            out.note(Epoch { ts: view.now, remaining: view.remaining, market, limit, problem });
        }
        self.unsent -= self.ranked.sweep(view, self.unsent.min(view.remaining), out);
        for (venue, shares) in limits {
            out.post(venue, shares, None, Some(self.epoch_end));
        }
        Ok(())
    }

    fn wakes(&self, after: Time) -> Option<Time> {
        Some(self.boundary_after(after))
    }

    /// Shares of a take that come back are sent again; those of a past epoch's market order are planned anew.
    fn told(&mut self, report: &Report) -> Result<()> {
        if report.kind == Kind::Take && report.order >= self.first {
            self.unsent += report.returned;
        }
        Ok(())
    }
}

/// What is decided at the start of an epoch.
struct Posting {
    // Shares to take, `M`, and to rest, `L_k`, by venue.
    market: Shares,
    limits: Vec<(usize, Shares)>,
    // What was solved, `None` where there was nothing to solve: then all is taken.
    problem: Option<Solved>,
}

/// The paper's problem now, in nanos and shares, and the venues it is about.
struct Problem {
    parameters: Parameters,
    scenarios: Scenarios,
    venues: Vec<usize>,
}

impl Epochs<'_> {
    /// When the epoch that runs at `now` ends.
    fn boundary_after(&self, now: Time) -> Time {
        let begun = (now - self.start) / self.router.epoch + 1;
        self.start.saturating_add(begun.saturating_mul(self.router.epoch))
    }

    /// Plans an epoch that begins now, from windows that have ended. Without an offer to take, a venue to post at, or a
    /// window, the paper's problem cannot be posed and all is taken.
    ///
    /// The paper's assumptions hold at no moment by themselves: a venue where a fill gains nothing gets no order (assumption A1),
    /// and penalties below their bounds are raised to them (assumptions A2, A3), where the problem's answer is continuous.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`](crate::Error::Stopped), and [`Error::Invalid`](crate::Error::Invalid) for more lots than can be planned.
    fn plan(&self, view: &View<'_>) -> Result<Posting> {
        let all_taken = Posting { market: view.remaining, limits: Vec::new(), problem: None };
        let Some(probes) = self.past.probes else { return Ok(all_taken) };
        // A plan takes thousands of times what a snapshot does, so every one is a place to stop.
        view.stop.check()?;
        let Some(problem) = self.pose(view, probes)? else { return Ok(all_taken) };
        let Problem { parameters, scenarios, venues } = problem;
        // The tail of an order is planned in single shares (rule A2), a huge one in a million lots.
        let tail = 1 + (view.remaining - 1) / MOST_LOTS as Shares;
        let lot = if view.remaining < view.parent.lot { tail } else { view.parent.lot };
        let solution = solve(&parameters, &scenarios, Options { lot: Some(lot as f64) }, view.stop)?;
        let orders = solution.allocation.limits.iter().map(|limit| limit.round() as Shares);
        Ok(Posting {
            market: solution.allocation.market.round() as Shares,
            limits: venues.into_iter().zip(orders).filter(|&(_, limit)| limit > 0).collect(),
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
    fn pose(&self, view: &View<'_>, probes: &Probes) -> Result<Option<Problem>> {
        let rows = probes.known_at(self.past.since, view.now, self.router.scenarios);
        let mut venues: Vec<(usize, Nanos)> = view.joinable().map(|(venue, quote)| (venue, quote.key)).collect();
        let best_own = venues.iter().map(|&(_, key)| key).min();
        let best_offer = view.visible().map(|(_, quote)| quote.key).min();
        let cheapest = view.visible().map(|(venue, quote)| view.all_in(venue, quote)).min();
        let (Some(own), Some(offer), Some(cheapest)) = (best_own, best_offer, cheapest) else { return Ok(None) };
        // Halves of whole nanos, so all of this is exact in floats.
        let half_spread = (offer + own) as f64 / 2.0;
        let fee = (cheapest - offer) as f64;
        let rebate = |venue: usize| (view.market.venues[venue].maker_rebate - self.router.adverse_selection) as f64;
        venues.retain(|&(venue, _)| rebate(venue) + half_spread > 0.0);
        if venues.is_empty() || rows.is_empty() {
            return Ok(None);
        }
        let venues: Vec<usize> = venues.into_iter().map(|(venue, _)| venue).collect();
        let rebates: Vec<f64> = venues.iter().map(|&venue| rebate(venue)).collect();
        let parameters = self.parameters(view, half_spread, fee, rebates)?;
        let mut outflows = Vec::with_capacity(rows.len() * venues.len());
        for row in rows {
            outflows.extend(venues.iter().map(|&venue| probes.filled(row, venue).min(view.remaining) as f64));
        }
        let scenarios = Scenarios::from_outflows(&outflows, &parameters.queues)?;
        Ok(Some(Problem { parameters, scenarios, venues }))
    }

    /// Prices and penalties now; penalties below the bounds of A2 and A3 are raised to them.
    fn parameters(&self, view: &View<'_>, half_spread: f64, fee: f64, rebates: Vec<f64>) -> Result<Parameters> {
        let take = half_spread + fee;
        let gain = half_spread + rebates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ContKukanov { lambda_over, lambda_under, theta_queue, unit, .. } = *self.router;
        let [over, under, theta] =
            [lambda_over, lambda_under, theta_queue].map(|value| unit.nanos(value, view.mid) as f64);
        Parameters::new(Parameters {
            half_spread,
            fee,
            theta,
            lambda_under: under.max(take + 1.0),
            lambda_over: over.max(gain + 1.0).max(1.0 - take),
            quantity: view.remaining as f64,
            // A probe's fills are what flows out behind its queue: the queue is in them.
            queues: vec![0.0; rebates.len()],
            rebates,
        })
    }
}
