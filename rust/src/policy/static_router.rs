//! The static router: the allocator of section 3 of the model at every decision.

use crate::allocate::curves::{self, Curves, Terms};
use crate::allocate::exact::Scratch;
use crate::allocate::{Offer, Penalties, Problem, Rule, Solver, allocate};
use crate::error::{Result, require};
use crate::fills::Sent;
use crate::market::Venue;
use crate::order::Parent;
use crate::policy::others::Others;
use crate::policy::{Moves, Orders, Past, Policy, Reach, Settings, Unit, View};
use crate::quote::Quote;
use crate::units::{Nanos, Shares};

/// A plan with fills weighs every lot of every venue; more lots than this at one are an error.
const MOST_LOTS: Shares = 100_000;

/// What the router plans with (rule F4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Planned {
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
    pub plan: Planned,
}

impl StaticRouter {
    /// The benchmark `b`: the mid, or 0 under the strict rule (rule A2).
    #[must_use]
    pub fn benchmark(&self, mid: Nanos) -> Nanos {
        match self.rule {
            Rule::Relaxed => mid,
            Rule::Strict => 0,
        }
    }

    /// The penalties in nanos per share when the mid is `mid` (rule N3).
    #[must_use]
    pub fn penalties(&self, mid: Nanos) -> Penalties {
        let benchmark = self.benchmark(mid);
        let [over, under, theta] =
            [self.lambda_over, self.lambda_under, self.theta_queue].map(|value| self.unit.nanos(value, benchmark));
        Penalties { over, under, theta }
    }
}

impl Settings for StaticRouter {
    type Mind<'a> = Allocating<'a>;

    /// On certain fills no candidate takes too much, so `lambda_over` is inert; under the strict rule none takes too little
    /// either (rule A5). Two penalties are not added up: each is rounded to nanos on its own (rule N3).
    fn plainest(&self) -> Self {
        match (self.plan, self.rule) {
            (Planned::Fills { .. }, _) => *self,
            (Planned::Displayed, Rule::Relaxed) => Self { lambda_over: 0.0, ..*self },
            (Planned::Displayed, Rule::Strict) => {
                Self { lambda_over: 0.0, lambda_under: 0.0, theta_queue: 0.0, ..*self }
            }
        }
    }

    fn start<'a>(&'a self, _: &Parent, _: &Past<'a>) -> Result<Allocating<'a>> {
        let penalties = Penalties { over: 0, under: 0, theta: 0 };
        Ok(Allocating {
            router: self,
            moves: match self.unit {
                Unit::Price => Moves::Never,
                Unit::Fraction if self.lambda_under >= 0.0 && self.theta_queue >= 0.0 => Moves::WithMid,
                Unit::Fraction => Moves::Anyhow,
            },
            at: None,
            penalties,
            limit: 0,
            surely: Nanos::MAX,
            reach: 0,
            others: None,
            offers: Vec::new(),
            venues: Vec::new(),
            split: Vec::new(),
            scratch: Scratch::default(),
            fills: WithFills::default(),
        })
    }
}

/// A [`StaticRouter`] at work on one order: its penalties at the last mid, and reusable memory.
#[derive(Clone, Debug)]
pub struct Allocating<'a> {
    router: &'a StaticRouter,
    moves: Moves,
    // The mid that the penalties are of: they are recomputed only when it moves.
    at: Option<Nanos>,
    penalties: Penalties,
    // Those below this marginal cost it takes; under the strict rule no penalty decides (rule A5).
    limit: Nanos,
    // Routers of higher limits that have done the same so far: all take what costs less than `surely`, and none takes what
    // costs `reach` or more.
    pub(super) others: Option<Others<'a>>,
    surely: Nanos,
    reach: Nanos,
    offers: Vec<Offer>,
    venues: Vec<usize>,
    split: Vec<Shares>,
    scratch: Scratch,
    fills: WithFills,
}

/// Reusable memory of a router that plans with fills.
#[derive(Clone, Debug, Default)]
struct WithFills {
    curves: Curves,
    solver: curves::Solver,
    lots: Vec<usize>,
}

impl Policy for Allocating<'_> {
    #[inline]
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        if view.remaining <= 0 {
            return Ok(());
        }
        self.weigh(view.mid);
        out.stops_at(self.threshold());
        match self.router.plan {
            Planned::Displayed => self.plan_displayed(view, out),
            // A copy, so that the view need not be laid out in memory unless it comes to this.
            Planned::Fills { overbook } => self.plan_fills(&{ *view }, overbook, out),
        }
    }

    /// On certain fills no penalty but those of shares not taken decides (rule A5).
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a part of the loop over records")]
    fn reach(&mut self, mid: Nanos) -> Option<Reach> {
        let (Planned::Displayed, Rule::Relaxed) = (self.router.plan, self.router.rule) else { return None };
        self.weigh(mid);
        // An enumeration of too many candidates is an error, so that it has to be tried.
        let takes_below = (self.router.solver == Solver::Exact).then_some(self.limit.min(self.surely));
        Some(Reach { takes_below, leaves_from: self.reach, moves: self.moves })
    }

    fn rests(&self) -> bool {
        true
    }

    fn hears_of_takes(&self) -> bool {
        false
    }
}

impl Allocating<'_> {
    /// The marginal cost at which it stops; `None` under the strict rule.
    fn threshold(&self) -> Option<Nanos> {
        (self.router.rule == Rule::Relaxed).then_some(self.limit)
    }

    /// The penalties at this mid.
    #[inline]
    fn weigh(&mut self, mid: Nanos) {
        if self.at != Some(mid) {
            self.at = Some(mid);
            self.penalties = self.router.penalties(mid);
            self.limit = self.penalties.per_share_under();
            (self.surely, self.reach) = (Nanos::MAX, self.limit);
            if self.others.is_some() {
                self.compare(mid);
            }
        }
    }

    /// Up to where all that have done the same so far do the same at this mid.
    #[inline(never)]
    fn compare(&mut self, mid: Nanos) {
        let bounds = self.others.as_mut().and_then(|others| others.bounds(mid));
        if bounds.is_none() {
            self.others = None;
        }
        (self.surely, self.reach) =
            bounds.map_or((Nanos::MAX, self.limit), |(surely, reach)| (surely, reach.max(self.limit)));
    }

    /// Parts with the routers of higher limits that may not do just this.
    #[inline(never)]
    fn part(&mut self, view: &View<'_>, benchmark_key: Nanos, out: &Orders) {
        let Some(others) = &mut self.others else { return };
        let (mut left, mut dearest) = (view.remaining, Nanos::MIN);
        for (quantity, cost) in out.takes() {
            left -= quantity;
            dearest = dearest.max(cost);
        }
        let lot = view.parent.lot_of(view.remaining);
        if dearest >= self.surely {
            others.keep(1);
        } else if left >= lot {
            // It took all that costs less than its limit: they would go on with what comes next.
            let more = view.visible().filter(|&(venue, quote)| view.available(venue, quote) >= lot);
            let costs = more.map(|(venue, quote)| unit_cost(quote, &view.market.venues[venue], benchmark_key));
            let next = costs.filter(|&cost| cost >= self.limit).min();
            others.leave(next.unwrap_or(Nanos::MAX), view.mid);
        }
        self.compare(view.mid);
    }

    /// Collects what the visible venues still offer, in ascending venue id.
    fn gather(&mut self, view: &View<'_>) {
        self.offers.clear();
        self.venues.clear();
        for (venue, quote) in view.visible() {
            let available = view.available(venue, quote);
            if available > 0 {
                let terms = &view.market.venues[venue];
                self.offers.push(Offer { key: quote.key, available, fee: terms.taker_fee, rebate: terms.maker_rebate });
                self.venues.push(venue);
            }
        }
    }

    #[inline]
    fn plan_displayed(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        let benchmark_key = view.side.sign() * self.router.benchmark(view.mid);
        let taken = match (self.threshold(), self.router.solver) {
            (Some(limit), Solver::Exact) => take_all(view, benchmark_key, limit, out),
            _ => false,
        };
        if !taken {
            self.split_displayed(&{ *view }, benchmark_key, out)?;
        }
        if self.others.is_some() {
            self.part(&{ *view }, benchmark_key, out);
        }
        Ok(())
    }

    #[inline(never)]
    #[cold]
    fn split_displayed(&mut self, view: &View<'_>, benchmark_key: Nanos, out: &mut Orders) -> Result<()> {
        self.gather(view);
        let problem = Problem {
            quantity: view.remaining,
            lot: view.parent.lot,
            offers: &self.offers,
            benchmark_key,
            penalties: self.penalties,
            rule: self.router.rule,
        };
        self.split.resize(self.offers.len(), 0);
        if !allocate(&problem, self.router.solver, &mut self.scratch, &mut self.split, view.stop)? {
            return Ok(());
        }
        for ((&venue, offer), &quantity) in self.venues.iter().zip(&self.offers).zip(&self.split) {
            if quantity > 0 {
                out.take_at(venue, quantity, problem.unit_cost(offer));
            }
        }
        Ok(())
    }

    /// Rule F4: every venue's cost becomes a curve over the lots sent, slipped price and expected shares by the fill model.
    #[inline(never)]
    fn plan_fills(&mut self, view: &View<'_>, overbook: f64, out: &mut Orders) -> Result<()> {
        // A plan takes thousands of times what a snapshot does, so every one is a place to stop.
        view.stop.check()?;
        self.gather(view);
        let plan = curves::Plan {
            side: view.side,
            lot: view.parent.lot_of(view.remaining),
            cap: (overbook * view.remaining as f64).floor() as Shares,
            benchmark: self.router.benchmark(view.mid),
        };
        self.draw_curves(view, &plan)?;
        let WithFills { curves, solver, lots } = &mut self.fills;
        let problem = curves::Problem {
            curves,
            remaining: view.remaining,
            max_lots: plan.max_lots()?,
            under: self.penalties.per_share_under(),
            over: self.penalties.per_share_over(),
        };
        let gap = match self.router.solver {
            Solver::Exact => solver.exact(&problem, lots, view.stop)?.gap,
            Solver::Exhaustive { max_candidates } => {
                curves::exhaustive(&problem, max_candidates, lots, view.stop)?;
                None
            }
        };
        out.may_be_worse_by(gap.map(|gap| Nanos::try_from(gap).unwrap_or(Nanos::MAX)));
        for ((i, &venue), &lots) in self.venues.iter().enumerate().zip(lots.iter()).filter(|&(_, &lots)| lots > 0) {
            let (cost, shares) = (curves.cost(i), curves.shares(i));
            let (paid, gained) = (cost[lots] - cost[lots - 1], shares[lots] - shares[lots - 1]);
            out.take_at(venue, lots as Shares * plan.lot, paid.div_euclid(gained.max(1)));
        }
        Ok(())
    }

    /// The curve of every venue that has something to offer.
    fn draw_curves(&mut self, view: &View<'_>, plan: &curves::Plan) -> Result<()> {
        let deepest = self.offers.iter().map(|offer| offer.available).max().unwrap_or(0);
        require(
            deepest.min(plan.cap) / plan.lot <= MOST_LOTS,
            "lot",
            "must be large enough that a child has at most 100,000 lots under plan=\"fills\"",
            || plan.lot.to_string(),
        )?;
        let curves = &mut self.fills.curves;
        curves.clear();
        for (offer, &venue) in self.offers.iter().zip(&self.venues) {
            let terms = Terms { available: offer.available, taker_fee: offer.fee, maker_rebate: offer.rebate };
            let met = view.met(venue);
            curves.push_fills(plan, &terms, |sent| {
                let expected =
                    view.market.fill.expected(&Sent { side: view.side, quantity: sent, venue, now: view.now }, &met)?;
                Ok((expected.quantity, view.side.sign() * expected.key))
            })?;
        }
        Ok(())
    }
}

/// What a share of a quote costs beside the benchmark, fee included.
#[inline]
fn unit_cost(quote: Quote, terms: &Venue, benchmark_key: Nanos) -> Nanos {
    quote.key.saturating_sub(benchmark_key).saturating_add(terms.taker_fee)
}

/// Takes all that costs less than `limit` beside the benchmark, where the order is so large that it can: then the least
/// cost needs no solver. Whether it can; else it takes nothing.
#[inline]
fn take_all(view: &View<'_>, benchmark_key: Nanos, limit: Nanos, out: &mut Orders) -> bool {
    let (mut left, lot) = (view.remaining, view.parent.lot_of(view.remaining));
    view.each_offer(|venue, quote, available, terms, seen| {
        let cost = unit_cost(quote, terms, benchmark_key);
        if available >= lot && seen && cost < limit {
            let shares = available - available % lot;
            left -= shares;
            out.take_at(venue, shares, cost);
        }
    });
    if left < 0 {
        out.take_back();
    }
    left >= 0
}
