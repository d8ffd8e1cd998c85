//! The replay of one parent order: one loop that reads like rule P1.

mod exchange;
mod resting;
mod run;

pub use run::Scene;

use crate::error::Result;
use crate::ledger::Ledger;
use crate::market::AsOf;
use crate::observe::Stop;
use crate::order::Parent;
use run::Run;

/// Replays one parent. `stop` is asked every few thousand snapshots.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped), what the policy returns, and
/// [`Error::Invalid`](crate::Error::Invalid) for an order that it may not send or that cannot be completed.
pub fn replay(scene: Scene<'_>, parent: &Parent, as_of: AsOf, record: bool, stop: Stop<'_>) -> Result<Ledger> {
    let tape = scene.tape;
    let mut next = as_of.next;
    let mut run = Run::new(scene, parent, as_of.book, record, stop)?;
    run.decide(parent.start)?;
    while !run.is_done() && next < tape.len() && tape.ts()[next] < parent.end {
        let (rows, now) = (tape.snapshot_at(next, scene.market.snapshot), tape.ts()[next]);
        next = rows.end;
        run.pass_time_until(now)?;
        run.exchange.deliver(|arrival| arrival < now);
        run.exchange.apply(rows);
        run.decide_at_snapshot(now)?;
    }
    if !run.is_done() {
        run.pass_time_until(parent.end)?;
        run.exchange.deliver(|arrival| arrival < parent.end);
        while next < tape.len() && tape.ts()[next] <= parent.end {
            let rows = tape.snapshot_at(next, scene.market.snapshot);
            next = rows.end;
            run.exchange.apply(rows);
        }
        run.exchange.expire(parent.end);
        run.exchange.deliver(|arrival| arrival <= parent.end);
        run.finish()?;
    }
    Ok(run.close())
}
