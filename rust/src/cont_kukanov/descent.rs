//! Local search by exchanges (module `line`), and kicks across and slides along (module `kinks`) the kinks where exchanges
//! stop.

use super::line::{Move, Order, Range, Search, orders};
use super::{Allocation, Parameters, Scenarios};
use crate::error::Result;
use crate::observe::Stop;

/// Savings below this share of the largest penalty `S` shares can cost are rounding.
const LEAST_SAVING: f64 = 1e-12;
/// Amounts are on the lattice, and within bounds, up to this part of a step.
const ROUNDING: f64 = 1e-9;
/// Passes over the moves, or kicks that save, after which a descent ends: far more than any needs, so that rounding
/// cannot make one go round for ever.
const MOST_PASSES: usize = 500;
/// How many steps in a row a kick takes the market order before it gives up.
const MARKET_KICKS: usize = 4;
/// How often the slides in shares go through their steps: each round gains less.
const MOST_SLIDES: usize = 4;
/// Levels of the market order that a hop tries, less one.
const MARKET_LEVELS: usize = 8;
/// How many exchanges a swap goes on from.
const SWAPS: usize = 32;

/// Rows priced between two questions whether to go on: a fraction of a millisecond, and nothing beside it in cost.
const ASK_EVERY: usize = 1 << 17;

/// A point that descends.
pub(super) struct Descent<'a> {
    p: &'a Parameters,
    search: Search<'a>,
    least: f64,
    stop: Stop<'a>,
    /// Rows priced since it was last asked whether to go on.
    priced: usize,
}

impl<'a> Descent<'a> {
    pub(super) fn new(p: &'a Parameters, scenarios: &'a Scenarios, start: Allocation, stop: Stop<'a>) -> Self {
        let least = LEAST_SAVING * p.quantity * (p.miss_cost() + p.lambda_over);
        Self { p, search: Search::new(p, scenarios, start), least, stop, priced: 0 }
    }

    pub(super) fn allocation(self) -> Allocation {
        self.search.allocation
    }

    pub(super) fn value(&self) -> f64 {
        self.search.value()
    }

    /// Line searches on the lattice along every move, until none saves anything.
    pub(super) fn sweep(&mut self, moves: &[Move], step: f64) -> Result<()> {
        self.repeat(moves, |descent, along| descent.descend(along, descent.lattice(along, step)))?;
        self.search.refresh();
        Ok(())
    }

    /// The same, but only along moves of which a single step saves: one step is far cheaper to price than a line.
    pub(super) fn polish(&mut self, moves: &[Move], step: f64) -> Result<()> {
        self.repeat(moves, |descent, along| {
            descent.falls(along, step) && descent.descend(along, descent.lattice(along, step))
        })?;
        self.search.refresh();
        Ok(())
    }

    /// The same in any number of shares; `step` only tells whether the line falls.
    pub(super) fn polish_shares(&mut self, moves: &[Move], step: f64) -> Result<()> {
        self.repeat(moves, |descent, along| {
            let [low, high] = descent.bounds(along);
            descent.falls(along, step) && descent.descend(along, Range::Interval { low, high })
        })?;
        self.search.refresh();
        Ok(())
    }

    /// Moves one order and lets the others follow one by one: across a kink several orders may have to change at once. When
    /// no such kick saves, slides along the kinks. Goes on from there whenever that saves.
    pub(super) fn kick(&mut self, moves: &[Move], step: f64) -> Result<()> {
        let singles = singles(self.p.venues());
        let kicks: Vec<(Move, f64)> = singles.iter().flat_map(|&along| [(along, step), (along, -step)]).collect();
        let mut idle = 0;
        for &(along, signed) in kicks.iter().cycle().take(MOST_PASSES * kicks.len()) {
            if idle == kicks.len() {
                if !self.slide(step)? {
                    break;
                }
                self.polish(moves, step)?;
                idle = 0;
            }
            let others: Vec<Move> = singles.iter().copied().filter(|other| *other != along).collect();
            idle = if self.kick_along(along, signed, &others)? { 0 } else { idle + 1 };
            if idle == 0 {
                self.polish(moves, step)?;
            }
        }
        self.search.refresh();
        Ok(())
    }

    /// For when the ends of several descents disagree: kicks in coarse steps, then hops and swaps, which take longer.
    pub(super) fn escape(&mut self, pairs: &[Move], moves: &[Move], steps: &[f64]) -> Result<()> {
        for &step in steps {
            self.kick(moves, step)?;
        }
        let Some(&unit) = steps.last() else { return Ok(()) };
        for _ in 0..MOST_PASSES {
            if !(self.hop(pairs, unit)? || self.swap(pairs, unit)?) {
                break;
            }
            self.polish(moves, unit)?;
            self.kick(moves, unit)?;
        }
        Ok(())
    }

    /// Sets the market order to levels far from here and lets the limit orders find their place before it may move
    /// again; whether that saved. If not, all is as before.
    fn hop(&mut self, moves: &[Move], step: f64) -> Result<bool> {
        let start = self.search.allocation.clone();
        let before = self.value();
        let limits: Vec<Move> = moves.iter().copied().filter(|along| !along.touches(MARKET)).collect();
        let Range::Lattice { low, cells, .. } = self.lattice(MARKET, step) else { unreachable!("a lattice") };
        for level in 0..=MARKET_LEVELS {
            self.search.go(MARKET, low + (cells * level / MARKET_LEVELS) as f64 * step);
            self.polish(&limits, step)?;
            self.polish(moves, step)?;
            if before - self.value() > self.least {
                return Ok(true);
            }
            self.search.jump(&start);
        }
        Ok(false)
    }

    /// Goes on from the exchanges that cost least by further exchanges; whether that saved.
    fn swap(&mut self, moves: &[Move], step: f64) -> Result<bool> {
        let mut kicks: Vec<(f64, Move, f64)> = Vec::new();
        for &along in moves {
            self.ask()?;
            let [less, more] = self.search.change(along, step);
            kicks.extend([(less, along, -step), (more, along, step)]);
        }
        kicks.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, along, signed) in kicks.into_iter().take(SWAPS) {
            let others: Vec<Move> = moves.iter().copied().filter(|other| *other != along).collect();
            if self.kick_along(along, signed, &others)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Exchanges and slides in any number of shares; the slides in `steps` from coarse to fine, in turn until none saves.
    pub(super) fn polish_and_slide(&mut self, moves: &[Move], steps: &[f64], least: f64) -> Result<()> {
        self.polish_shares(moves, least)?;
        let mut idle = 0;
        for &step in steps.iter().cycle().take(MOST_SLIDES * steps.len()) {
            if idle == steps.len() {
                break;
            }
            idle = if self.slide(step)? { 0 } else { idle + 1 };
            if idle == 0 {
                self.polish_shares(moves, least)?;
            }
        }
        Ok(())
    }

    /// Whether a shift of all orders along the kinks through this point saved.
    fn slide(&mut self, step: f64) -> Result<bool> {
        for direction in self.search.directions(ROUNDING * self.p.quantity) {
            for signed in [step, -step] {
                self.ask()?;
                if self.slide_along(&direction, signed) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// One step in a direction, and twice as far as long as that saves more.
    fn slide_along(&mut self, direction: &[f64], step: f64) -> bool {
        let (mut best, mut most) = (None, self.least);
        let mut t = step;
        while self.allows(direction, t) {
            let saving = -self.search.shift_change(direction.iter().map(|d| d * t));
            if saving <= most {
                break;
            }
            (best, most) = (Some(t), saving);
            t *= 2.0;
        }
        let Some(t) = best else { return false };
        let limits = self.search.allocation.limits.iter().zip(&direction[1..]);
        let x = Allocation {
            market: (self.search.allocation.market + t * direction[0]).max(0.0),
            limits: limits.map(|(l, d)| (l + t * d).max(0.0)).collect(),
        };
        self.search.jump(&x);
        true
    }

    /// Whether `t` steps keep every order within `[0, S]`.
    fn allows(&self, direction: &[f64], t: f64) -> bool {
        let room = ROUNDING * self.p.quantity;
        let within = |amount: f64| (-room..=self.p.quantity + room).contains(&amount);
        orders(self.p.venues()).zip(direction).all(|(order, d)| *d == 0.0 || within(self.search.amount(order) + d * t))
    }

    /// Whether one kick, or a few in a row, saved; if not, all is as before.
    fn kick_along(&mut self, along: Move, signed: f64, others: &[Move]) -> Result<bool> {
        self.search.keep();
        let mut saved = 0.0;
        for _ in 0..if along == MARKET { MARKET_KICKS } else { 1 } {
            let amount = self.search.position(along) + signed;
            let [low, high] = self.bounds(along);
            if !(low - ROUNDING * signed.abs()..=high + ROUNDING * signed.abs()).contains(&amount) {
                break;
            }
            saved -= self.search.change(along, signed)[1];
            self.search.go(along, amount);
            let followed = self.follow(others, signed.abs())?;
            saved += followed;
            if saved > self.least {
                return Ok(true);
            }
            if followed == 0.0 {
                break;
            }
        }
        self.search.back();
        Ok(false)
    }

    /// Single steps along moves that save, until none does; what they have saved.
    fn follow(&mut self, moves: &[Move], step: f64) -> Result<f64> {
        let mut saved = 0.0;
        self.repeat(moves, |descent, along| {
            let Some((signed, saving)) = descent.saving_step(along, step) else {
                return false;
            };
            descent.search.go(along, descent.search.position(along) + signed);
            saved += saving;
            true
        })?;
        Ok(saved)
    }

    /// Tries moves in turn until none of them has saved anything since it was last tried.
    fn repeat(&mut self, moves: &[Move], mut saves: impl FnMut(&mut Self, Move) -> bool) -> Result<()> {
        let mut idle = 0;
        for &along in moves.iter().cycle().take(MOST_PASSES * moves.len()) {
            if idle == moves.len() {
                break;
            }
            self.ask()?;
            idle = if saves(self, along) { 0 } else { idle + 1 };
        }
        Ok(())
    }

    /// Before each look at all rows: whether to go on.
    fn ask(&mut self) -> Result<()> {
        self.priced += self.search.rows();
        if self.priced < ASK_EVERY {
            return Ok(());
        }
        self.priced = 0;
        self.stop.check()
    }

    fn descend(&mut self, along: Move, range: Range) -> bool {
        let (t, saving) = self.search.best(along, range);
        let saves = saving > self.least;
        if saves {
            self.search.go(along, t);
        }
        saves
    }

    /// Whether a step either way saves.
    fn falls(&mut self, along: Move, step: f64) -> bool {
        self.saving_step(along, step).is_some()
    }

    /// The better of a step down and a step up, and what it saves, if it does.
    fn saving_step(&mut self, along: Move, step: f64) -> Option<(f64, f64)> {
        let [low, high] = self.bounds(along);
        let here = self.search.position(along);
        let [less, more] = self.search.change(along, step);
        let within = |signed: f64| (low - ROUNDING * step..=high + ROUNDING * step).contains(&(here + signed));
        let steps = [(-step, -less), (step, -more)]
            .into_iter()
            .filter(|(signed, saving)| *saving > self.least && within(*signed));
        steps.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The values of `t` that keep every order of a move within `[0, S]`.
    fn bounds(&self, along: Move) -> [f64; 2] {
        let s = self.p.quantity;
        let here = self.search.position(along);
        let mut bounds = [0.0, s];
        let mut falls = |amount: f64| {
            bounds = [bounds[0].max(here + amount - s), bounds[1].min(here + amount)];
        };
        match along {
            Move::Exchange(_, Order::Nothing) => {}
            Move::Exchange(_, j) => falls(self.search.amount(j)),
            Move::Fan(i, j) => [i, j].into_iter().for_each(|k| falls(self.search.amount(Order::Limit(k)))),
        }
        bounds
    }

    /// The lattice through the present point.
    fn lattice(&self, along: Move, step: f64) -> Range {
        let here = self.search.position(along);
        let [low, high] = self.bounds(along);
        let [down, up] = [here - low, high - here].map(|room| (room / step + ROUNDING).floor().max(0.0));
        Range::Lattice { low: here - down * step, step, cells: (down + up) as usize }
    }
}

const MARKET: Move = Move::Exchange(Order::Market, Order::Nothing);

/// Each order alone.
fn singles(venues: usize) -> Vec<Move> {
    orders(venues).map(|order| Move::Exchange(order, Order::Nothing)).collect()
}

/// The best lattice point, by trying all limit orders, each with its best market order.
pub(super) fn enumerate(p: &Parameters, scenarios: &Scenarios, lot: f64, stop: Stop<'_>) -> Result<Allocation> {
    let lots = (p.quantity / lot + ROUNDING).floor();
    let start = Allocation { market: p.quantity - lots * lot, limits: vec![0.0; p.venues()] };
    let mut point = Descent::new(p, scenarios, start, stop);
    let mut best = (point.search.allocation.clone(), f64::INFINITY);
    loop {
        point.ask()?;
        let range = point.lattice(MARKET, lot);
        let (market, saving) = point.search.best(MARKET, range);
        let value = point.value() - saving;
        let limits = &point.search.allocation.limits;
        if value < best.1 {
            best = (Allocation { market, limits: limits.clone() }, value);
        }
        let Some(venue) = limits.iter().position(|l| (l / lot).round() < lots) else {
            return Ok(best.0);
        };
        let mut next = point.search.allocation.clone();
        next.limits[..venue].fill(0.0);
        next.limits[venue] += lot;
        point.search.jump(&next);
    }
}

/// Exchanges between any two of the orders and "nothing".
pub(super) fn exchanges(venues: usize) -> Vec<Move> {
    let mut moves = vec![Move::Exchange(Order::Market, Order::Nothing)];
    for k in 0..venues {
        moves.push(Move::Exchange(Order::Limit(k), Order::Nothing));
        moves.push(Move::Exchange(Order::Limit(k), Order::Market));
        moves.extend((0..k).map(|l| Move::Exchange(Order::Limit(l), Order::Limit(k))));
    }
    moves
}

/// Exchanges, and the market order against any two limit orders.
pub(super) fn all_moves(venues: usize) -> Vec<Move> {
    let fans = (0..venues).flat_map(|j| (0..j).map(move |i| Move::Fan(i, j)));
    exchanges(venues).into_iter().chain(fans).collect()
}
