//! The replay of one parent order: one loop that reads like rule P1.

mod cheap;
mod exchange;
mod leap;
mod posts;
mod quiet;
mod releasing;
mod resting;
mod run;
mod scene;

pub use scene::Scene;

use crate::error::Result;
use crate::ledger::Ledger;
use crate::market::{AsOf, Moments};
use crate::observe::Stop;
use crate::order::Parent;
use crate::policy::{Policy, Work};
use exchange::Exchange;
use run::Run;

/// Replays one parent. `stop` is asked every few thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped), what the policy returns, and
/// [`Error::Invalid`](crate::Error::Invalid) for an order that it may not send or that cannot be completed.
pub fn replay(scene: Scene<'_>, parent: &Parent, as_of: AsOf, record: bool, stop: Stop<'_>) -> Result<Ledger> {
    // An end past its session's close is cut to the close (rule T3).
    let parent = &Parent { end: as_of.end, ..*parent };
    scene.plan.start(parent, &scene.past)?.work(Replay { scene, parent, as_of, record, stop })
}

/// All that a replay needs but the policy.
struct Replay<'a> {
    scene: Scene<'a>,
    parent: &'a Parent,
    as_of: AsOf,
    record: bool,
    stop: Stop<'a>,
}

impl Work for Replay<'_> {
    type Done = Result<Ledger>;

    /// Rule P1, for one policy.
    fn with(self, policy: impl Policy) -> Result<Ledger> {
        let Self { scene, parent, as_of, record, stop } = self;
        let AsOf { session, end, book, next, shown } = as_of;
        let mut moments = Moments::after(scene.tape, scene.market.snapshot, &session, next, parent.start);
        let exchange = Exchange::new(scene, parent, end, book, record, policy.hears_of_takes());
        let releases = scene.plan.schedule().map(|schedule| schedule.start(parent, scene.tape)).transpose()?;
        let mut run = Run::new(policy, exchange, releases, shown, stop);
        if parent.start < end {
            run.decide(parent.start)?;
        }
        while !run.is_done() && moments.next_record() < end {
            let now = moments.next_record();
            run.pass_time_until(now, &mut moments)?;
            run.exchange.deliver(|arrival| arrival < now)?;
            run.exchange.apply(&mut moments);
            run.decide_at_snapshot(now)?;
            run.go_on(&mut moments)?;
        }
        if !run.is_done() {
            run.pass_time_until(end, &mut moments)?;
            run.exchange.deliver(|arrival| arrival < end)?;
            while moments.next_record() <= end {
                run.exchange.apply(&mut moments);
                run.arrive(end);
            }
            run.arrive(end);
            run.exchange.expire(end);
            run.exchange.deliver(|arrival| arrival <= end)?;
            run.finish(moments)?;
        }
        run.close()
    }
}
