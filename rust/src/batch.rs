//! Many replays over one tape, on threads: every variant with every parent, results in order (rules N2, P2, P7).

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
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
use crate::policy::{BuiltIn, Past, Plan};
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
    let used = variants.iter().map(|variant| &variant.market);
    let starts = Starts::new(tape, parents, used, Stop::new(&|| watch.poll()))?;
    let histories = Histories::new(tape, parents, variants, Stop::new(&|| watch.poll()))?;
    let on_caller = |job: usize| variants[job / parents.len()].stays_on_caller();
    run_all(&watch, threads, on_caller, |job, stop| {
        let (variant, index) = (&variants[job / parents.len()], job % parents.len());
        let as_of = starts.at(&variant.market, index).clone();
        let probes = histories.of(variant, parents[index].side);
        let scene = Scene {
            tape,
            market: &variant.market,
            plan: &*variant.plan,
            past: Past { probes, since: as_of.session.open },
        };
        replay(scene, &parents[index], as_of, record, stop).map_err(|error| match error {
            Error::Order { .. } | Error::Policy { .. } | Error::Fill { .. } => {
                Error::Replay { variant: job / parents.len(), parent: index, source: Box::new(error) }
            }
            other => other,
        })
    })
}

/// The ledgers of variants, of which those that cannot differ share theirs.
#[derive(Debug)]
pub struct Shared {
    ledgers: Vec<Ledger>,
    // By variant: which of the replayed ones is like it.
    like: Vec<usize>,
}

impl Shared {
    /// As [`replay_all`] gives them: variant by variant, and parent by parent.
    pub fn iter(&self) -> impl Iterator<Item = &Ledger> {
        let replayed = self.like.iter().max().map_or(1, |last| last + 1);
        let parents = self.ledgers.len() / replayed;
        self.like.iter().flat_map(move |&at| &self.ledgers[at * parents..][..parents])
    }

    /// How many replays are behind them.
    #[must_use]
    pub fn replays(&self) -> usize {
        self.ledgers.len()
    }

    /// One of every variant, as [`replay_all`] gives them.
    #[must_use]
    pub fn none(ledgers: Vec<Ledger>, variants: usize) -> Self {
        Self { ledgers, like: (0..variants).collect() }
    }
}

/// Tells of as many replays as were asked for, whatever is really done.
struct Scaled<'a> {
    observer: &'a mut dyn Observer,
    counted: usize,
    replayed: usize,
}

impl Observer for Scaled<'_> {
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        let scale = |count: usize| count * self.counted / self.replayed.max(1);
        self.observer.observe(scale(done), scale(total))
    }
}

/// As [`replay_all`], but variants that cannot differ are replayed once: what comes of it is the same to the byte.
///
/// # Errors
///
/// As [`replay_all`].
pub fn replay_distinct(
    tape: &Tape<'_>,
    parents: &[Parent],
    variants: &[Variant],
    record: bool,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Shared> {
    let (mut first, mut like) = (Vec::new(), Vec::with_capacity(variants.len()));
    // By what decides, the places in `first`: one for each market in which it does, so that the work grows with the variants.
    let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
    for (variant, Variant { market, plan }) in variants.iter().enumerate() {
        let plain = plan.plainest();
        let mut places = plain.map(|plain| known.entry(fingerprint(&plain)).or_default());
        let alike = |&&place: &&usize| {
            let (other, decides): (usize, Option<BuiltIn>) = first[place];
            decides == plain && variants[other].market == *market
        };
        let found = places.as_deref().and_then(|places| places.iter().find(alike).copied());
        like.push(found.unwrap_or(first.len()));
        if found.is_none() {
            if let Some(places) = &mut places {
                places.push(first.len());
            }
            first.push((variant, plain));
        }
    }
    let distinct: Vec<Variant> = first.iter().map(|&(variant, _)| variants[variant].clone()).collect();
    let mut scaled = Scaled { observer, counted: variants.len(), replayed: distinct.len() };
    let ledgers = replay_all(tape, parents, &distinct, record, threads, &mut scaled).map_err(|error| match error {
        Error::Replay { variant, parent, source } => Error::Replay { variant: first[variant].0, parent, source },
        other => other,
    })?;
    Ok(Shared { ledgers, like })
}

/// A number that is the same for policies that are the same: their settings as text, which tells floats apart to the bit.
fn fingerprint(policy: &BuiltIn) -> u64 {
    struct Hashed(DefaultHasher);
    impl fmt::Write for Hashed {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hashed = Hashed(DefaultHasher::new());
    fmt::write(&mut hashed, format_args!("{policy:?}")).unwrap_or_else(|_| unreachable!("a hasher takes any text"));
    hashed.0.finish()
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
