//! Replays that leap over snapshots by a tape's index beside the same ones from record to record: equal to the byte.

use std::ops::Range;
use std::sync::Arc;

use sor_core::allocate::{Rule, Solver};
use sor_core::batch::{Variant, replay_all, replay_distinct};
use sor_core::ledger::{Ledger, Status};
use sor_core::market::{Halt, Hours, Index, Market, Session, Snapshot, Tape};
use sor_core::observe::Unobserved;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Plan, Planned, Sliced, StaticRouter, Unit};
use sor_core::schedule::Twap;
use sor_core::units::{Nanos, Side, Time};

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;
#[allow(dead_code, reason = "not all of them are used here")]
#[path = "support/replay_cases.rs"]
mod replay_cases;

use curve_books::Rng;
use replay_cases::{LOT, Owned, market, policy, rows};

/// A tape of some hundred records in stretches of narrow and of wide books, with and without empty sides, some with none on
/// one side at all, and with a venue that is silent for long.
fn long(rng: &mut Rng) -> Owned {
    let mut all = Vec::new();
    let mut ts = 0;
    for _ in 0..12 {
        let (wider, level): (Nanos, Nanos) = (rng.pick(&[0, 4, 8, 8, 20]), rng.pick(&[0, 0, 0, 6_000]));
        let bare = rng.pick(&[Some(Side::Buy), Some(Side::Sell), None, None, None, None, None, None]);
        let (full, silent, faster) = (rng.below(2) == 0, rng.pick(&[0, 1, 2, 9, 9]), rng.below(3) > 0);
        for (k, (at, venue, bid, bid_size, ask, ask_size)) in rows(rng, 3).rows.into_iter().enumerate() {
            // Ties within a snapshot, or hardly any.
            let now = ts + if faster { at } else { k as Time };
            let price = |side, price: Nanos, fallback, by| {
                if bare == Some(side) || price == 0 && !full { 0 } else { price.max(fallback) + by + level }
            };
            let (bid, ask) = (price(Side::Buy, bid, 9_992, -wider), price(Side::Sell, ask, 9_998, wider));
            if venue != silent {
                all.push((now, venue, bid, bid_size, ask, ask_size));
            }
        }
        ts = all.last().map_or(ts, |row: &replay_cases::Row| row.0) + rng.pick(&[0, 1, 7]);
    }
    if all.is_empty() { rows(rng, 3) } else { Owned::new(all) }
}

/// One session or some, and halts of a venue or of all.
fn hours(rng: &mut Rng, tape: &Owned) -> Hours {
    let (ts, last) = (&tape.ts, tape.last());
    let mut cuts: Vec<Time> = (0..rng.pick(&[0, 0, 2, 6])).map(|_| rng.below(last + 1)).collect();
    cuts.extend([0, last + 1]);
    cuts.sort_unstable();
    let sessions = cuts.windows(2).filter_map(|pair| {
        let rows: Range<usize> = ts.partition_point(|&at| at < pair[0])..ts.partition_point(|&at| at < pair[1]);
        (!rows.is_empty()).then_some(Session { rows, open: pair[0], close: pair[1] - 1 })
    });
    let halts = (0..rng.pick(&[0, 0, 1, 3])).map(|_| {
        let start = rng.below(last + 1);
        Halt { start, end: start + 1 + rng.below(30), venue: rng.pick(&[None, Some(0), Some(1), Some(2)]) }
    });
    Hours::new(sessions.collect(), halts.collect(), ts.len()).expect("valid hours")
}

/// Mostly routers that take up to a few nanos, and policies under a schedule.
fn plan(rng: &mut Rng) -> Arc<dyn Plan> {
    let scale = rng.pick(&[1e-9, 1e-4]);
    let mut penalty = || scale * rng.pick(&[0.0, 0.0, 1.0, 3.0, 5.0, 8.0, 100.0]);
    let (lambda_under, theta_queue) = (penalty(), penalty());
    let router = StaticRouter {
        lambda_over: 0.0,
        lambda_under: if rng.below(10) == 0 { -lambda_under } else { lambda_under },
        theta_queue,
        unit: if scale < 1e-8 { Unit::Price } else { Unit::Fraction },
        rule: Rule::Relaxed,
        solver: Solver::Exact,
        plan: Planned::Displayed,
    };
    let plan: Arc<dyn Plan> = if rng.below(4) > 0 { Arc::new(BuiltIn::Static(router)) } else { Arc::new(policy(rng)) };
    if rng.below(3) > 0 {
        plan
    } else {
        Arc::new(Sliced { plan, schedule: Arc::new(Twap { bucket: 1 + rng.below(40) }) })
    }
}

fn parents(rng: &mut Rng, last: Time) -> Vec<Parent> {
    let quantities = [1, 3, 10, 40, 1_000];
    let parent = |twin| {
        let start = rng.below(last + 1) * rng.pick(&[0, 1]);
        let quantity = rng.pick(&quantities) * LOT / 2 + rng.below(LOT) + 1;
        let end = start + 1 + rng.below(last + 8);
        Parent {
            side: rng.pick(&[Side::Buy, Side::Sell]),
            quantity,
            start,
            end,
            lot: rng.pick(&[1, LOT, 3 * LOT]),
            twin,
        }
    };
    (0..4).map(parent).collect()
}

/// What has a latency is seldom at rest, and what a book leaves out is never leapt over.
fn variant(rng: &mut Rng, market: &Market) -> Variant {
    let mut variant = Variant { market: market.clone(), plan: plan(rng) };
    if rng.below(3) > 0 {
        variant.market.venues.iter_mut().for_each(|venue| venue.latency = 0);
    }
    if variant.market.snapshot == Snapshot::First && rng.below(4) > 0 {
        variant.market.snapshot = Snapshot::Last;
    }
    variant
}

/// All ledgers, or the error.
type Told = Result<Vec<Ledger>, String>;

fn replayed(tape: &Tape<'_>, parents: &[Parent], variants: &[Variant], record: bool) -> Told {
    replay_all(tape, parents, variants, record, 1, &mut Unobserved).map_err(|error| format!("{error:?}"))
}

fn shared(tape: &Tape<'_>, parents: &[Parent], variants: &[Variant], record: bool) -> Told {
    let shared = replay_distinct(tape, parents, variants, record, 3, &mut Unobserved);
    shared.map(|shared| shared.iter().cloned().collect()).map_err(|error| format!("{error:?}"))
}

fn assert_same(found: &Told, plain: &Told, what: &str) {
    let (Ok(found), Ok(plain)) = (found, plain) else {
        assert_eq!(found.as_ref().err(), plain.as_ref().err(), "{what}");
        return;
    };
    assert_eq!(found.len(), plain.len(), "{what}");
    for (at, (found, plain)) in found.iter().zip(plain).enumerate() {
        assert_eq!(found.summary, plain.summary, "{what}, ledger {at}");
        assert_eq!(found.children, plain.children, "{what}, ledger {at}");
        assert!(found == plain, "{what}, ledger {at}");
    }
}

#[test]
fn a_leap_leaves_what_a_walk_leaves() {
    let (mut known, mut filled, mut completed) = (0, 0, 0);
    for seed in 0..800 {
        let mut rng = Rng(seed);
        let owned = long(&mut rng);
        let hours = hours(&mut rng, &owned);
        let parents: Vec<Parent> = parents(&mut rng, owned.last());
        let markets: [Market; 2] = [market(&mut rng, 3), market(&mut rng, 3)];
        let variants: Vec<Variant> = (0..6).map(|at| variant(&mut rng, &markets[at % 2])).collect();
        let tape = owned.tape(3).with_hours(&hours);
        for record in [true, false] {
            let index = Index::with_blocks(tape.len(), rng.pick(&[1, 2, 4, 5]), rng.pick(&[1, 2, 4, 9]));
            let leaping = Tape::with_index(owned.columns(), 3, &index).expect("its own index").with_hours(&hours);
            let plain = replayed(&tape, &parents, &variants, record);
            // The first walks, and the others know more each time.
            for turn in 0..3 {
                let found = replayed(&leaping, &parents, &variants, record);
                assert_same(&found, &plain, &format!("seed {seed}, rows {record}, turn {turn}"));
            }
            let found = shared(&leaping, &parents, &variants, record);
            assert_same(&found, &plain, &format!("seed {seed}, rows {record}, shared"));
            known += index.known();
            let of = |status| plain.iter().flatten().filter(|ledger| ledger.summary.status == status).count();
            (filled, completed) = (filled + of(Status::Filled), completed + of(Status::Completed));
        }
    }
    assert!(known > 5_000 && filled > 2_500 && completed > 2_500, "{known} chunks, {filled} filled, {completed} not");
}
