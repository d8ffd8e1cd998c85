//! Many replays over one tape, on threads: every variant with every parent, results in order (rules N2, P2, P7).

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::allocate::Penalties;
use crate::allocate::books::{Allocator, Books, Common};
use crate::engine::{Scene, replay};
use crate::error::{Error, Result};
use crate::hindsight::hindsight;
use crate::ledger::Ledger;
use crate::market::{AsOf, Market, Snapshot, Tape, as_of_books};
use crate::observe::{Observer, POLL, Stop, Watch};
use crate::order::Parent;
use crate::policy::probes::{Probes, Probing, probe};
use crate::policy::{Past, Plan};
use crate::units::{Money, Nanos, Shares, Side, Time};

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
    let used = variants.iter().map(|variant| variant.market.snapshot);
    let starts = Starts::new(tape, parents, used, Stop::new(&|| watch.poll()))?;
    let histories = Histories::new(tape, parents, variants, Stop::new(&|| watch.poll()))?;
    run_all(&watch, threads, |job, stop| {
        let (variant, index) = (&variants[job / parents.len()], job % parents.len());
        let as_of = starts.at(variant.market.snapshot, index).clone();
        let probes = histories.of(variant, parents[index].side);
        let scene = Scene { tape, market: &variant.market, plan: &*variant.plan, past: Past { probes } };
        replay(scene, &parents[index], as_of, record, stop)
    })
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
    let starts = Starts::new(tape, parents, [market.snapshot].into_iter(), Stop::new(&|| watch.poll()))?;
    run_all(&watch, threads, |job, stop| {
        hindsight(tape, market, &parents[job], starts.at(market.snapshot, job).clone(), stop)
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
        run_all(&watch, threads, |job, stop| {
            let rows = rows[job].lock().ok().and_then(|mut rows| rows.take());
            let rows = rows.unwrap_or_else(|| unreachable!("every job is run once"));
            Allocator::default().solve(books, common, &penalties, job * BOOKS, rows, stop)
        })?;
    }
    Ok((splits, costs))
}

/// Runs the jobs of a watch on worker threads; results in order, so the answer does not depend on `threads`.
///
/// Workers take jobs one by one. The calling thread only watches: it asks the observer 20 times a second (signals reach
/// no other thread) and tells the jobs to stop.
fn run_all<T: Send>(
    watch: &Watch<'_>,
    threads: usize,
    run: impl Fn(usize, Stop<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let total = watch.total;
    let stopped = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let mut results: Vec<Option<Result<T>>> = (0..total).map(|_| None).collect();
    let outcome: Result<()> = thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..threads.clamp(1, total.max(1)) {
            let (sender, run, next, stopped) = (sender.clone(), &run, &next, &stopped);
            scope.spawn(move || {
                let asked =
                    || if stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                while asked().is_continue() {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= total || sender.send((job, run(job, Stop::new(&asked)))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(POLL) {
                Ok((job, result)) => {
                    // A failure lets the jobs under way finish, so that the earliest failure in order is known.
                    if result.is_err() {
                        next.store(total, Ordering::Relaxed);
                    }
                    results[job] = Some(result);
                    watch.done.set(watch.done.get() + 1);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if watch.poll().is_break() {
                stopped.store(true, Ordering::Relaxed);
                return Err(Error::Stopped);
            }
        }
        Ok(())
    });
    outcome?;
    if watch.finish().is_break() {
        return Err(Error::Stopped);
    }
    // Short only behind a failure, which comes first and is what `collect` returns.
    results.into_iter().flatten().collect()
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
    /// The probes its policy learns from, of orders of any size: a smaller one's fills are the lesser of its size and theirs.
    fn probing(&self, side: Side) -> Option<Probing> {
        let windows = self.plan.learns_from()?;
        let Market { snapshot, visibility, queue, .. } = self.market;
        Some(Probing { side, quantity: Shares::MAX, windows, queue, snapshot, visibility })
    }
}

/// The as-of book at every parent's start, once per snapshot mode in use.
struct Starts {
    modes: Vec<(Snapshot, Vec<AsOf>)>,
}

impl Starts {
    fn new(tape: &Tape<'_>, parents: &[Parent], used: impl Iterator<Item = Snapshot>, stop: Stop<'_>) -> Result<Self> {
        let times: Vec<Time> = parents.iter().map(|parent| parent.start).collect();
        let mut modes: Vec<(Snapshot, Vec<AsOf>)> = Vec::new();
        for mode in used {
            if modes.iter().all(|(known, _)| *known != mode) {
                modes.push((mode, as_of_books(tape, mode, &times, stop)?));
            }
        }
        Ok(Self { modes })
    }

    fn at(&self, mode: Snapshot, parent: usize) -> &AsOf {
        let (_, books) = self.modes.iter().find(|(known, _)| *known == mode).expect("built for every mode in use");
        &books[parent]
    }
}
