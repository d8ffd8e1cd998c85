//! The static router: the allocator of MODEL section 3 at every decision.

use crate::allocate::curves::{self, Curves, Terms};
use crate::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate};
use crate::error::{Error, Result};
use crate::observe::Stop;
use crate::policy::{Desk, Intent, View};
use crate::units::{NANOS_PER_UNIT, Nanos, Shares, fraction_of};

/// A plan with fills weighs every lot of every venue; more lots than this at one are an error.
const MOST_LOTS: Shares = 100_000;

/// The unit of the three risk parameters (MODEL N3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A fraction of the benchmark price: 0.0005 is 5 basis points.
    Fraction,
    /// Currency per share.
    Price,
}

impl Unit {
    /// A parameter in nanos per share (MODEL N3).
    #[must_use]
    pub fn nanos(self, value: f64, benchmark: Nanos) -> Nanos {
        match self {
            Unit::Fraction => fraction_of(value, benchmark),
            Unit::Price => fraction_of(value, NANOS_PER_UNIT),
        }
    }
}

/// What the router plans with (MODEL F4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// Certain fills at the displayed price: A1 as it stands.
    Displayed,
    /// The expected fills and slipped prices of the fill model.
    Fills {
        /// At most this multiple of what is left is sent, at least 1.
        overbook: f64,
    },
}

/// The static router's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StaticRouter {
    /// Penalty per share executed beyond the target.
    pub lambda_over: f64,
    /// Penalty per share of the target not executed.
    pub lambda_under: f64,
    /// Queue-risk penalty per share of either.
    pub theta_queue: f64,
    /// Unit of the three.
    pub unit: Unit,
    /// Which splits are candidates.
    pub rule: Rule,
    /// How the best is found.
    pub solver: Solver,
    /// What fills are planned with.
    pub plan: Plan,
}

impl StaticRouter {
    /// The benchmark `b`: the mid, or 0 under the strict rule (MODEL A2).
    #[must_use]
    pub fn benchmark(&self, mid: Nanos) -> Nanos {
        match self.rule {
            Rule::Relaxed => mid,
            Rule::Strict => 0,
        }
    }

    /// The penalties in nanos per share when the mid is `mid` (MODEL N3).
    #[must_use]
    pub fn penalties(&self, mid: Nanos) -> Penalties {
        let benchmark = self.benchmark(mid);
        let [over, under, theta] =
            [self.lambda_over, self.lambda_under, self.theta_queue].map(|value| self.unit.nanos(value, benchmark));
        Penalties { over, under, theta }
    }

    /// The marginal cost at which it stops; `None` under the strict rule, where no penalty decides (MODEL A5).
    pub(super) fn threshold(&self, penalties: &Penalties) -> Option<Nanos> {
        (self.rule == Rule::Relaxed).then(|| penalties.per_share_under())
    }

    /// Appends the least-cost split's children to `intents`, in ascending venue id.
    #[inline]
    pub(super) fn decide(
        &self,
        view: &View<'_>,
        desk: &mut Desk,
        intents: &mut Vec<Intent>,
        stop: Stop<'_>,
    ) -> Result<()> {
        match self.plan {
            Plan::Displayed => self.plan_displayed(view, desk, intents, stop),
            Plan::Fills { overbook } => self.plan_fills(view, overbook, desk, intents, stop),
        }
    }

    #[inline]
    fn plan_displayed(
        &self,
        view: &View<'_>,
        desk: &mut Desk,
        intents: &mut Vec<Intent>,
        stop: Stop<'_>,
    ) -> Result<()> {
        let benchmark_key = view.side.sign() * self.benchmark(view.mid);
        let penalties = desk.penalties();
        if self.threshold(&penalties).is_some_and(|limit| view.cheapest.saturating_sub(benchmark_key) >= limit) {
            return Ok(()); // not even the best quote is worth taking
        }
        desk.gather(view);
        let problem = Problem {
            quantity: view.remaining,
            lot: view.lot,
            offers: &desk.offers,
            benchmark_key,
            penalties,
            rule: self.rule,
        };
        desk.split.resize(desk.offers.len(), 0);
        if !allocate(&problem, self.solver, &mut desk.scratch, &mut desk.split, stop)? {
            return Ok(());
        }
        let chosen = desk.venues.iter().zip(&desk.offers).zip(&desk.split).filter(|&(_, &quantity)| quantity > 0);
        intents.extend(chosen.map(|((&venue, offer), &quantity)| Intent {
            venue,
            quantity,
            marginal: problem.unit_cost(offer),
        }));
        Ok(())
    }

    /// F4: every venue's cost becomes a curve over the lots sent, slipped price and expected shares by the fill model.
    fn plan_fills(
        &self,
        view: &View<'_>,
        overbook: f64,
        desk: &mut Desk,
        intents: &mut Vec<Intent>,
        stop: Stop<'_>,
    ) -> Result<()> {
        // A plan takes thousands of times what a snapshot does, so every one is a place to stop.
        stop.check()?;
        desk.gather(view);
        let penalties = desk.penalties();
        let plan = curves::Plan {
            side: view.side,
            lot: if view.remaining < view.lot { 1 } else { view.lot },
            cap: (overbook * view.remaining as f64).floor() as Shares,
            benchmark: self.benchmark(view.mid),
        };
        let deepest = desk.offers.iter().map(|offer| offer.available).max().unwrap_or(0);
        if deepest.min(plan.cap) / plan.lot > MOST_LOTS {
            return Err(Error::Invalid {
                argument: "lot",
                rule: "must be large enough that a child has at most 100,000 lots under plan=\"fills\"",
                value: plan.lot.to_string(),
            });
        }
        let CurveDesk { curves, solver, lots } = &mut desk.curves;
        curves.clear();
        for (offer, &venue) in desk.offers.iter().zip(&desk.venues) {
            let terms = Terms { available: offer.available, taker_fee: offer.fee, maker_rebate: offer.rebate };
            let met = view.met(venue);
            curves.push_fills(&plan, &terms, |sent| {
                let expected = view.fill.expected(view.side, sent, &met);
                (expected.quantity, view.side.sign() * expected.key)
            })?;
        }
        let problem = curves::Problem {
            curves,
            remaining: view.remaining,
            max_lots: plan.max_lots()?,
            under: penalties.per_share_under(),
            over: penalties.per_share_over(),
        };
        let gap = match self.solver {
            Solver::Exact => solver.exact(&problem, lots, stop)?.gap,
            Solver::Exhaustive { max_candidates } => {
                curves::exhaustive(&problem, max_candidates, lots, stop)?;
                None
            }
        };
        desk.gap = gap.map(|gap| Nanos::try_from(gap).unwrap_or(Nanos::MAX));
        let chosen = desk.venues.iter().enumerate().zip(lots.iter()).filter(|&(_, &lots)| lots > 0);
        intents.extend(chosen.map(|((i, &venue), &lots)| {
            let (cost, shares) = (curves.cost(i), curves.shares(i));
            let (paid, gained) = (cost[lots] - cost[lots - 1], shares[lots] - shares[lots - 1]);
            Intent { venue, quantity: lots as Shares * plan.lot, marginal: paid.div_euclid(gained.max(1)) }
        }));
        Ok(())
    }
}

/// Reusable memory of a router that plans with fills.
#[derive(Clone, Debug, Default)]
pub(super) struct CurveDesk {
    curves: Curves,
    solver: curves::Solver,
    lots: Vec<usize>,
}

impl Desk {
    /// Collects what the visible venues still offer, in ascending venue id.
    #[inline]
    fn gather(&mut self, view: &View<'_>) {
        self.offers.clear();
        self.venues.clear();
        for (venue, quote) in view.visible() {
            let available = view.available(venue, quote);
            if available > 0 {
                let terms = &view.venues[venue];
                self.offers.push(Offer { key: quote.key, available, fee: terms.taker_fee, rebate: terms.maker_rebate });
                self.venues.push(venue);
            }
        }
    }
}
