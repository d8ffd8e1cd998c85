//! Many replays over one tape, on threads: every variant with every parent, results in order (rules N2, P2, P7).

mod distinct;

pub use distinct::{Shared, replay_distinct};

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::allocate::Penalties;
use crate::allocate::books::{Allocator, Books, Common};
use crate::engine::{Scene, replay};
use crate::error::{Error, Result};
use crate::hindsight::hindsight;
use crate::ledger::Ledger;
use crate::market::{AsOf, Market, Snapshot, Tape, Visibility, as_of_books};
use crate::observe::{Observer, POLL, Stop, Watch};
use crate::order::Parent;
use crate::policy::probes::{Probes, Probing, probe};
use crate::policy::{Past, Plan};
use crate::units::{Money, Nanos, Shares, Side};

/// One column of a comparison: a policy in a market.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What is the same for every policy in it.
    pub market: Market,
    /// What decides.
    pub plan: Arc<dyn Plan>,
}

/// Replays every parent under every variant: the ledger of variant `v` and parent `p` is entry `v * parents + p`.
///
/// # Errors
///
/// [`Error::Stopped`] when the observer says so, else the error of the earliest replay that failed.
pub fn replay_all(
    tape: &Tape<'_>,
    parents: &[Parent],
    variants: &[Variant],
    record: bool,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<Ledger>> {
    let watch = Watch::new(observer, parents.len() * variants.len());
    let batch = Batch::new(tape, parents, variants, record, &watch)?;
    let on_caller = |job: usize| variants[job / parents.len()].stays_on_caller();
    run_all(&watch, threads, on_caller, |job, stop| {
        let (variant, parent) = (job / parents.len(), job % parents.len());
        batch.replay(variant, &*variants[variant].plan, parent, stop)
    })
}

/// What every replay of variants and parents needs.
struct Batch<'a> {
    tape: &'a Tape<'a>,
    parents: &'a [Parent],
    variants: &'a [Variant],
    record: bool,
    starts: Starts,
    histories: Histories,
}

impl<'a> Batch<'a> {
    fn new(
        tape: &'a Tape<'a>,
        parents: &'a [Parent],
        variants: &'a [Variant],
        record: bool,
        watch: &Watch<'_>,
    ) -> Result<Self> {
        let used = variants.iter().map(|variant| &variant.market);
        let starts = Starts::new(tape, parents, used, Stop::new(&|| watch.poll()))?;
        let histories = Histories::new(tape, parents, variants, Stop::new(&|| watch.poll()))?;
        Ok(Self { tape, parents, variants, record, starts, histories })
    }

    /// Replays a parent under a plan that stands for that of a variant.
    fn replay(&self, variant: usize, plan: &dyn Plan, parent: usize, stop: Stop<'_>) -> Result<Ledger> {
        let of = &self.variants[variant];
        let as_of = self.starts.at(&of.market, parent).clone();
        let probes = self.histories.of(of, self.parents[parent].side);
        let past = Past { probes, since: as_of.session.open };
        let scene = Scene { tape: self.tape, market: &of.market, plan, past };
        replay(scene, &self.parents[parent], as_of, self.record, stop).map_err(|error| match error {
            Error::Order { .. } | Error::Policy { .. } | Error::Fill { .. } => {
                Error::Replay { variant, parent, source: Box::new(error) }
            }
            other => other,
        })
    }
}

/// The least possible all-in cost of every parent (rule P4); see [`hindsight`].
///
/// # Errors
///
/// As [`replay_all`].
pub fn hindsight_all(
    tape: &Tape<'_>,
    parents: &[Parent],
    market: &Market,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<Option<Money>>> {
    let watch = Watch::new(observer, parents.len());
    let starts = Starts::new(tape, parents, [market].into_iter(), Stop::new(&|| watch.poll()))?;
    run_all(&watch, threads, anywhere, |job, stop| {
        hindsight(tape, market, &parents[job], starts.at(market, job).clone(), stop)
    })
}

/// Books in a job of [`allocate_all`]: some tenth of a millisecond and more.
const BOOKS: usize = 4096;

/// The splits of all books, row by row, and their costs in currency; see [`Allocator::solve`].
///
/// # Errors
///
/// Those of [`Allocator::solve`], of the first book that fails, and [`Error::Stopped`].
pub fn allocate_all(
    books: &Books<'_>,
    common: &Common,
    penalties: impl Fn(Nanos) -> Penalties + Sync,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<(Vec<Shares>, Vec<f64>)> {
    let count = books.prices.len() / books.venues.max(1);
    let (mut splits, mut costs) = (vec![0; count * books.venues], vec![0.0; count]);
    let rows = splits.chunks_mut((BOOKS * books.venues).max(1)).zip(costs.chunks_mut(BOOKS));
    let watch = Watch::new(observer, rows.len());
    if threads == 1 || watch.total <= 1 {
        let mut allocator = Allocator::default();
        for (job, rows) in rows.enumerate() {
            let stop = || watch.poll();
            Stop::new(&stop).check()?;
            allocator.solve(books, common, &penalties, job * BOOKS, rows, Stop::new(&stop))?;
        }
    } else {
        let rows: Vec<_> = rows.map(|rows| Mutex::new(Some(rows))).collect();
        run_all(&watch, threads, anywhere, |job, stop| {
            let rows = rows[job].lock().ok().and_then(|mut rows| rows.take());
            let rows = rows.unwrap_or_else(|| unreachable!("every job is run once"));
            Allocator::default().solve(books, common, &penalties, job * BOOKS, rows, stop)
        })?;
    }
    Ok((splits, costs))
}

/// Jobs that any thread may run.
fn anywhere(_: usize) -> bool {
    false
}

/// Runs the jobs of a watch on worker threads, those of `on_caller` on the calling one; results in order, so the answer
/// does not depend on `threads`.
///
/// Workers take jobs one by one. The calling thread watches: it asks the observer 20 times a second (signals reach
/// no other thread) and tells the jobs to stop. A failure ends only what comes after it, so that the earliest in order is
/// known.
fn run_all<T: Send>(
    watch: &Watch<'_>,
    threads: usize,
    on_caller: impl Fn(usize) -> bool + Sync,
    run: impl Fn(usize, Stop<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let total = watch.total;
    let stopped = AtomicBool::new(false);
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(total));
    let mut results: Vec<Option<Result<T>>> = (0..total).map(|_| None).collect();
    let mut settle = |job: usize, result: Result<T>| {
        if result.is_err() {
            failed.fetch_min(job, Ordering::Relaxed);
        }
        results[job] = Some(result);
        watch.done.set(watch.done.get() + 1);
    };
    let outcome = thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..threads.clamp(1, total.max(1)) {
            let (sender, run, on_caller, next, failed, stopped) =
                (sender.clone(), &run, &on_caller, &next, &failed, &stopped);
            scope.spawn(move || {
                let asked =
                    || if stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                while asked().is_continue() {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= failed.load(Ordering::Relaxed) {
                        break;
                    }
                    if !on_caller(job) && sender.send((job, run(job, Stop::new(&asked)))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let outcome = watch_over(watch, &receiver, &mut settle, &|job| {
            (on_caller(job) && job < failed.load(Ordering::Relaxed)).then(|| run(job, Stop::new(&|| watch.poll())))
        });
        stopped.store(outcome.is_err(), Ordering::Relaxed);
        outcome
    });
    outcome?;
    if watch.finish().is_break() {
        return Err(Error::Stopped);
    }
    // Short only behind a failure, which comes first and is what `collect` returns.
    results.into_iter().flatten().collect()
}

/// The calling thread's part: its own jobs in order, and between them and after them what the others have done.
fn watch_over<T>(
    watch: &Watch<'_>,
    receiver: &Receiver<(usize, Result<T>)>,
    settle: &mut impl FnMut(usize, Result<T>),
    own: &impl Fn(usize) -> Option<Result<T>>,
) -> Result<()> {
    for job in 0..watch.total {
        let Some(result) = own(job) else { continue };
        let stopped = matches!(result, Err(Error::Stopped));
        settle(job, result);
        for (job, result) in receiver.try_iter() {
            settle(job, result);
        }
        if stopped || watch.poll().is_break() {
            return Err(Error::Stopped);
        }
    }
    loop {
        match receiver.recv_timeout(POLL) {
            Ok((job, result)) => settle(job, result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if watch.poll().is_break() {
            return Err(Error::Stopped);
        }
    }
}

/// What the paper's routers have seen of past windows: the probes of every side, once for each way of probing in use.
struct Histories {
    known: Vec<(Probing, Probes)>,
}

impl Histories {
    fn new(tape: &Tape<'_>, parents: &[Parent], variants: &[Variant], stop: Stop<'_>) -> Result<Self> {
        let mut sides = vec![Side::Buy, Side::Sell];
        sides.retain(|&side| parents.iter().any(|parent| parent.side == side));
        let mut known: Vec<(Probing, Probes)> = Vec::new();
        for probing in variants.iter().flat_map(|variant| sides.iter().filter_map(|&side| variant.probing(side))) {
            if known.iter().all(|(other, _)| *other != probing) {
                let probes = probe(tape, &probing, stop)?;
                known.push((probing, probes));
            }
        }
        Ok(Self { known })
    }

    fn of(&self, variant: &Variant, side: Side) -> Option<&Probes> {
        let wanted = variant.probing(side)?;
        self.known.iter().find(|(probing, _)| *probing == wanted).map(|(_, probes)| probes)
    }
}

impl Variant {
    fn stays_on_caller(&self) -> bool {
        self.plan.stays_on_caller() || self.market.fill.stays_on_caller()
    }

    /// The probes its policy learns from, of orders of any size: a smaller one's fills are the lesser of its size and theirs.
    fn probing(&self, side: Side) -> Option<Probing> {
        let windows = self.plan.learns_from()?;
        let Market { snapshot, visibility, queue, .. } = self.market;
        Some(Probing { side, quantity: Shares::MAX, windows, queue, snapshot, visibility })
    }
}

/// Where every parent's replay begins, once for each way of looking at the tape in use.
struct Starts {
    known: Vec<(Snapshot, Visibility, Vec<AsOf>)>,
}

impl Starts {
    fn new<'a>(
        tape: &Tape<'_>,
        parents: &[Parent],
        used: impl Iterator<Item = &'a Market>,
        stop: Stop<'_>,
    ) -> Result<Self> {
        let mut starts = Self { known: Vec::new() };
        for market in used {
            if starts.find(market).is_none() {
                let books = as_of_books(tape, market, parents, stop)?;
                starts.known.push((market.snapshot, market.visibility, books));
            }
        }
        Ok(starts)
    }

    fn find(&self, market: &Market) -> Option<&Vec<AsOf>> {
        let same = |(mode, visibility, _): &&(_, _, _)| (*mode, *visibility) == (market.snapshot, market.visibility);
        self.known.iter().find(same).map(|(_, _, books)| books)
    }

    fn at(&self, market: &Market, parent: usize) -> &AsOf {
        &self.find(market).expect("built for every market in use")[parent]
    }
}
