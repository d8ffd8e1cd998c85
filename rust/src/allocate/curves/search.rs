//! The memoised branch and bound over the choices that the bound leaves open.

use super::dual::Int;
use super::memo::{Known, Memo};
use super::reduced::{Reduced, State};
use super::tail::Tail;

/// A state under search.
#[derive(Clone, Copy, Debug)]
struct Frame<T> {
    state: State,
    /// The next choice to try.
    next: usize,
    /// What leads from here to the child under search.
    step: T,
    /// Only totals below this count.
    limit: T,
    /// The best so far, and its choice.
    found: Option<(T, usize)>,
}

impl<T: Int> Frame<T> {
    /// What a total by `choice` has to stay below. Among equals the fewest lots win, so that a choice of fewer lots
    /// than the best so far may equal it.
    fn bar(&self, reduced: &Reduced<T>, choice: usize) -> T {
        match self.found {
            Some((best, at)) if reduced.choices[choice].lots < reduced.choices[at].lots => best + T::from(1),
            Some((best, _)) => best,
            None => self.limit,
        }
    }

    /// Whether no later choice can be better; choices are in order of excess, then of lots.
    fn done(&self, excess: T) -> bool {
        match self.found {
            Some((best, _)) => excess > best || best == T::default(),
            None => excess >= self.limit,
        }
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The lots of least excess, the lexicographically smallest, are in the answer.
    Found,
    /// Every candidate's excess is above the limit.
    Nothing,
    /// It has taken the steps it may take.
    TooLong,
}

/// Workspace of the search. The frames are a stack of our own: any number of venues, no recursion.
#[derive(Clone, Debug, Default)]
pub(super) struct Search<T> {
    pub(super) reduced: Reduced<T>,
    tail: Tail<T>,
    memo: Memo<T>,
    frames: Vec<Frame<T>>,
    /// Choices tried and entries of the tail looked at, over all calls since it was last set to 0.
    pub(super) steps: usize,
}

impl<T: Int> Search<T> {
    /// The lexicographically smallest lots of least excess into `lots`, if that excess is at most `limit`; given up
    /// once [`Self::steps`] pass `most_steps`.
    pub(super) fn solve(
        &mut self,
        [max_lots, remaining]: [i64; 2],
        limit: T,
        most_steps: usize,
        lots: &mut Vec<usize>,
    ) -> Outcome {
        let Some((fee, root)) = self.reduced.enter(0, max_lots, remaining) else {
            return Outcome::Nothing;
        };
        let below = limit + T::from(1);
        if fee >= below {
            return Outcome::Nothing;
        }
        self.tail.build(&self.reduced, limit, &mut self.memo);
        for venue in 0..self.tail.head() {
            self.reduced.sort_by_excess(venue);
        }
        self.memo.clear();
        if self.tail.head() > 0 {
            match self.descend(root, below - fee, most_steps) {
                Outcome::Found => {}
                other => return other,
            }
        }
        if self.trace(root, below, lots) { Outcome::Found } else { Outcome::Nothing }
    }

    /// Follows the best choices from a state.
    fn trace(&self, root: State, limit: T, lots: &mut Vec<usize>) -> bool {
        lots.clear();
        let mut state = root;
        while state.venue < self.tail.head() {
            let Some(Known::Exactly(_, best)) = self.memo.get(&state) else {
                return false;
            };
            let choice = self.reduced.choices[best];
            lots.push(choice.lots as usize);
            let Some((_, next)) = self.reduced.after(state, choice) else {
                return false;
            };
            state = next;
        }
        let Some((_, entry)) = self.tail.finish(&self.reduced, &state, limit, &mut 0) else {
            return false;
        };
        lots.extend(self.tail.lots(entry));
        true
    }

    /// Finds a state's least excess, if below `limit`, and keeps it in the memo, as that of every state on the best path.
    fn descend(&mut self, root: State, limit: T, most_steps: usize) -> Outcome {
        self.frames.clear();
        self.push(root, limit);
        while let Some(mut frame) = self.frames.pop() {
            if self.steps > most_steps {
                return Outcome::TooLong;
            }
            if let Some(child) = self.advance(&mut frame, limit) {
                self.frames.push(frame);
                self.frames.push(child);
                continue;
            }
            let known = match frame.found {
                Some((value, choice)) => Known::Exactly(value, choice),
                None => Known::AtLeast(frame.limit),
            };
            self.memo.set(frame.state, known);
            if let (Some(parent), Some((value, _))) = (self.frames.last_mut(), frame.found) {
                let total = parent.step + value;
                let choice = parent.next - 1;
                if total < parent.bar(&self.reduced, choice) {
                    parent.found = Some((total, choice));
                }
            }
            if self.frames.is_empty() {
                return if frame.found.is_some() { Outcome::Found } else { Outcome::Nothing };
            }
        }
        Outcome::Nothing
    }

    fn push(&mut self, state: State, limit: T) {
        let next = self.reduced.range(state.venue).start;
        self.frames.push(Frame { state, next, step: T::default(), limit, found: None });
    }

    /// Tries a frame's choices until one needs a child that is not known well enough, or none is left.
    fn advance(&mut self, frame: &mut Frame<T>, most: T) -> Option<Frame<T>> {
        let reduced = &self.reduced;
        let end = reduced.range(frame.state.venue).end;
        while frame.next < end {
            let index = frame.next;
            let choice = reduced.choices[index];
            if frame.done(choice.excess) {
                break;
            }
            frame.next += 1;
            self.steps += 1;
            let Some((fee, state)) = reduced.after(frame.state, choice) else {
                continue;
            };
            let step = choice.excess + fee;
            let bar = frame.bar(reduced, index);
            if step >= bar {
                continue;
            }
            let room = bar - step;
            let known = if state.venue == self.tail.head() {
                match self.tail.finish(reduced, &state, room, &mut self.steps) {
                    Some((value, entry)) => Some(Known::Exactly(value, entry)),
                    None => Some(Known::AtLeast(room)),
                }
            } else {
                self.memo.get(&state)
            };
            let least = match known {
                Some(Known::Exactly(value, _)) => {
                    if value < room {
                        frame.found = Some((step + value, index));
                    }
                    continue;
                }
                Some(Known::AtLeast(least)) if least >= room => continue,
                Some(Known::AtLeast(least)) => least,
                None => T::default(),
            };
            frame.step = step;
            // Twice as far as last time, so that no state is searched more than about 64 times.
            let limit = room.max((least + least).min(most));
            let next = reduced.range(state.venue).start;
            return Some(Frame { state, next, step: T::default(), limit, found: None });
        }
        None
    }
}
