//! Routers that differ in their limits beside a replay of each: those that turn out to decide alike share one (rule A5).

use std::sync::Arc;

use sor_core::Error;
use sor_core::allocate::{Rule, Solver};
use sor_core::batch::{Variant, replay_all, replay_distinct};
use sor_core::fills::FillModel;
use sor_core::ledger::{Ledger, Summary};
use sor_core::market::{Depletion, Limit, Market, Snapshot, Visibility};
use sor_core::observe::Unobserved;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Planned, StaticRouter, Unit};
use sor_core::units::{Nanos, Side};

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;
#[path = "support/effort.rs"]
mod effort;
#[allow(dead_code, reason = "not all of them are used here")]
#[path = "support/replay_cases.rs"]
mod replay_cases;

use curve_books::Rng;
use effort::some;
use replay_cases::{LOT, Owned, Row, market, rows};

/// A router that takes up to a limit of few nanos, where a level of the book is two.
fn router(rng: &mut Rng, unit: Unit, high: bool) -> StaticRouter {
    // Halves are rounded each on its own: at a mid of 10,000 the penalties are 0 to 6 nanos, or as many as any level needs.
    let mut penalty = || match rng.below(if high { 9 } else { 5 }) {
        0 => 0.0,
        1..=4 => 0.5 * rng.below(13) as f64,
        5 => 6.0 * rng.unit(),
        6 | 7 => 6.0 + rng.below(20) as f64,
        _ => rng.pick(&[1e3, 1e12, 1e250]),
    };
    let scale = match unit {
        Unit::Fraction => 1e-4,
        Unit::Price => 1e-9,
    };
    StaticRouter {
        lambda_over: 0.0,
        lambda_under: scale * penalty(),
        theta_queue: scale * penalty(),
        unit,
        rule: Rule::Relaxed,
        solver: Solver::Exact,
        plan: Planned::Displayed,
    }
}

/// A tape of some hundred snapshots.
fn long(rng: &mut Rng) -> Owned {
    let mut owned = rows(rng, 3).rows;
    for _ in 0..8 {
        let behind = owned.last().map_or(0, |row| row.0);
        let more = rows(rng, 3).rows.into_iter();
        owned.extend(more.map(|row| (row.0 + behind, row.1, row.2, row.3, row.4, row.5)));
    }
    Owned::new(owned)
}

fn as_variants(market: &Market, routers: &[StaticRouter]) -> Vec<Variant> {
    let of = |&router: &StaticRouter| Variant { market: market.clone(), plan: Arc::new(BuiltIn::Static(router)) };
    routers.iter().map(of).collect()
}

/// What there is of ledgers without rows, or the error.
fn told<'a>(found: Result<impl Iterator<Item = &'a Ledger>, &Error>) -> Result<Vec<Summary>, String> {
    found.map(|ledgers| ledgers.map(|ledger| ledger.summary).collect()).map_err(|error| format!("{error:?}"))
}

#[test]
fn routers_that_decide_alike_share_their_replays() {
    let (mut asked, mut done, mut failed, mut split) = (0, 0, 0, 0);
    let seeds = some(600);
    for seed in 0..seeds {
        let mut rng = Rng(seed);
        let owned = long(&mut rng);
        let markets = [market(&mut rng, 3), market(&mut rng, 3)];
        let last = owned.last();
        // The largest cannot be completed, which is an error if the order comes to its end.
        let quantities = [2, 10, 40, 300, if seed % 8 == 0 { 1_000_000_000_000 } else { 100_000 }];
        let parents: Vec<Parent> = (0..3)
            .map(|twin| {
                let start = rng.below(last);
                Parent {
                    side: rng.pick(&[Side::Buy, Side::Sell]),
                    quantity: rng.pick(&quantities) * LOT / 2 + rng.below(LOT),
                    start,
                    end: start + 1 + rng.below(last + 8),
                    lot: rng.pick(&[1, LOT, 3 * LOT]),
                    twin,
                }
            })
            .collect();
        let (unit, high) = (rng.pick(&[Unit::Fraction, Unit::Price]), rng.below(2) == 0);
        let mut variants = Vec::new();
        for _ in 0..20 {
            let market = rng.pick(&[&markets[0], &markets[0], &markets[1]]);
            variants.extend(as_variants(market, &[router(&mut rng, unit, high)]));
        }
        let tape = owned.tape(3);
        let each = replay_all(&tape, &parents, &variants, false, 1, &mut Unobserved);
        for threads in [1, 3] {
            let shared = replay_distinct(&tape, &parents, &variants, false, threads, &mut Unobserved);
            let found = told(shared.as_ref().map(sor_core::batch::Shared::iter));
            assert_eq!(found, told(each.as_ref().map(|each| each.iter())), "seed {seed}");
            match (shared, threads) {
                (Ok(shared), 1) => (asked, done) = (asked + each.as_ref().map_or(0, Vec::len), done + shared.replays()),
                (Err(_), _) => failed += 1,
                _ => {}
            }
        }
        let sums = each.iter().flatten().map(|ledger| ledger.summary.executed);
        split += u64::from(sums.collect::<std::collections::HashSet<_>>().len() > 4);
    }
    assert!(done * 2 < asked, "{done} replays for {asked}");
    assert!(
        (seeds / 30..seeds / 4).contains(&failed) && split > seeds / 4,
        "{failed} failed, {split} with orders that ended differently"
    );
}

const CALM: Visibility = Visibility { collar: 1e6, collar_least: 0, max_quote_age: None };

/// One venue without a fee, at a mid of 10,000 that never moves, asks of 10,006 and then of 10,002.
fn ties() -> (Owned, Market) {
    let ask = |ts, ask: Nanos| -> Row { (ts, 0, 20_000 - ask, 50, ask, 50) };
    let mut market = market(&mut Rng(0), 1);
    market.venues[0].latency = 0;
    market.venues[0].taker_fee = 0;
    let market = Market {
        fill: FillModel::Displayed,
        snapshot: Snapshot::Last,
        depletion: Depletion::Refresh,
        visibility: CALM,
        limit: Limit::Seen,
        ..market
    };
    (Owned::new(vec![ask(1, 10_006), ask(2, 10_006), ask(3, 10_002), ask(9, 10_006)]), market)
}

/// At a cost of just the limit nothing is taken: the limits from one that is met up to the next, that one left out, are alike.
#[test]
fn a_cost_of_just_the_limit_is_on_the_side_of_those_below() {
    let (owned, market) = ties();
    let parent = Parent { side: Side::Buy, quantity: 1_000, start: 1, end: 8, lot: 1, twin: 0 };
    let routers: Vec<StaticRouter> = (0..10)
        .map(|nanos| StaticRouter { lambda_under: 1e-9 * f64::from(nanos), ..router(&mut Rng(0), Unit::Price, false) })
        .map(|router| StaticRouter { theta_queue: 0.0, ..router })
        .collect();
    let variants = as_variants(&market, &routers);
    let tape = owned.tape(1);
    let shared = replay_distinct(&tape, &[parent], &variants, false, 1, &mut Unobserved).expect("valid");
    let executed: Vec<i64> = shared.iter().map(|ledger| ledger.summary.executed).collect();
    // Nothing, 50 at 10,002 (limits of 3 to 6), or the 50 at 10,006 as well (7 and more).
    assert_eq!(executed, [0, 0, 0, 50, 50, 50, 50, 100, 100, 100]);
    assert_eq!(shared.replays(), 3);
    let each = replay_all(&tape, &[parent], &variants, false, 1, &mut Unobserved).expect("valid");
    assert_eq!(each.iter().map(|ledger| ledger.summary.executed).collect::<Vec<_>>(), executed);
}

/// Once an order is done it is so for every higher limit, and with rows nothing is shared: they tell of the limit.
#[test]
fn what_is_done_is_done_for_all_above_and_rows_tell_of_the_limit() {
    let (owned, market) = ties();
    let parent = Parent { side: Side::Buy, quantity: 40, start: 1, end: 8, lot: 1, twin: 0 };
    let plain = StaticRouter { theta_queue: 0.0, ..router(&mut Rng(0), Unit::Fraction, false) };
    let routers: Vec<StaticRouter> =
        (0..100).map(|i| StaticRouter { lambda_under: 1e-3 + 1e-5 * f64::from(i), ..plain }).collect();
    let variants = as_variants(&market, &routers);
    let tape = owned.tape(1);
    for (record, replays) in [(false, 1), (true, 100)] {
        let shared = replay_distinct(&tape, &[parent], &variants, record, 1, &mut Unobserved).expect("valid");
        let each = replay_all(&tape, &[parent], &variants, record, 1, &mut Unobserved).expect("valid");
        assert_eq!(shared.replays(), replays);
        assert_eq!(told(Ok(shared.iter())), told(Ok(each.iter())));
    }
}
