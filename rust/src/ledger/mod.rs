//! The ledger: every child, every fill, and the sums that follow from them (rules P5, P6).

mod columns;
mod takes;

pub use columns::Values;
pub(crate) use takes::Takes;

use columns::{Field, row};

use crate::units::{Money, Nanos, Shares, Side, Time};

/// Why shares changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A child took a displayed quote.
    Take,
    /// A resting order was hit.
    Post,
    /// The walk at the end of the horizon (rule P2).
    Completion,
    /// Shares beyond the quantity, traded back at the end (rule P2).
    Unwind,
}

row! {
    /// One execution. Prices are per share, `fee` and `rebate` are totals of the row, all nanos.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Fill {
        /// The child's number within its parent; `None` for completion and unwind rows.
        pub child: Option<u32>,
        /// When the child was decided.
        pub ts_decided: Time,
        /// When it executed.
        pub ts_executed: Time,
        /// Venue index.
        pub venue: usize,
        /// Why.
        pub kind: Kind,
        /// Shares, positive.
        pub quantity: Shares,
        /// Price paid or received.
        pub price: Nanos,
        /// The venue's quote it was executed against.
        pub quoted: Nanos,
        /// The mid at execution.
        pub mid: Nanos,
        /// Taker fee paid.
        pub fee: Money,
        /// Maker rebate earned.
        pub rebate: Money,
        /// Time since the venue's last record, nanoseconds.
        pub age: Time,
    }
}

impl Fill {
    /// A row in which nothing is set: a fill says what it has to say, and all else is as here.
    pub(crate) const NONE: Self = Self {
        child: None,
        ts_decided: 0,
        ts_executed: 0,
        venue: 0,
        kind: Kind::Take,
        quantity: 0,
        price: 0,
        quoted: 0,
        mid: 0,
        fee: 0,
        rebate: 0,
        age: 0,
    };
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// All of it executed.
    Filled,
    /// Some of it.
    Partial,
    /// The venue showed no quote on that side.
    NoQuote,
    /// The quote was worse than the child's limit.
    Limit,
    /// Own fills had left nothing of the quote.
    Depleted,
    /// The fill model executed no share, or the queue ahead of a limit order was not exhausted.
    Queue,
    /// The order, or its epoch, ended before the child arrived.
    Expired,
    /// A limit order that would have taken: the other side was at or through its price when it arrived.
    Crossed,
    /// A limit order that was taken back before any of it filled.
    Cancelled,
}

row! {
    /// One child order: what it saw when it was decided, and what it met. A limit order sees and meets the side it joins: what
    /// is displayed there stands ahead of it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Child {
        /// [`Kind::Take`] or [`Kind::Post`].
        pub kind: Kind,
        /// When it was decided.
        pub ts_decided: Time,
        /// When it arrived (or would have).
        pub ts_arrived: Time,
        /// Venue index.
        pub venue: usize,
        /// Shares sent.
        pub quantity: Shares,
        /// Shares executed.
        pub executed: Shares,
        /// How it ended.
        pub reason: Reason,
        /// Shares still to plan when it was decided.
        pub remaining: Shares,
        /// Mid when it was decided.
        pub mid: Nanos,
        /// Quote it was planned on.
        pub seen_price: Nanos,
        /// Shares displayed there.
        pub seen_displayed: Shares,
        /// Shares available there, own fills taken off.
        pub seen_available: Shares,
        /// The router's cost of its last lot against the benchmark, fee included, nanos per share; for a baseline its quote's.
        pub marginal: Nanos,
        /// The router's `lambda_under + theta` at that moment, nanos per share; `None` for the baselines.
        pub threshold: Option<Nanos>,
        /// By how many nanos a better split of its decision might at most have been cheaper; `None` where it is proven that
        /// there is none, as for nearly all decisions, and for the baselines.
        pub gap: Option<Nanos>,
        /// Quote it met, `None` without one.
        pub met_price: Option<Nanos>,
        /// Shares displayed there.
        pub met_displayed: Shares,
        /// Shares available there.
        pub met_available: Shares,
        /// The fill model's probability, `None` where nothing was tried.
        pub fill_probability: Option<f64>,
        /// Age of the quote it met, nanoseconds.
        pub age: Time,
    }
}

impl Child {
    /// A child that has met nothing yet: what stays of it if the order, or its epoch, ends before it arrives.
    pub(crate) const UNDER_WAY: Self = Self {
        kind: Kind::Take,
        ts_decided: 0,
        ts_arrived: 0,
        venue: 0,
        quantity: 0,
        executed: 0,
        reason: Reason::Expired,
        remaining: 0,
        mid: 0,
        seen_price: 0,
        seen_displayed: 0,
        seen_available: 0,
        marginal: 0,
        threshold: None,
        gap: None,
        met_price: None,
        met_displayed: 0,
        met_available: 0,
        fill_probability: None,
        age: 0,
    };
}

/// Where a limit order stands in its queue, from this time on (rule C10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The child's number.
    pub child: u32,
    /// Since when.
    pub ts: Time,
    /// Shares ahead of it.
    pub ahead: Shares,
    /// Its own shares not yet filled.
    pub left: Shares,
}

row! {
    /// Shares that a schedule released (rule W1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Release {
        /// When; before the order's arrival: what is released there.
        pub ts: Time,
        /// All shares released by then.
        pub total: Shares,
        /// The mid then.
        pub mid: Nanos,
    }
}

/// What the paper's router decided at the start of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// When.
    pub ts: Time,
    /// Shares to plan.
    pub remaining: Shares,
    /// Shares to take, `M`.
    pub market: Shares,
    /// Shares to rest over all venues, the sum of `L_k`.
    pub limit: Shares,
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
    /// `lambda_u` as it was used: at least 1 nano above `h + f` (assumption A3 of rule C2).
    pub lambda_under: f64,
    /// `lambda_o` as it was used (assumption A2 of rule C2).
    pub lambda_over: f64,
    /// `V`, against the mid.
    pub cost: f64,
    /// `E (S - A)+`, shares.
    pub shortfall: f64,
    /// `E (A - S)+`, shares.
    pub excess: f64,
}

/// How a parent order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its children did it all.
    Filled,
    /// What was left at the end was completed by walking the book.
    Completed,
    /// What was left at the end was completed at the first quote after it.
    Late,
    /// No quote came any more: what was left was priced at the session's last.
    Stale,
    /// The order never arrived: by its end no moment had shown a quote on both sides. Nothing was done.
    NoQuotes,
}

row! {
    /// The sums over one parent's fills. All costs are signed: positive is worse for the parent.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Summary {
        /// How it ended.
        pub status: Status,
        /// The arrival mid `M0`; `None` when no quote came by the end.
        pub arrival_mid: Option<Nanos>,
        /// Shares its children executed.
        pub executed: Shares,
        /// Those of them that its limit orders did.
        pub posted: Shares,
        /// Shares completed at the end.
        pub completed: Shares,
        /// Shares beyond the quantity traded back at the end.
        pub unwound: Shares,
        /// `sum s * q * price`, `q` negative for unwinds: cash out for a buy, minus cash in for a sell.
        pub notional: Money,
        /// Taker fees paid.
        pub fees: Money,
        /// Maker rebates earned.
        pub rebates: Money,
        /// `sum s * q * (quoted - mid)`.
        pub spread: Money,
        /// `sum s * q * (price - quoted)`.
        pub slippage: Money,
        /// `sum s * q * (mid at release - M0)` over all but completion rows: what the schedule cost (rule W3).
        pub schedule: Money,
        /// `sum s * q * (mid - mid at release)` over all but completion rows.
        pub timing: Money,
        /// `sum s * q * (mid - M0)` over completion rows.
        pub opportunity: Money,
        /// Children sent.
        pub children: u32,
        /// Rows in the fill table.
        pub fills: u32,
        /// Time of the last fill, or of the end where there was none.
        pub ts_done: Time,
    }
}

impl Summary {
    /// Its fields as named columns, and what they add up to.
    #[must_use]
    pub fn table() -> Vec<(&'static str, Values<Self>)> {
        let mut columns = Self::columns();
        let parts_end = columns.iter().position(|&(name, _)| name == "children").unwrap_or(columns.len());
        let totals = [("shortfall", Values::Money(Self::shortfall)), ("all_in", Values::Money(Self::all_in))];
        columns.splice(parts_end..parts_end, totals);
        columns
    }

    /// All-in cost: what left the account, fees and rebates included.
    #[must_use]
    pub fn all_in(&self) -> Money {
        self.notional + self.fees - self.rebates
    }

    /// Implementation shortfall against the arrival mid: the sum of its parts (rule P6).
    #[must_use]
    pub fn shortfall(&self) -> Money {
        self.spread + self.slippage + self.schedule + self.timing + self.opportunity + self.fees - self.rebates
    }
}

/// One parent's rows and sums. Rows are kept only when `record` is set; the sums always.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The sums.
    pub summary: Summary,
    /// Executions, in time order.
    pub fills: Vec<Fill>,
    /// Children by number.
    pub children: Vec<Child>,
    /// Queue positions of limit orders, in time order.
    pub places: Vec<Place>,
    /// Decisions of the paper's router, in time order.
    pub epochs: Vec<Epoch>,
    /// What the schedule released, in time order; none without one.
    pub releases: Vec<Release>,
    // Time, shares and mid of what the children executed, where there is a schedule.
    executed: Option<Vec<(Time, Shares, Nanos)>>,
    side: Side,
    record: bool,
}

impl Ledger {
    /// An empty ledger; `end` is the parent's.
    #[must_use]
    pub fn new(side: Side, end: Time, record: bool) -> Self {
        let summary = Summary {
            status: Status::NoQuotes,
            arrival_mid: None,
            executed: 0,
            posted: 0,
            completed: 0,
            unwound: 0,
            notional: 0,
            fees: 0,
            rebates: 0,
            spread: 0,
            slippage: 0,
            schedule: 0,
            timing: 0,
            opportunity: 0,
            children: 0,
            fills: 0,
            ts_done: end,
        };
        Self {
            summary,
            fills: Vec::new(),
            children: Vec::new(),
            places: Vec::new(),
            epochs: Vec::new(),
            releases: Vec::new(),
            executed: None,
            side,
            record,
        }
    }

    /// Books one execution.
    ///
    /// # Panics
    ///
    /// If it comes before the arrival mid is known.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "most of it vanishes where the kind is known, in the hot path of every take"
    )]
    pub fn fill(&mut self, fill: Fill) {
        let sum = &mut self.summary;
        let arrival = sum.arrival_mid.expect("nothing executes before the first mid");
        match fill.kind {
            Kind::Take => sum.executed += fill.quantity,
            Kind::Post => {
                sum.executed += fill.quantity;
                sum.posted += fill.quantity;
            }
            Kind::Completion => sum.completed += fill.quantity,
            Kind::Unwind => sum.unwound += fill.quantity,
        }
        let direction = if fill.kind == Kind::Unwind { -1 } else { 1 };
        let signed = direction * self.side.sign() * fill.quantity;
        // Prices are not negative, so their differences fit; only the product needs 128 bits.
        let part = |from: Nanos, to: Nanos| Money::from(signed) * Money::from(to - from);
        sum.notional += part(0, fill.price);
        sum.fees += fill.fee;
        sum.rebates += fill.rebate;
        sum.spread += part(fill.mid, fill.quoted);
        sum.slippage += part(fill.quoted, fill.price);
        let drift = part(arrival, fill.mid);
        if fill.kind == Kind::Completion {
            sum.opportunity += drift;
        } else {
            sum.timing += drift;
        }
        sum.fills += 1;
        sum.ts_done = fill.ts_executed;
        if let (Some(executed), Kind::Take | Kind::Post) = (&mut self.executed, fill.kind) {
            executed.push((fill.ts_executed, fill.quantity, fill.mid));
        }
        if self.record {
            self.fills.push(fill);
        }
    }

    /// Whether a schedule releases the order's shares.
    pub(crate) fn follows_releases(&self) -> bool {
        self.executed.is_some()
    }

    /// Says that a schedule releases the order's shares.
    pub(crate) fn follow_releases(&mut self) {
        self.executed = Some(Vec::new());
    }

    /// Books a release.
    pub(crate) fn release(&mut self, release: Release) {
        self.releases.push(release);
    }

    /// Takes the schedule's part out of timing (rule W3): shares are matched to releases first in, first out. A share
    /// that executed before it was released counts as released by its own fill; what is beyond the quantity has no release.
    pub(crate) fn split_timing(&mut self, quantity: Shares) {
        let (Some(executed), Some(arrival)) = (&self.executed, self.summary.arrival_mid) else { return };
        let mut releases = self.releases.iter().peekable();
        let (mut matched, mut part) = (0, 0);
        for &(ts, shares, mid) in executed {
            let mut left = shares.min(quantity - matched);
            while left > 0 {
                while releases.next_if(|release| release.total <= matched).is_some() {}
                let (until, at) = match releases.peek() {
                    Some(release) if release.ts <= ts => (release.total, release.mid),
                    Some(release) => (release.total, mid),
                    None => (quantity, mid),
                };
                let taken = left.min(until - matched);
                part += Money::from(taken) * Money::from(at - arrival);
                matched += taken;
                left -= taken;
            }
        }
        let part = Money::from(self.side.sign()) * part;
        self.summary.schedule = part;
        self.summary.timing -= part;
        if !self.record {
            self.releases.clear();
        }
    }

    /// Books a new child; returns its number.
    #[inline]
    pub fn child(&mut self, child: impl FnOnce() -> Child) -> u32 {
        let number = self.summary.children;
        self.summary.children += 1;
        if self.record {
            self.children.push(child());
        }
        number
    }

    /// Books where a limit order stands now.
    pub fn place(&mut self, place: Place) {
        if self.record {
            self.places.push(place);
        }
    }

    /// Books a decision of the paper's router.
    pub fn epoch(&mut self, epoch: Epoch) {
        if self.record {
            self.epochs.push(epoch);
        }
    }

    /// A child's row, to write down what it met; `None` when rows are not kept.
    pub fn child_mut(&mut self, number: u32) -> Option<&mut Child> {
        self.children.get_mut(number as usize)
    }
}
