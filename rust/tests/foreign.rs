//! A policy from outside: the view it sees, what it may send, and what it is told.

use sor_core::Error;
use sor_core::Result;
use sor_core::engine::{Scene, replay};
use sor_core::fills::{FillModel, QueueModel};
use sor_core::ledger::{Kind, Ledger, Reason, Status};
use sor_core::market::{Columns, Depletion, Limit, Market, Snapshot, Tape, Trades, Venue, Visibility, as_of_books};
use sor_core::observe::Stop;
use sor_core::order::Parent;
use sor_core::policy::{Mind, Orders, Past, Plan, Policy, Report, View};
use sor_core::units::{Nanos, Side, Time};
use std::sync::Mutex;

/// What to do at a decision, by its number.
type Script = fn(usize, &View<'_>, &mut Orders);

/// Follows a script; keeps what it saw and heard.
#[derive(Debug)]
struct Scripted {
    script: Script,
    wakes: Vec<Time>,
    heard: Mutex<Vec<(u32, Reason, i64, i64)>>,
    decided: Mutex<Vec<Time>>,
}

struct Follower<'a>(&'a Scripted);

impl Scripted {
    fn new(script: Script) -> Self {
        Self { script, wakes: Vec::new(), heard: Mutex::default(), decided: Mutex::default() }
    }
}

impl Plan for Scripted {
    fn start<'a>(&'a self, _: &Parent, _: &Past<'a>) -> Result<Mind<'a>> {
        Ok(Mind::Foreign(Box::new(Follower(self))))
    }
}

impl Policy for Follower<'_> {
    fn decide(&mut self, view: &View<'_>, out: &mut Orders) -> Result<()> {
        let mut decided = self.0.decided.lock().expect("one thread");
        (self.0.script)(decided.len(), view, out);
        decided.push(view.now);
        Ok(())
    }

    fn wakes(&self, after: Time) -> Option<Time> {
        self.0.wakes.iter().copied().find(|&time| time > after)
    }

    fn told(&mut self, report: &Report) -> Result<()> {
        let mut heard = self.0.heard.lock().expect("one thread");
        heard.push((report.order, report.reason, report.executed, report.returned));
        Ok(())
    }
}

const CENT: Nanos = 10_000_000;

/// One venue, 100 shares at 99 and at 101 cents at time 0, and records at the given times that change the bid's size.
fn run(plan: &Scripted, sizes: &[(Time, u32)], trades: &[(Time, Nanos, u32)], latency: Time) -> Result<Ledger> {
    // The session goes on after the order's end.
    let ts: Vec<Time> = [0].into_iter().chain(sizes.iter().map(|&(ts, _)| ts)).chain([200]).collect();
    let bid_sz: Vec<u32> = [100].into_iter().chain(sizes.iter().map(|&(_, size)| size)).chain([1]).collect();
    let all = |value: Nanos| vec![value; ts.len()];
    let (venue, bid_px, ask_px, ask_sz) = (vec![0; ts.len()], all(99 * CENT), all(101 * CENT), vec![100; ts.len()]);
    let columns = Columns {
        ts: &ts,
        venue: &venue,
        bid_px: &bid_px,
        bid_sz: &bid_sz,
        ask_px: &ask_px,
        ask_sz: &ask_sz,
        queue_position: None,
    };
    let (trade_ts, price): (Vec<Time>, Vec<Nanos>) = trades.iter().map(|&(ts, price, _)| (ts, price)).unzip();
    let size: Vec<u32> = trades.iter().map(|&(_, _, size)| size).collect();
    let trade_venue = vec![0; trades.len()];
    let trades = Trades { ts: &trade_ts, venue: &trade_venue, price: &price, size: &size };
    let tape = Tape::new(columns, 1)?.with_trades(trades)?;
    let market = Market {
        venues: vec![Venue { taker_fee: 0, maker_rebate: 2, latency, queue_position: 0.0 }],
        snapshot: Snapshot::Last,
        depletion: Depletion::Refresh,
        visibility: Visibility { collar: 1.0, collar_least: 0, max_quote_age: None },
        fill: FillModel::Displayed,
        queue: QueueModel::Pessimistic,
        limit: Limit::Seen,
        tick: CENT,
    };
    let parent = Parent { side: Side::Buy, quantity: 300, start: 0, end: 100, lot: 1, twin: 0 };
    let as_of = as_of_books(&tape, &market, &[parent], Stop::NEVER)?.remove(0);
    replay(Scene { tape: &tape, market: &market, plan, past: Past::default() }, &parent, as_of, true, Stop::NEVER)
}

#[test]
fn it_sees_both_sides_and_its_own_orders() {
    let plan = Scripted::new(|n, view, out| {
        let (taken, own) = (view.quote(0).expect("an ask"), view.own_quote(0).expect("a bid"));
        assert_eq!((taken.key, taken.size, -own.key), (101 * CENT, 100, 99 * CENT));
        assert_eq!((view.mid, view.parent.quantity, view.in_flight), (100 * CENT, 300, 0));
        match n {
            0 => {
                assert_eq!((view.available(0, taken), view.age(0), view.remaining), (100, Some(0), 300));
                assert_eq!((out.take(0, 60), out.post(0, 40, None, None)), (0, 1));
            }
            1 => {
                // What it took is gone until the quote changes; what it posted stands behind what was there.
                assert_eq!((view.available(0, taken), view.age(0), view.remaining), (40, Some(0), 240));
                let resting: Vec<_> = view.resting().map(|(venue, posted)| (venue, posted.order.ahead())).collect();
                assert_eq!(resting, [(0, 100)]);
            }
            _ => unreachable!("two moments"),
        }
    });
    let ledger = run(&plan, &[(10, 150)], &[], 0).expect("a replay");
    assert_eq!(*plan.decided.lock().expect("one thread"), [0, 10]);
    assert_eq!(*plan.heard.lock().expect("one thread"), [(0, Reason::Filled, 60, 0), (1, Reason::Expired, 0, 40)]);
    assert_eq!(
        (ledger.summary.executed, ledger.summary.completed, ledger.summary.status),
        (60, 240, Status::Completed)
    );
}

#[test]
fn limit_orders_fill_expire_and_are_taken_back() {
    // Three orders at one price: 100 shares stand ahead of the first, and what it gets the second does not.
    let plan = Scripted::new(|n, _, out| match n {
        0 => {
            out.post(0, 30, None, None);
            out.post(0, 30, None, Some(20));
            out.post(0, 30, None, None);
        }
        1 => out.cancel(2),
        _ => {}
    });
    let trades = [(15, 99 * CENT, 140), (25, 99 * CENT, 50)];
    let ledger = run(&plan, &[(10, 100), (30, 10)], &trades, 0).expect("a replay");
    // 140 shares trade: 100 were ahead, 30 go to the first order and 10 to the second, which expires at 20.
    let fills: Vec<_> =
        ledger.fills.iter().map(|fill| (fill.child, fill.ts_executed, fill.quantity, fill.kind)).collect();
    assert_eq!(fills[..2], [(Some(0), 15, 30, Kind::Post), (Some(1), 15, 10, Kind::Post)]);
    assert_eq!(fills[2], (None, 100, 100, Kind::Completion));
    let reasons: Vec<_> = ledger.children.iter().map(|child| (child.reason, child.executed)).collect();
    assert_eq!(reasons, [(Reason::Filled, 30), (Reason::Partial, 10), (Reason::Cancelled, 0)]);
    let heard = plan.heard.lock().expect("one thread");
    assert_eq!(
        *heard,
        [
            (2, Reason::Cancelled, 0, 30),
            (0, Reason::Filled, 30, 0),
            (1, Reason::Partial, 10, 0),
            (1, Reason::Expired, 0, 20)
        ]
    );
}

#[test]
fn limit_orders_expire_one_after_the_other() {
    // After the first has gone the second is not forgotten: nothing rests when the bid is sold through at 45.
    let plan = Scripted::new(|n, _, out| {
        if n == 0 {
            out.post(0, 30, None, Some(20));
            out.post(0, 30, None, Some(40));
        }
    });
    let ledger = run(&plan, &[(50, 90)], &[(45, 98 * CENT, 500)], 0).expect("a replay");
    assert_eq!((ledger.summary.executed, ledger.summary.completed), (0, 300));
    assert_eq!(*plan.heard.lock().expect("one thread"), [(0, Reason::Expired, 0, 30), (1, Reason::Expired, 0, 30)]);
}

#[test]
fn the_better_price_is_served_first() {
    let plan = Scripted::new(|n, _, out| {
        if n == 0 {
            out.post(0, 30, None, None);
            out.post(0, 30, Some(98 * CENT), None);
        }
    });
    let ledger = run(&plan, &[(50, 90)], &[(15, 97 * CENT, 40)], 0).expect("a replay");
    let executed: Vec<_> = ledger.children.iter().map(|child| child.executed).collect();
    assert_eq!(executed, [30, 10]);
}

#[test]
fn a_cancel_takes_its_time() {
    // Sent at 10 over a way of 4: the trade at 12 still meets the order.
    let plan = Scripted::new(|n, _, out| match n {
        0 => {
            out.post(0, 30, None, None);
        }
        1 => out.cancel(0),
        _ => {}
    });
    let ledger =
        run(&plan, &[(10, 100), (30, 100)], &[(12, 99 * CENT, 110), (15, 99 * CENT, 100)], 4).expect("a replay");
    let posted: Vec<_> = ledger.fills.iter().filter(|fill| fill.kind == Kind::Post).map(|fill| fill.quantity).collect();
    assert_eq!((posted, ledger.children[0].reason), (vec![10], Reason::Partial));
}

#[test]
fn it_is_woken_when_it_asked_to_be() {
    let mut plan = Scripted::new(|_, _, _| {});
    plan.wakes = vec![5, 10, 40, 100];
    run(&plan, &[(10, 90), (30, 80)], &[], 0).expect("a replay");
    // Once at 10, where a record comes as well; not at its end.
    assert_eq!(*plan.decided.lock().expect("one thread"), [0, 5, 10, 30, 40]);
}

#[test]
fn what_breaks_a_rule_is_an_error() {
    let cases: [(Script, &str); 6] = [
        (
            |_, _, out| {
                out.take(1, 10);
            },
            "venue at 0 ns since the epoch must be below 1, got 1",
        ),
        (
            |_, _, out| {
                out.take(0, 0);
            },
            "quantity at 0 ns since the epoch must be positive, got 0",
        ),
        (
            |_, _, out| {
                out.post(0, -5, None, None);
            },
            "quantity at 0 ns since the epoch must be positive, got -5",
        ),
        (
            |_, _, out| {
                out.post(0, 5, Some(101 * CENT), None);
            },
            "price at 0 ns since the epoch must not cross the other side of venue 0, got 1010000000",
        ),
        (
            |_, _, out| {
                out.post(0, 5, None, Some(0));
            },
            "until at 0 ns since the epoch must be later than now, got 0",
        ),
        (|_, _, out| out.cancel(7), "cancel at 0 ns since the epoch must name an order that was sent, got 7"),
    ];
    for (script, why) in cases {
        let refused = run(&Scripted::new(script), &[], &[], 0).expect_err("a rule is broken");
        assert!(matches!(refused, Error::Order { ts: 0, .. }));
        assert!(refused.to_string().contains(why), "{refused}");
    }
}
