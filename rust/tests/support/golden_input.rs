//! The files of `tests/golden/*.json` as the core's own types.

use std::fs;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sor_core::allocate::{Rule, Solver};
use sor_core::fills::{FillModel, QueueAware, QueueModel};
use sor_core::market::{
    Columns, Depletion, Halt, Hours, Limit, Market, Session, Snapshot, Tape, Trades, Venue, Visibility,
};
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, ContKukanov, Plan, Planned, Sliced, StaticRouter, Unit};
use sor_core::schedule::Twap;
use sor_core::units::{Nanos, Shares, Side, Time, UNDEF_PRICE};

/// The entries of a file.
pub(crate) fn entries<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = format!("{}/../tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value beside a word.
fn named<T: Clone>(word: &str, table: &[(&str, T)]) -> T {
    table.iter().find(|(name, _)| *name == word).unwrap_or_else(|| panic!("unknown word {word}")).1.clone()
}

pub(crate) fn side(word: &str) -> Side {
    named(word, &[("buy", Side::Buy), ("sell", Side::Sell)])
}

pub(crate) fn rule(word: &str) -> Rule {
    named(word, &[("relaxed", Rule::Relaxed), ("strict", Rule::Strict)])
}

pub(crate) fn snapshot(word: &str) -> Snapshot {
    named(word, &[("last", Snapshot::Last), ("each", Snapshot::Each), ("first", Snapshot::First)])
}

pub(crate) fn queue(word: &str) -> QueueModel {
    let models = [QueueModel::Pessimistic, QueueModel::Expected, QueueModel::Optimistic];
    named(word, &[("pessimistic", models[0]), ("expected", models[1]), ("optimistic", models[2])])
}

/// A record: time, venue, bid price and size, ask price and size, and the queue position where the tape has it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum RecordRow {
    Plain(Time, u16, Option<Nanos>, u32, Option<Nanos>, u32),
    Queued(Time, u16, Option<Nanos>, u32, Option<Nanos>, u32, Option<f64>),
}

/// Columns that own their values; a price that is none is [`UNDEF_PRICE`], and its size 0.
#[derive(Default)]
pub(crate) struct Owned {
    ts: Vec<Time>,
    venue: Vec<u16>,
    px: [Vec<Nanos>; 2],
    sz: [Vec<u32>; 2],
    queue_position: Vec<f64>,
    trade_ts: Vec<Time>,
    trade_venue: Vec<u16>,
    trade_price: Vec<Nanos>,
    trade_size: Vec<u32>,
    taped: bool,
}

impl Owned {
    pub(crate) fn ts(&self) -> &[Time] {
        &self.ts
    }

    pub(crate) fn new(records: &[RecordRow], trades: Option<&[(Time, u16, Nanos, u32)]>) -> Self {
        let mut owned = Self { taped: trades.is_some(), ..Self::default() };
        for record in records {
            let (ts, venue, quotes) = match *record {
                RecordRow::Plain(ts, venue, bid, bids, ask, asks) => (ts, venue, [(bid, bids), (ask, asks)]),
                RecordRow::Queued(ts, venue, bid, bids, ask, asks, position) => {
                    owned.queue_position.push(position.expect("a queue position in every record"));
                    (ts, venue, [(bid, bids), (ask, asks)])
                }
            };
            owned.ts.push(ts);
            owned.venue.push(venue);
            for (i, (price, size)) in quotes.into_iter().enumerate() {
                let quote = price.filter(|&price| price > 0 && size > 0);
                owned.px[i].push(quote.unwrap_or(UNDEF_PRICE));
                owned.sz[i].push(quote.map_or(0, |_| size));
            }
        }
        for &(ts, venue, price, size) in trades.unwrap_or_default() {
            owned.trade_ts.push(ts);
            owned.trade_venue.push(venue);
            owned.trade_price.push(price);
            owned.trade_size.push(size);
        }
        owned
    }

    pub(crate) fn venues(&self) -> usize {
        self.venue.iter().max().map_or(0, |&last| usize::from(last) + 1)
    }

    pub(crate) fn tape(&self, venues: usize) -> Tape<'_> {
        let ([bid_px, ask_px], [bid_sz, ask_sz]) = (&self.px, &self.sz);
        let queue_position = (!self.queue_position.is_empty()).then_some(&self.queue_position[..]);
        let columns = Columns { ts: &self.ts, venue: &self.venue, bid_px, bid_sz, ask_px, ask_sz, queue_position };
        let tape = Tape::new(columns, venues).expect("a sorted tape");
        if !self.taped {
            return tape;
        }
        let (price, size) = (&self.trade_price, &self.trade_size);
        tape.with_trades(Trades { ts: &self.trade_ts, venue: &self.trade_venue, price, size }).expect("sorted trades")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderRow {
    side: String,
    pub(crate) quantity: Shares,
    start: Time,
    horizon: Time,
    pub(crate) lot: Shares,
}

impl OrderRow {
    pub(crate) fn parent(&self) -> Parent {
        let (quantity, lot, start) = (self.quantity, self.lot, self.start);
        Parent { side: side(&self.side), quantity, start, end: start + self.horizon, lot, twin: 0 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyRow {
    pub(crate) kind: String,
    lambda_over: f64,
    lambda_under: f64,
    theta_queue: f64,
    unit: String,
    rule: String,
    plan: String,
    overbook: f64,
    bucket: Time,
    adverse_selection: Nanos,
    epoch: Time,
    queue: String,
    scenarios: usize,
    window_every: Time,
}

impl PolicyRow {
    pub(crate) fn plan(&self, solver: Solver) -> Arc<dyn Plan> {
        let plan = Arc::new(self.built_in(solver));
        match self.kind.as_str() {
            "twap" => Arc::new(Sliced { plan, schedule: Arc::new(Twap { bucket: self.bucket }) }),
            _ => plan,
        }
    }

    fn built_in(&self, solver: Solver) -> BuiltIn {
        let Self { lambda_over, lambda_under, theta_queue, .. } = *self;
        let unit = named(&self.unit, &[("fraction", Unit::Fraction), ("price", Unit::Price)]);
        let plans = [("displayed", Planned::Displayed), ("fills", Planned::Fills { overbook: self.overbook })];
        let (rule, plan) = (rule(&self.rule), named(&self.plan, &plans));
        match self.kind.as_str() {
            "router" => {
                BuiltIn::Static(StaticRouter { lambda_over, lambda_under, theta_queue, unit, rule, solver, plan })
            }
            "cont_kukanov" => {
                let Self { adverse_selection, epoch, window_every, scenarios, .. } = *self;
                BuiltIn::ContKukanov(ContKukanov {
                    lambda_over,
                    lambda_under,
                    theta_queue,
                    unit,
                    adverse_selection,
                    epoch,
                    window_every,
                    scenarios,
                })
            }
            "best_ask" => BuiltIn::BestAsk,
            "sweep" | "twap" => BuiltIn::Sweep,
            "vwap" => BuiltIn::ProRata,
            other => panic!("unknown policy {other}"),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VenueRow {
    taker_fee: Nanos,
    maker_rebate: Nanos,
    latency: Time,
    queue_position: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FillRow {
    kind: String,
    queue_position: f64,
    max_fill: f64,
    impact: f64,
    decay: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsRow {
    venues: Vec<VenueRow>,
    snapshot: String,
    depletion: String,
    collar: Option<f64>,
    collar_ticks: i64,
    max_quote_age: Option<Time>,
    tick: Nanos,
    fill: FillRow,
    limit: String,
    sessions: SessionsRow,
    #[serde(rename = "session_gap")]
    _session_gap: Time,
    halts: Vec<(Time, Time, Option<usize>)>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SessionsRow {
    Given(Vec<[Time; 2]>),
    // By silences, of which these tapes have none, or none at all.
    Whole(serde::de::IgnoredAny),
}

impl SettingsRow {
    /// Sessions and halts on a tape of these times, all of it inside the one session that is given.
    pub(crate) fn hours(&self, ts: &[Time]) -> Hours {
        let [open, close] = match &self.sessions {
            SessionsRow::Given(given) => given[0],
            SessionsRow::Whole(_) => [ts[0], ts[ts.len() - 1]],
        };
        let halt = |&(start, end, venue): &_| Halt { start, end, venue };
        let session = Session { rows: 0..ts.len(), open, close };
        Hours::new(vec![session], self.halts.iter().map(halt).collect(), ts.len()).expect("valid hours")
    }

    pub(crate) fn market(&self, policy: &PolicyRow) -> Market {
        let venue = |row: &VenueRow| Venue {
            taker_fee: row.taker_fee,
            maker_rebate: row.maker_rebate,
            latency: row.latency,
            queue_position: row.queue_position.unwrap_or(self.fill.queue_position),
        };
        let depletions =
            [("refresh", Depletion::Refresh), ("persistent", Depletion::Persistent), ("none", Depletion::None)];
        let FillRow { max_fill, impact, decay, .. } = self.fill;
        let aware = FillModel::QueueAware(QueueAware { max_fill, impact, decay, seed: None });
        Market {
            venues: self.venues.iter().map(venue).collect(),
            snapshot: snapshot(&self.snapshot),
            depletion: named(&self.depletion, &depletions),
            // Without a collar nothing is hidden: one of a million times the mid.
            visibility: Visibility {
                collar: self.collar.unwrap_or(1e6),
                collar_least: self.collar_ticks * self.tick,
                max_quote_age: self.max_quote_age,
            },
            fill: named(&self.fill.kind, &[("displayed", FillModel::Displayed), ("expected", aware)]),
            queue: queue(&policy.queue),
            limit: named(&self.limit, &[("seen", Limit::Seen), ("none", Limit::None)]),
            tick: self.tick,
        }
    }
}
