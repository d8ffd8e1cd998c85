//! The replay without a second engine: what must hold of every ledger, on random tapes (the model's sections 2, 4 and 5).

use std::collections::HashMap;
use std::sync::Arc;

use sor_core::batch::{Variant, replay_all, replay_distinct};
use sor_core::fills::FillModel;
use sor_core::ledger::{Child, Fill, Kind, Ledger, Reason, Status, Summary};
use sor_core::market::{Depletion, Limit, Market, Snapshot};
use sor_core::observe::Unobserved;
use sor_core::order::Parent;
use sor_core::policy::{BuiltIn, Planned, StaticRouter};
use sor_core::units::Time;

#[allow(dead_code, reason = "only its generator is used here")]
#[path = "support/curve_books.rs"]
mod curve_books;

#[path = "support/replay_cases.rs"]
mod replay_cases;

use curve_books::Rng;
use replay_cases::*;

fn assert_same(left: &Ledger, right: &Ledger) {
    assert_eq!(left.fills, right.fills);
    assert_eq!(left.children, right.children);
    assert_eq!(left.summary, right.summary);
}

/// rules P2, P6: shares add up, and so does the shortfall, from the rows and in integers.
#[test]
fn shares_and_money_are_conserved() {
    on_cases(20_000, |case| {
        let Ledger { summary, fills, children, .. } = case.run();
        let net = summary.executed + summary.completed - summary.unwound;
        match summary.status {
            Status::NoQuotes => assert_eq!((net, summary.arrival_mid), (0, None)),
            status => {
                assert_eq!(net, case.parent.quantity);
                let walked = summary.completed + summary.unwound > 0;
                assert_eq!(walked, status != Status::Filled || summary.unwound > 0);
            }
        }
        let of = |kind| fills.iter().filter(move |fill| fill.kind == kind).map(|fill| fill.quantity).sum::<i64>();
        assert_eq!(summary.executed, of(Kind::Take));
        assert_eq!(summary.executed, children.iter().map(|child| child.executed).sum::<i64>());
        assert_eq!((summary.completed, summary.unwound), (of(Kind::Completion), of(Kind::Unwind)));

        let signed = |fill: &Fill| i128::from(if fill.kind == Kind::Unwind { -fill.quantity } else { fill.quantity });
        let cash: i128 = fills.iter().map(|fill| signed(fill) * i128::from(fill.price)).sum();
        let costs: i128 = fills.iter().map(|fill| fill.fee - fill.rebate).sum();
        let (sign, arrival) = (case.parent.side.sign(), summary.arrival_mid.unwrap_or(0));
        let paper = i128::from(net) * i128::from(arrival);
        assert_eq!(summary.shortfall(), i128::from(sign) * (cash - paper) + costs);
        assert_eq!(summary.all_in(), i128::from(sign) * cash + costs);
        assert_eq!((summary.fills as usize, summary.children as usize), (fills.len(), children.len()));
        assert!(fills.windows(2).all(|pair| pair[0].ts_executed <= pair[1].ts_executed));
    });
}

/// rules F5, F6: a child keeps to its quote, and shares in flight are not planned twice.
#[test]
fn children_keep_to_their_quote_and_to_what_is_left() {
    on_cases(20_000, |case| {
        let Case { market, parent, .. } = case;
        let Ledger { children, fills, .. } = case.run();
        for child in &children {
            assert_eq!(child.ts_arrived, child.ts_decided + market.venues[child.venue].latency);
            assert!((parent.start..parent.end).contains(&child.ts_decided));
            assert!((1..=child.seen_available).contains(&child.quantity));
            assert!(child.executed <= child.quantity.min(child.met_available));
            assert_eq!(child.reason == Reason::Expired, child.ts_arrived > parent.end.min(case.tape.last()));
            assert_eq!(child.executed > 0, matches!(child.reason, Reason::Filled | Reason::Partial));
            if let (Limit::Seen, Some(met), true) = (market.limit, child.met_price, child.executed > 0) {
                assert!(parent.side.sign() * (met - child.seen_price) <= 0);
            }
        }
        for fill in fills.iter().filter(|fill| fill.kind == Kind::Take) {
            let child = &children[fill.child.expect("a taking fill has a child") as usize];
            assert_eq!((fill.quantity, fill.ts_executed, fill.venue), (child.executed, child.ts_arrived, child.venue));
        }
        // Rule P1 (1): what was in flight executes by (arrival, child).
        let flown: Vec<_> =
            fills.iter().filter(|fill| fill.ts_executed > fill.ts_decided && fill.child.is_some()).collect();
        assert!(flown.is_sorted_by_key(|fill| (fill.ts_executed, fill.child)));
        if market.snapshot != Snapshot::Each {
            for child in &children {
                assert_remaining(case, &children, child);
            }
        }
    });
}

/// What is left when a child is decided is the quantity less what the children before it have executed or still may.
fn assert_remaining(case: &Case, children: &[Child], child: &Child) {
    let earlier = children.iter().filter(|other| other.ts_decided < child.ts_decided);
    // An arrival at the very time of a decision executes on the next occasion: it is still in flight.
    let in_flight = |other: &Child| other.ts_arrived >= child.ts_decided && other.ts_arrived > other.ts_decided;
    let gone: i64 = earlier.map(|other| if in_flight(other) { other.quantity } else { other.executed }).sum();
    assert_eq!(child.remaining, case.parent.quantity - gone);
    if !matches!(case.policy, BuiltIn::Static(StaticRouter { plan: Planned::Fills { .. }, .. })) {
        let together = children.iter().filter(|other| other.ts_decided == child.ts_decided);
        assert!(together.map(|other| other.quantity).sum::<i64>() <= child.remaining);
    }
}

/// rule B5: one run of an unchanged quote (of an unchanged price, under `persistent`) never gives more than it shows.
#[test]
fn no_episode_gives_more_than_it_displays() {
    on_cases(20_000, |case| {
        if case.market.snapshot == Snapshot::Each || case.market.depletion == Depletion::None {
            return; // a time does not name a book; nothing depletes
        }
        let mut taken = HashMap::new();
        for fill in case.run().fills.iter().filter(|fill| fill.kind == Kind::Take) {
            let (episode, size) = case.episode(fill.venue, fill.ts_executed);
            let sum = taken.entry((fill.venue, episode)).or_insert(0);
            *sum += fill.quantity;
            assert!(*sum <= i64::from(size), "{sum} of {size} at venue {}", fill.venue);
        }
    });
}

/// rule A4 in the replay: under both plans either solver gives the same children and fills.
#[test]
fn either_solver_gives_the_same_ledger() {
    on_cases(10_000, |exact| {
        let BuiltIn::Static(router) = exact.policy else { return };
        let policy = BuiltIn::Static(StaticRouter { solver: EXHAUSTIVE, ..router });
        assert_same(&exact.run(), &Case { policy, ..exact.clone() }.run());
    });
}

/// rule P2: a parent's ledger is its own, whatever else is replayed, on however many threads, with or without rows.
#[test]
fn threads_company_and_rows_do_not_matter() {
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let Case { tape: owned, market: first, .. } = case(&mut rng);
        let venues = first.venues.len();
        let parents: Vec<Parent> = (0..5).map(|_| parent(&mut rng, owned.last())).collect();
        let chosen: Vec<(Market, BuiltIn)> = (0..4).map(|_| (market(&mut rng, venues), policy(&mut rng))).collect();
        let variants: Vec<Variant> =
            chosen.iter().map(|(market, policy)| Variant { market: market.clone(), plan: Arc::new(*policy) }).collect();
        let tape = owned.tape(venues);
        let all = |threads, record| {
            replay_all(&tape, &parents, &variants, record, threads, &mut Unobserved).expect("valid cases")
        };
        let one = all(1, true);
        for threads in [2, 5] {
            for (ledger, other) in one.iter().zip(all(threads, true)) {
                assert_same(ledger, &other);
            }
        }
        for (i, (ledger, without)) in one.iter().zip(all(2, false)).enumerate() {
            let (market, policy) = chosen[i / parents.len()].clone();
            let alone = Case { tape: owned.clone(), market, policy, parent: parents[i % parents.len()] };
            assert_same(ledger, &alone.run());
            assert_eq!(ledger.summary, without.summary);
            assert!(without.fills.is_empty() && without.children.is_empty());
        }
    }
}

/// rule A5: variants whose penalties cannot matter share a replay, and every ledger is what its own would have been.
#[test]
fn variants_that_cannot_differ_share_their_replays() {
    let (mut asked, mut done) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let Case { tape: owned, market: first, .. } = case(&mut rng);
        let parents: Vec<Parent> = (0..3).map(|_| parent(&mut rng, owned.last())).collect();
        let markets = [market(&mut rng, first.venues.len()), first];
        let variants: Vec<Variant> = (0..16)
            .map(|_| Variant {
                market: rng.pick(&[&markets[0], &markets[1]]).clone(),
                plan: Arc::new(policy(&mut rng)),
            })
            .collect();
        let tape = owned.tape(markets[0].venues.len());
        let each = replay_all(&tape, &parents, &variants, true, 1, &mut Unobserved).expect("valid cases");
        let shared = replay_distinct(&tape, &parents, &variants, true, 2, &mut Unobserved).expect("valid cases");
        assert_eq!(shared.iter().count(), each.len());
        for (ledger, own) in shared.iter().zip(&each) {
            assert_same(ledger, own);
        }
        (asked, done) = (asked + each.len(), done + shared.replays());
    }
    assert!(done * 10 < asked * 9, "{done} replays for {asked}");
}

/// A sell is the mirror image of a buy: on the tape with every price p at `MIRROR - p` and the sides exchanged it does
/// the same. (Penalties are per share, there is no impact, and the collar hides nothing: else they are fractions of a
/// price. A random stream is named by the side among others, F3.)
#[test]
fn a_sell_is_a_buy_in_the_mirror() {
    on_cases(20_000, |case| {
        let mut case = case.clone();
        case.market.visibility.collar = 1e6;
        if let FillModel::QueueAware(queue) = &mut case.market.fill {
            (queue.impact, queue.seed) = (0.0, None);
        }
        let price = |price| if price == 0 { 0 } else { MIRROR - price };
        let mut image = case.clone();
        image.parent.side = case.parent.side.opposite();
        image.tape = case
            .tape
            .map(|(ts, venue, bid, bid_size, ask, ask_size)| (ts, venue, price(ask), ask_size, price(bid), bid_size));
        let (ledger, mut reflected) = (case.run(), image.run());
        for fill in &mut reflected.fills {
            (fill.price, fill.quoted, fill.mid) = (MIRROR - fill.price, MIRROR - fill.quoted, MIRROR - fill.mid);
        }
        assert_eq!(ledger.fills, reflected.fills);
        // All parts of the shortfall are equal; only the cash itself is of another sign and price.
        let Summary { notional, arrival_mid, .. } = ledger.summary;
        assert_eq!(arrival_mid.map(|mid| MIRROR - mid), reflected.summary.arrival_mid);
        assert_eq!(ledger.summary, Summary { notional, arrival_mid, ..reflected.summary });
    });
}

/// Nothing depends on when the epoch was (but random streams, which start and end name among others, F3).
#[test]
fn a_shift_in_time_shifts_the_ledger() {
    const SHIFT: Time = 1_500_000_000_000_000_000;
    on_cases(5_000, |case| {
        let mut case = case.clone();
        if let FillModel::QueueAware(queue) = &mut case.market.fill {
            queue.seed = None;
        }
        let mut later = case.clone();
        later.tape = case
            .tape
            .map(|(ts, venue, bid, bid_size, ask, ask_size)| (ts + SHIFT, venue, bid, bid_size, ask, ask_size));
        later.parent = Parent { start: case.parent.start + SHIFT, end: case.parent.end + SHIFT, ..case.parent };
        let mut shifted = later.run();
        shifted.summary.ts_done -= SHIFT;
        for fill in &mut shifted.fills {
            (fill.ts_decided, fill.ts_executed) = (fill.ts_decided - SHIFT, fill.ts_executed - SHIFT);
        }
        for child in &mut shifted.children {
            (child.ts_decided, child.ts_arrived) = (child.ts_decided - SHIFT, child.ts_arrived - SHIFT);
        }
        assert_same(&case.run(), &shifted);
    });
}
