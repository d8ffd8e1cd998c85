//! The memoised branch and bound over the choices that the bound leaves open.

thread_local! { static CAP: usize = std::env::var("CAP").map_or(512, |s| s.parse().unwrap()); }
use super::dual::{Int, Multipliers};

/// A number of lots that a venue may still get.
#[derive(Clone, Copy, Debug)]
struct Choice<T> {
    lots: i64,
    shares: i64,
    /// Reduced cost, `>= 0`.
    excess: T,
}

/// The least and the most that the venues from some venue on can add.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    min_lots: i64,
    max_lots: i64,
    min_shares: i64,
    max_shares: i64,
}

/// What the venues from `venue` on have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    venue: usize,
    lots_left: i64,
    shares_left: i64,
}

/// What is known of a state's least cost.
#[derive(Clone, Copy, Debug)]
enum Known<T> {
    /// The least cost, and the choice that attains it.
    Exactly(T, usize),
    /// The least cost is this or more.
    AtLeast(T),
}

/// A state under search.
#[derive(Clone, Copy, Debug)]
struct Frame<T> {
    state: State,
    /// The next choice to try.
    next: usize,
    /// What entering the child under search costs.
    step: T,
    /// Only totals below this count.
    limit: T,
    /// The best so far.
    found: Option<(T, usize)>,
}

/// Prices of what is left over at the end; all `>= 0`.
#[derive(Clone, Copy, Debug, Default)]
struct Rates<T> {
    lot: T,
    short: T,
    long: T,
}

/// Lots of the tail venues together: those that share `(lots, shares)` are one entry, the best of them.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    lots: i64,
    shares: i64,
    excess: T,
    /// The choice at the first of the venues, and the entry of the venues after it.
    choice: usize,
    next: usize,
}

/// Workspace of the search.
#[derive(Clone, Debug, Default)]
pub(super) struct Search<T> {
    choices: Vec<Choice<T>>,
    ends: Vec<usize>,
    reach: Vec<Reach>,
    rates: Rates<T>,
    frames: Vec<Frame<T>>,
    memo: Memo<T>,
    /// Venues that are searched; those after them are the tail.
    head: usize,
    /// Tails from the last venue backwards, each in lexicographic order.
    entries: Vec<Entry<T>>,
    /// `(shares, entry)` of the whole tail, ascending.
    by_shares: Vec<(i64, usize)>,
    pub(super) expanded: u64,
}

impl<T: Int> Search<T> {
    /// Forgets the venues.
    pub(super) fn reset(&mut self, multipliers: Multipliers<T>, under: i64, over: i64) {
        self.choices.clear();
        self.ends.clear();
        self.memo.clear();
        self.rates = Rates {
            lot: multipliers.lot,
            short: T::from(under) - multipliers.share,
            long: T::from(over) + multipliers.share,
        };
    }

    /// Adds a choice to the venue under construction, in ascending lots.
    pub(super) fn choice(&mut self, lots: i64, shares: i64, excess: T) {
        self.choices.push(Choice { lots, shares, excess });
    }

    /// Ends the venue under construction.
    pub(super) fn end_venue(&mut self) {
        self.ends.push(self.choices.len());
    }

    /// The lexicographically smallest lots of least excess, if that is at most `limit`.
    pub(super) fn solve(&mut self, cap: i64, remaining: i64, limit: T, out: &mut Vec<usize>) -> Option<T> {
        self.measure();
        let (entry, root) = self.enter(0, cap, remaining)?;
        let limit = limit + T::from(1);
        if entry >= limit {
            return None;
        }
        self.build_tail(limit - T::from(1));
        let value = self.value(root, limit - entry)?;
        out.clear();
        let mut state = root;
        while state.venue < self.head {
            let Some(Known::Exactly(_, choice)) = self.memo.get(&state) else {
                unreachable!("a solved state's path is solved")
            };
            let c = self.choices[choice];
            out.push(c.lots as usize);
            (_, state) = self.enter(state.venue + 1, state.lots_left - c.lots, state.shares_left - c.shares)?;
        }
        let (_, mut at) = self.finish(&state, limit)?;
        while self.entries[at].next != at {
            out.push(self.choices[self.entries[at].choice].lots as usize);
            at = self.entries[at].next;
        }
        Some(entry + value)
    }

    fn build_tail(&mut self, limit: T) {
        let venues = self.ends.len();
        self.entries.clear();
        self.entries.push(Entry { lots: 0, shares: 0, excess: T::default(), choice: 0, next: 0 });
        let mut last = 0..1;
        self.head = venues;
        let cap: usize = CAP.with(|c| *c);
        while self.head > venues.div_ceil(2) {
            let venue = self.head - 1;
            let start = self.entries.len();
            let mut full = false;
            'grow: for choice in self.start(venue)..self.ends[venue] {
                let c = self.choices[choice];
                for next in last.clone() {
                    let e = self.entries[next];
                    let excess = c.excess + e.excess;
                    if excess > limit {
                        continue;
                    }
                    let (lots, shares) = (c.lots + e.lots, c.shares + e.shares);
                    let state = State { venue, lots_left: lots, shares_left: shares };
                    match self.memo.get(&state) {
                        Some(Known::Exactly(best, _)) if best <= excess => continue,
                        Some(Known::Exactly(_, at)) => self.entries[at].excess = limit + T::from(1),
                        _ => {}
                    }
                    if self.entries.len() - start == cap {
                        full = true;
                        break 'grow;
                    }
                    self.memo.set(state, Known::Exactly(excess, self.entries.len()));
                    self.entries.push(Entry { lots, shares, excess, choice, next });
                }
            }
            if full {
                self.entries.truncate(start);
                break;
            }
            last = start..self.entries.len();
            self.head = venue;
        }
        self.memo.clear();
        self.by_shares.clear();
        let alive = last.filter(|&i| self.entries[i].excess <= limit);
        self.by_shares.extend(alive.map(|i| (self.entries[i].shares, i)));
        self.by_shares.sort_unstable();
        for venue in 0..self.head {
            let range = self.start(venue)..self.ends[venue];
            self.choices[range].sort_by_key(|c| c.excess);
        }
    }

    /// The least cost of the tail from a state and its entry, if below `limit`.
    fn finish(&self, state: &State, mut limit: T) -> Option<(T, usize)> {
        let mut found: Option<(T, usize)> = None;
        let mut look = |at: usize, penalty: T, limit: &mut T| {
            let e = &self.entries[at];
            if e.lots <= state.lots_left {
                let cost = e.excess + penalty + self.rates.lot * T::from(state.lots_left - e.lots);
                if cost < *limit || found.is_some_and(|(best, first)| cost == best && at < first) {
                    *limit = cost;
                    found = Some((cost, at));
                }
            }
        };
        let from = self.by_shares.partition_point(|&(shares, _)| shares < state.shares_left);
        for &(shares, at) in &self.by_shares[from..] {
            let penalty = self.rates.long * T::from(shares - state.shares_left);
            if penalty > limit {
                break;
            }
            look(at, penalty, &mut limit);
        }
        for &(shares, at) in self.by_shares[..from].iter().rev() {
            let penalty = self.rates.short * T::from(state.shares_left - shares);
            if penalty > limit {
                break;
            }
            look(at, penalty, &mut limit);
        }
        found
    }

    pub(super) fn count(&self) -> usize { self.choices.len() }

    fn measure(&mut self) {
        let venues = self.ends.len();
        self.reach.clear();
        self.reach.resize(venues + 1, Reach::default());
        for i in (0..venues).rev() {
            let choices = &self.choices[self.start(i)..self.ends[i]];
            let rest = self.reach[i + 1];
            let mut own =
                Reach { min_lots: i64::MAX, max_lots: 0, min_shares: i64::MAX, max_shares: 0 };
            for c in choices {
                own.min_lots = own.min_lots.min(c.lots);
                own.max_lots = own.max_lots.max(c.lots);
                own.min_shares = own.min_shares.min(c.shares);
                own.max_shares = own.max_shares.max(c.shares);
            }
            self.reach[i] = Reach {
                min_lots: own.min_lots + rest.min_lots,
                max_lots: own.max_lots + rest.max_lots,
                min_shares: own.min_shares + rest.min_shares,
                max_shares: own.max_shares + rest.max_shares,
            };
        }
    }

    fn start(&self, venue: usize) -> usize {
        if venue == 0 { 0 } else { self.ends[venue - 1] }
    }

    /// The state of the venues from `venue` on, in its canonical form, and the cost that is certain already.
    fn enter(&self, venue: usize, lots_left: i64, shares_left: i64) -> Option<(T, State)> {
        let reach = self.reach[venue];
        if lots_left < reach.min_lots {
            return None;
        }
        let mut cost = T::default();
        let mut state = State { venue, lots_left, shares_left };
        if lots_left > reach.max_lots {
            cost = cost + self.rates.lot * T::from(lots_left - reach.max_lots);
            state.lots_left = reach.max_lots;
        }
        if shares_left > reach.max_shares {
            cost = cost + self.rates.short * T::from(shares_left - reach.max_shares);
            state.shares_left = reach.max_shares;
        } else if shares_left < reach.min_shares {
            cost = cost + self.rates.long * T::from(reach.min_shares - shares_left);
            state.shares_left = reach.min_shares;
        }
        Some((cost, state))
    }

    /// The least cost of a state and its choice, if below `limit`.
    fn value(&mut self, root: State, limit: T) -> Option<T> {
        let head = self.head;
        if head == 0 {
            return self.finish(&root, limit).map(|(value, _)| value);
        }
        let zero = T::default();
        let two = T::from(2);
        self.frames.clear();
        self.frames.push(Frame { state: root, next: 0, step: zero, limit, found: None });
        loop {
            let depth = self.frames.len() - 1;
            let mut frame = self.frames[depth];
            let venue = frame.state.venue;
            if frame.next == 0 {
                frame.next = self.start(venue);
                self.expanded += 1;
            }
            let end = self.ends[venue];
            let mut child = None;
            while frame.next < end {
                let index = frame.next;
                let choice = self.choices[index];
                if choice.excess >= frame.limit || frame.found.is_some_and(|(best, _)| choice.excess > best || best == zero) {
                    frame.next = end;
                    break;
                }
                frame.next += 1;
                let Some((fee, state)) = self.enter(
                    venue + 1,
                    frame.state.lots_left - choice.lots,
                    frame.state.shares_left - choice.shares,
                ) else {
                    continue;
                };
                let step = choice.excess + fee;
                // Among equals the fewest lots win: the limit is exclusive unless this choice has fewer.
                let limit = match frame.found {
                    Some((best, at)) if choice.lots < self.choices[at].lots => best + T::from(1),
                    Some((best, _)) => best,
                    None => frame.limit,
                };
                if step >= limit {
                    continue;
                }
                let room = limit - step;
                if venue + 1 == head {
                    if let Some((value, _)) = self.finish(&state, room) {
                        frame.found = Some((step + value, index));
                    }
                    continue;
                }
                match self.memo.get(&state) {
                    Some(Known::Exactly(value, _)) => {
                        if value < room {
                            frame.found = Some((step + value, index));
                        }
                    }
                    Some(Known::AtLeast(least)) if least >= room => {}
                    known => {
                        let twice = match known {
                            Some(Known::AtLeast(least)) => two * least,
                            _ => zero,
                        };
                        frame.step = step;
                        child = Some(Frame { state, next: 0, step: zero, limit: room.max(twice), found: None });
                        break;
                    }
                }
            }
            self.frames[depth] = frame;
            if let Some(child) = child {
                self.frames.push(child);
                continue;
            }
            let known = match frame.found {
                Some((value, choice)) => Known::Exactly(value, choice),
                None => Known::AtLeast(frame.limit),
            };
            self.memo.set(frame.state, known);
            self.frames.pop();
            let Some(parent) = self.frames.last_mut() else {
                return frame.found.map(|(value, _)| value);
            };
            if let Some((value, _)) = frame.found {
                let total = parent.step + value;
                let index = parent.next - 1;
                let better = match parent.found {
                    Some((best, at)) => {
                        total < best || (total == best && self.choices[index].lots < self.choices[at].lots)
                    }
                    None => total < parent.limit,
                };
                if better {
                    parent.found = Some((total, index));
                }
            }
        }
    }
}

/// Hash table of states, open addressing, cleared in constant time.
#[derive(Clone, Debug, Default)]
struct Memo<T> {
    slots: Vec<Slot<T>>,
    len: usize,
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    epoch: u64,
    state: State,
    known: Known<T>,
}

impl<T: Int> Memo<T> {
    fn clear(&mut self) {
        self.epoch += 1;
        self.len = 0;
    }

    fn find(&self, state: &State) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash(state) & mask;
        while self.slots[at].epoch == self.epoch && self.slots[at].state != *state {
            at = (at + 1) & mask;
        }
        at
    }

    fn get(&self, state: &State) -> Option<Known<T>> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = &self.slots[self.find(state)];
        (slot.epoch == self.epoch).then_some(slot.known)
    }

    fn set(&mut self, state: State, known: Known<T>) {
        if 2 * (self.len + 1) > self.slots.len() {
            self.grow();
        }
        let at = self.find(&state);
        if self.slots[at].epoch != self.epoch {
            self.len += 1;
        }
        self.slots[at] = Slot { epoch: self.epoch, state, known };
    }

    fn grow(&mut self) {
        let empty = Slot { epoch: 0, state: State::default(), known: Known::AtLeast(T::default()) };
        let size = (2 * self.slots.len()).max(64);
        let old = std::mem::replace(&mut self.slots, vec![empty; size]);
        for slot in old.into_iter().filter(|slot| slot.epoch == self.epoch) {
            let at = self.find(&slot.state);
            self.slots[at] = slot;
        }
    }
}

fn hash(state: &State) -> usize {
    let key = (state.lots_left as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((state.shares_left as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
        .wrapping_add((state.venue as u64).wrapping_mul(0x1656_67B1_9E37_79F9));
    (key ^ (key >> 32)) as usize
}
