//! Resting orders (rule C10): the rules by hand, and what holds on any sequence of events. Bounds on the truth are
//! tested against a matching engine in `tests/test_resting_bounds.py`.

use proptest::prelude::*;
use sor_core::fills::{Arrival, QueueModel, Resting};
use sor_core::quote::{EMPTY, Quote};

const MODELS: [QueueModel; 3] = [QueueModel::Pessimistic, QueueModel::Expected, QueueModel::Optimistic];

/// A buy's own side and other side: the bid's key is its price negated.
const fn bid(price: i64, size: u32) -> Quote {
    Quote { key: -price, size }
}

const fn ask(price: i64, size: u32) -> Quote {
    Quote { key: price, size }
}

const NONE: Quote = Quote { key: EMPTY, size: 0 };

/// A buy of 500 at 100, behind 300, ask 105.
fn joined(model: QueueModel, traded: bool) -> Resting {
    let arrival = Arrival { key: -100, quantity: 500, seen: 300, own: bid(100, 300), other: ask(105, 100) };
    Resting::join(model, traded, 0, &arrival).expect("the ask is above its price")
}

#[test]
fn an_order_joins_behind_what_is_displayed_or_is_rejected() {
    for model in MODELS {
        let order = |own, other| {
            let arrival = Arrival { key: -100, quantity: 500, seen: 300, own, other };
            Resting::join(model, true, 0, &arrival)
        };
        assert_eq!(order(bid(100, 700), ask(101, 1)).map(|order| order.ahead()), Some(700));
        assert_eq!(order(bid(99, 700), ask(101, 1)).map(|order| order.ahead()), Some(0));
        assert_eq!(order(NONE, NONE).map(|order| order.ahead()), Some(0));
        assert_eq!(order(bid(99, 700), ask(100, 1)), None, "it would take");
        let hidden = order(bid(101, 700), NONE).map(|order| order.ahead());
        let expected = match model {
            QueueModel::Pessimistic => i64::MAX,
            QueueModel::Expected => 300,
            QueueModel::Optimistic => 0,
        };
        assert_eq!(hidden, Some(expected));
    }
}

#[test]
fn a_trade_takes_the_queue_first_and_its_own_decrease_counts_once() {
    for model in MODELS {
        let mut order = joined(model, true);
        assert_eq!(order.trade(1, -100, 200, 105), 0);
        assert_eq!(order.record(1, (bid(100, 300), bid(100, 100)), (ask(105, 100), ask(105, 100))), 0);
        assert_eq!((order.ahead(), order.left()), (100, 500));
        assert_eq!(order.trade(2, -100, 250, 105), 150);
        assert_eq!(order.trade(3, -99, 75, 105), 75, "through its price");
        assert_eq!(order.trade(3, -101, 75, 105), 0, "at a better price");
        assert_eq!(order.left(), 275);
    }
}

#[test]
fn other_decreases_are_what_the_models_differ_in() {
    let after = |model| {
        let mut order = joined(model, true);
        // 300 come behind us, then 400 of the 600 leave.
        order.record(1, (bid(100, 300), bid(100, 600)), (NONE, NONE));
        order.record(2, (bid(100, 600), bid(100, 300)), (NONE, NONE));
        order.ahead()
    };
    assert_eq!(MODELS.map(after), [300, 150, 0]);
}

#[test]
fn the_other_side_at_our_price_fills_what_newly_shows() {
    let filled = |model| {
        let mut order = joined(model, true);
        let asks = [ask(105, 100), ask(100, 60), ask(100, 20), ask(100, 50), ask(99, 10), ask(100, 50), NONE];
        asks.windows(2)
            .zip(1..)
            .map(|(pair, ts)| order.record(ts, (NONE, NONE), (pair[0], pair[1])))
            .collect::<Vec<_>>()
    };
    let fresh = vec![60, 0, 30, 10, 0, 0];
    assert_eq!(MODELS.map(filled), [fresh.clone(), fresh, vec![500, 0, 0, 0, 0, 0]]);
}

#[derive(Clone, Debug)]
enum Event {
    Trade { key: i64, size: i64 },
    Record { own: Quote, other: Quote },
}

fn quote(sign: i64) -> impl Strategy<Value = Quote> {
    prop_oneof![
        1 => Just(NONE),
        6 => (97_i64..=103, 1_u32..=500).prop_map(move |(price, size)| Quote { key: sign * price, size }),
        1 => (1_i64..=i64::MAX - 1, 1_u32..=u32::MAX).prop_map(move |(price, size)| Quote { key: sign * price, size }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (97_i64..=103, 1_i64..=400).prop_map(|(price, size)| Event::Trade { key: -price, size }),
        (1_i64..=i64::MAX - 1, 1_i64..=i64::from(u32::MAX))
            .prop_map(|(price, size)| Event::Trade { key: -price, size }),
        (quote(-1), quote(1)).prop_map(|(own, other)| Event::Record { own, other }),
    ]
}

proptest! {
    /// Nobody comes ahead of us, no share is filled twice, and fills are what is gone from the order.
    #[test]
    fn any_events_leave_a_queue_that_only_shortens(
        events in prop::collection::vec((event(), 0_i64..=2), 1..60),
        quantity in prop_oneof![1_i64..=1_000, Just(i64::MAX)],
        traded in any::<bool>(),
        model in prop::sample::select(MODELS.to_vec()),
    ) {
        let (mut own, mut other) = (bid(100, 300), ask(102, 100));
        let arrival = Arrival { key: -100, quantity, seen: 300, own, other };
        let mut order = Resting::join(model, traded, 0, &arrival).expect("the ask is above its price");
        let mut now = 1;
        for (event, pause) in events {
            now += pause;
            let (ahead, left) = (order.ahead(), order.left());
            let filled = match event {
                Event::Trade { key, size } if traded => order.trade(now, key, size, other.key),
                Event::Trade { .. } => 0,
                Event::Record { own: next, other: beyond } => {
                    let filled = order.record(now, (own, next), (other, beyond));
                    (own, other) = (next, beyond);
                    filled
                }
            };
            prop_assert!((0..=ahead).contains(&order.ahead()));
            prop_assert!(filled >= 0 && order.left() == left - filled && order.left() >= 0);
        }
    }
}
