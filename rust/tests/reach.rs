//! What the static router is known to do by how far it reaches (without rows) beside what it does when it is asked (with
//! them).

use std::sync::Arc;

use sor_core::allocate::{Rule, Solver};
use sor_core::batch::{Variant, replay_all};
use sor_core::fills::FillModel;
use sor_core::market::{Book, Depletion, Market, Snapshot, Visibility};
use sor_core::observe::Unobserved;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Planned, StaticRouter, Unit};
use sor_core::units::{Nanos, Side};

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;
#[allow(dead_code, reason = "not all of them are used here")]
#[path = "support/replay_cases.rs"]
mod replay_cases;

use curve_books::Rng;
use replay_cases::{EXHAUSTIVE, LOT, Owned, Row, market, rows};

fn router(rng: &mut Rng) -> BuiltIn {
    let mut penalty = || rng.pick(&[0.0, 2e-9, 5e-9, 1e-7, 1e-3]);
    let (lambda_under, theta_queue) = (penalty(), penalty());
    BuiltIn::Static(StaticRouter {
        lambda_over: 0.0,
        lambda_under,
        theta_queue,
        unit: rng.pick(&[Unit::Price, Unit::Fraction]),
        rule: Rule::Relaxed,
        solver: rng.pick(&[Solver::Exact, Solver::Exact, EXHAUSTIVE]),
        plan: Planned::Displayed,
    })
}

/// An order that is never done, on a tape of many snapshots: what the router takes is told by its reach wherever rows
/// are not kept, and must come to the same sums as where it is asked each time.
#[test]
fn what_a_reach_tells_is_what_is_decided() {
    let (mut takes, mut rests) = (0, 0);
    for seed in 0..600 {
        let mut rng = Rng(seed);
        let mut owned = rows(&mut rng, 3).rows;
        for _ in 0..12 {
            let behind = owned.last().map_or(0, |row| row.0);
            owned.extend(
                rows(&mut rng, 3).rows.into_iter().map(|row| (row.0 + behind, row.1, row.2, row.3, row.4, row.5)),
            );
        }
        let tape = Owned::new(owned);
        let latency = rng.pick(&[0, 0, 3]);
        let mut market = Market { fill: FillModel::Displayed, ..market(&mut rng, 3) };
        for venue in &mut market.venues {
            venue.latency = rng.pick(&[0, 0, latency]);
        }
        let policy = router(&mut rng);
        let end = tape.last() + rng.below(3);
        // An odd remainder is taken share by share once all lots are done.
        let quantity = rng.pick(&[10, 40, 300, 100_000]) * LOT / 2 + rng.below(LOT);
        let lot = rng.pick(&[1, LOT / 2, LOT]);
        // Every candidate of an order so large is too many.
        let quantity = if matches!(policy, BuiltIn::Static(StaticRouter { solver: Solver::Exhaustive { .. }, .. })) {
            quantity.min(20 * LOT)
        } else {
            quantity
        };
        let parent = Parent { side: rng.pick(&[Side::Buy, Side::Sell]), quantity, start: 1, end, lot, twin: 0 };
        let columns = tape.tape(3);
        let [with, without] = [true, false].map(|record| {
            let variant = Variant { market: market.clone(), plan: Arc::new(policy) };
            replay_all(&columns, &[parent], &[variant], record, 1, &mut Unobserved).map(|mut ledgers| ledgers.remove(0))
        });
        match (with, without) {
            (Ok(with), Ok(without)) => {
                assert_eq!(with.summary, without.summary, "seed {seed}");
                takes += with.children.len();
                rests += usize::from(with.summary.completed > 0);
            }
            (with, without) => assert_eq!(
                with.map(|_| ()).map_err(|error| error.to_string()),
                without.map(|_| ()).map_err(|error| error.to_string()),
                "seed {seed}"
            ),
        }
    }
    assert!(takes > 10_000 && rests > 100, "{takes} takes, {rests} orders completed");
}

/// As above, where the lot gives way to single shares between two snapshots: what was left of other quotes is taken then.
#[test]
fn a_lot_that_gives_way_makes_remainders_worth_a_look() {
    let dear = |ts, size| -> Row { (ts, 2, 9_990, 10, 12_000, size) };
    let cheap = |venue, size| -> Row { (3, venue, 9_990, 10, 10_000, size) };
    let tape = Owned::new(vec![dear(1, 50), dear(2, 60), cheap(0, 15), cheap(1, 10), dear(4, 70), dear(5, 80)]);
    let mut market = market(&mut Rng(0), 3);
    for venue in &mut market.venues {
        venue.latency = 0;
    }
    market = Market {
        fill: FillModel::Displayed,
        snapshot: Snapshot::Last,
        depletion: Depletion::Refresh,
        visibility: Visibility { collar: 1e6, collar_least: 0, max_quote_age: None },
        ..market
    };
    let policy = BuiltIn::Static(StaticRouter {
        lambda_over: 0.0,
        lambda_under: 1e-7,
        theta_queue: 0.0,
        unit: Unit::Price,
        rule: Rule::Relaxed,
        solver: Solver::Exact,
        plan: Planned::Displayed,
    });
    let parent = Parent { side: Side::Buy, quantity: 25, start: 1, end: 5, lot: 10, twin: 0 };
    for record in [true, false] {
        let variant = Variant { market: market.clone(), plan: Arc::new(policy) };
        let ledgers =
            replay_all(&tape.tape(3), &[parent], &[variant], record, 1, &mut Unobserved).expect("a valid case");
        let sums = &ledgers[0].summary;
        assert_eq!((sums.executed, sums.completed, sums.children, sums.ts_done), (25, 0, 3, 4), "rows {record}");
    }
}

/// A book that jumps over many snapshots is the one that has seen each of them.
#[test]
fn a_book_that_jumps_has_seen_it_all() {
    let mut one_sided = 0;
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let mut tape = rows(&mut rng, 3);
        if seed % 2 == 0 {
            let full = |price: Nanos, fallback| if price == 0 { fallback } else { price };
            tape = tape.map(|row| (row.0, row.1, full(row.2, 9_990), row.3, full(row.4, 10_010), row.5));
        }
        let columns = tape.tape(3);
        let mode = rng.pick(&[Snapshot::Last, Snapshot::Each, Snapshot::First]);
        let (mut jumps, mut walks) = (Book::new(3), Book::new(3));
        let mut next = 0;
        while next < columns.len() {
            let until = (next + 1 + rng.below(12) as usize).min(columns.len());
            let begun = next;
            next = jumps.fast_forward(&columns, begun..until, mode);
            let mut walked = begun;
            while walked < until {
                walked = walks.apply(&columns, walked, mode, |_| {});
            }
            assert_eq!(next, walked, "seed {seed}");
            let seen = |book: &Book| {
                let venues = (0..3).map(|venue| (book.updated(venue), book.row(venue)));
                let sides =
                    [Side::Buy, Side::Sell].map(|side| (book.offers(side).collect::<Vec<_>>(), book.best(side)));
                (venues.collect::<Vec<_>>(), sides, book.mid())
            };
            assert_eq!(seen(&jumps), seen(&walks), "seed {seed}");
            one_sided += usize::from((begun..next).any(|row| columns.is_one_sided(row)));
        }
    }
    assert!(one_sided > 300, "{one_sided}");
}
