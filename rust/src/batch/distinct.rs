//! Never the same replay twice: variants that cannot differ share one, and so do, order by order, routers that turn out to
//! have made the same decisions (rule A5).

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::batch::{Batch, Variant, run_all};
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::market::Tape;
use crate::observe::{Observer, Stop, Watch};
use crate::order::Parent;
use crate::policy::{BuiltIn, Lowest, StaticRouter};

/// The ledgers of variants, of which those that cannot differ share theirs.
#[derive(Debug)]
pub struct Shared {
    ledgers: Vec<Ledger>,
    // By variant and parent: which of the ledgers is its own.
    places: Vec<usize>,
}

impl Shared {
    /// As [`replay_all`](super::replay_all) gives them: variant by variant, and parent by parent.
    pub fn iter(&self) -> impl Iterator<Item = &Ledger> {
        self.places.iter().map(|&place| &self.ledgers[place])
    }

    /// How many replays are behind them.
    #[must_use]
    pub fn replays(&self) -> usize {
        self.ledgers.len()
    }

    /// One of every variant and parent, as [`replay_all`](super::replay_all) gives them.
    #[must_use]
    pub fn none(ledgers: Vec<Ledger>) -> Self {
        let places = (0..ledgers.len()).collect();
        Self { ledgers, places }
    }
}

/// Tells of as many replays as were asked for, whatever is really done.
struct Scaled<'a> {
    observer: &'a mut dyn Observer,
    counted: usize,
}

impl Observer for Scaled<'_> {
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self.observer.observe(done * self.counted / total.max(1), self.counted)
    }
}

/// As [`replay_all`](super::replay_all), but nothing is replayed twice: what comes of it is the same to the byte.
///
/// # Errors
///
/// As [`replay_all`](super::replay_all).
pub fn replay_distinct(
    tape: &Tape<'_>,
    parents: &[Parent],
    variants: &[Variant],
    record: bool,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Shared> {
    let plain: Vec<_> = variants.iter().map(|variant| variant.plan.plainest()).collect();
    let Classes { first, like } = Classes::of(variants, &plain);
    let chosen: Vec<Variant> = first.iter().map(|&variant| variants[variant].clone()).collect();
    let decides: Vec<_> = first.iter().map(|&variant| plain[variant]).collect();
    let families = families(&chosen, &decides, record);
    let mut scaled = Scaled { observer, counted: variants.len() * parents.len() };
    let found = replay_families(tape, parents, &chosen, &families, record, threads, &mut scaled);
    let found = found.map_err(|error| match error {
        Error::Replay { variant, parent, source } => Error::Replay { variant: first[variant], parent, source },
        other => other,
    })?;
    let places = like.iter().flat_map(|&at| &found.places[at * parents.len()..][..parents.len()]).copied().collect();
    Ok(Shared { ledgers: found.ledgers, places })
}

/// Variants in classes of those that decide alike in like markets.
struct Classes {
    // By class: its first variant.
    first: Vec<usize>,
    // By variant: its class.
    like: Vec<usize>,
}

impl Classes {
    /// By what decides; of a variant of which that is not known there is no other.
    fn of(variants: &[Variant], decides: &[Option<BuiltIn>]) -> Self {
        let (mut first, mut like) = (Vec::new(), Vec::with_capacity(variants.len()));
        // By what decides, one class for each market in which it does, so that the work grows with the variants.
        let mut known: HashMap<u64, Vec<usize>> = HashMap::new();
        for (variant, (Variant { market, .. }, key)) in variants.iter().zip(decides).enumerate() {
            let mut places = key.map(|key| known.entry(fingerprint(&key)).or_default());
            let alike = |&&class: &&usize| {
                let other: usize = first[class];
                decides[other] == *key && variants[other].market == *market
            };
            let found = places.as_deref().and_then(|places| places.iter().find(alike).copied());
            like.push(found.unwrap_or(first.len()));
            if found.is_none() {
                if let Some(places) = &mut places {
                    places.push(first.len());
                }
                first.push(variant);
            }
        }
        Self { first, like }
    }
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

/// Variants that differ in nothing but their limits, in ascending order of these; or one of any kind.
struct Family {
    members: Vec<(usize, Option<StaticRouter>)>,
    limits: Vec<f64>,
}

/// Every variant in its family. The rows of children tell of their router's limit, so that with rows every family is of one;
/// and so it is where a model of the caller's own is asked, as often as it would be without families.
fn families(variants: &[Variant], decides: &[Option<BuiltIn>], record: bool) -> Vec<Family> {
    let limited = variants.iter().zip(decides).map(|(variant, key)| match key {
        Some(BuiltIn::Static(router)) if !record && !variant.stays_on_caller() => {
            router.limit().map(|(rest, limit)| (*router, rest, limit))
        }
        _ => None,
    });
    let limited: Vec<Option<(StaticRouter, StaticRouter, f64)>> = limited.collect();
    let rests: Vec<_> = limited.iter().map(|limited| limited.map(|(_, rest, _)| BuiltIn::Static(rest))).collect();
    let Classes { first, like } = Classes::of(variants, &rests);
    let mut members = vec![Vec::new(); first.len()];
    for (variant, (&class, limited)) in like.iter().zip(&limited).enumerate() {
        let (router, limit) = limited.map_or((None, 0.0), |(router, _, limit)| (Some(router), limit));
        members[class].push((limit, variant, router));
    }
    let sorted = members.into_iter().map(|mut members| {
        members.sort_by(|(limit, ..), (other, ..)| limit.total_cmp(other));
        Family {
            limits: members.iter().map(|&(limit, ..)| limit).collect(),
            members: members.into_iter().map(|(_, variant, router)| (variant, router)).collect(),
        }
    });
    sorted.collect()
}

/// Jobs for every thread where there are enough members, so that one order at many points keeps all of them busy.
const JOBS_PER_THREAD: usize = 4;

/// Replays every parent under the members of every family.
fn replay_families(
    tape: &Tape<'_>,
    parents: &[Parent],
    variants: &[Variant],
    families: &[Family],
    record: bool,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Shared> {
    let wanted = if threads > 1 { threads * JOBS_PER_THREAD } else { 1 };
    let parts = wanted.div_ceil((families.len() * parents.len()).max(1));
    let mut jobs: Vec<(&Family, Range<usize>, usize)> = Vec::new();
    for family in families {
        let (count, parts) = (family.members.len(), parts.min(family.members.len()));
        for parent in 0..parents.len() {
            jobs.extend((0..parts).map(|part| (family, part * count / parts..(part + 1) * count / parts, parent)));
        }
    }
    let watch = Watch::new(observer, jobs.len());
    let batch = Batch::new(tape, parents, variants, record, &watch)?;
    let on_caller = |job: usize| variants[jobs[job].0.members[0].0].stays_on_caller();
    let earliest = AtomicUsize::new(usize::MAX);
    let found = run_all(&watch, threads, on_caller, |job, stop| {
        let (family, members, parent) = &jobs[job];
        family.replay(&batch, members.clone(), *parent, &earliest, stop)
    })?;
    let (mut ledgers, mut places) = (Vec::new(), vec![0; variants.len() * parents.len()]);
    for ((family, _, parent), found) in jobs.iter().zip(found) {
        for Alike { members, ledger } in found {
            let place = family.place(&batch, members.start, *parent);
            match ledger {
                Err(error) if place == earliest.load(Ordering::Relaxed) => return Err(error),
                Err(_) => {}
                Ok(ledger) => {
                    for member in members {
                        places[family.place(&batch, member, *parent)] = ledgers.len();
                    }
                    ledgers.push(ledger);
                }
            }
        }
    }
    Ok(Shared { ledgers, places })
}

/// Members of a family that do the same on an order, and what comes of it.
struct Alike {
    members: Range<usize>,
    ledger: Result<Ledger>,
}

impl Family {
    /// A parent under some members, from the lowest limit up. `earliest` is the place of the first replay of all that is
    /// known to fail: none that comes after it is begun.
    fn replay(
        &self,
        batch: &Batch<'_>,
        mut members: Range<usize>,
        parent: usize,
        earliest: &AtomicUsize,
        stop: Stop<'_>,
    ) -> Result<Vec<Alike>> {
        let mut found = Vec::new();
        while !members.is_empty() {
            let (start, place) = (members.start, self.place(batch, members.start, parent));
            members.start += 1;
            if place > earliest.load(Ordering::Relaxed) {
                continue;
            }
            let (variant, router) = self.members[start];
            let mut plan = &*batch.variants[variant].plan;
            let lowest = router.map(|router| Lowest::new(router, &self.limits[start..members.end]));
            if let Some(lowest) = &lowest {
                plan = lowest;
            }
            let ledger = batch.replay(variant, plan, parent, stop);
            match &ledger {
                Ok(_) => members.start = start + lowest.map_or(1, |lowest| lowest.alike()),
                Err(Error::Stopped) => return Err(Error::Stopped),
                Err(_) => {
                    earliest.fetch_min(place, Ordering::Relaxed);
                }
            }
            found.push(Alike { members: start..members.start, ledger });
        }
        Ok(found)
    }

    /// Where a member's ledger of a parent is in order.
    fn place(&self, batch: &Batch<'_>, member: usize, parent: usize) -> usize {
        self.members[member].0 * batch.parents.len() + parent
    }
}
