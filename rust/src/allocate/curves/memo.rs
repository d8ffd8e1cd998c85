//! What the search knows of its states.

use super::reduced::State;

/// What is known of a state's least excess.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<T> {
    /// The least excess, and the index that attains it.
    Exactly(T, usize),
    /// The least excess is this or more.
    AtLeast(T),
}

/// Hash table of states: open addressing, at most half full, emptied in constant time, memory kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo<T> {
    slots: Vec<Slot<T>>,
    len: usize,
    /// A slot of an earlier epoch is empty.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    epoch: u64,
    state: State,
    known: Known<T>,
}

impl<T: Copy + Default> Memo<T> {
    pub(super) fn clear(&mut self) {
        self.epoch += 1;
        self.len = 0;
    }

    pub(super) fn get(&self, state: &State) -> Option<Known<T>> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = &self.slots[self.find(state)];
        (slot.epoch == self.epoch).then_some(slot.known)
    }

    pub(super) fn set(&mut self, state: State, known: Known<T>) {
        if 2 * (self.len + 1) > self.slots.len() {
            self.grow();
        }
        let at = self.find(&state);
        if self.slots[at].epoch != self.epoch {
            self.len += 1;
        }
        self.slots[at] = Slot { epoch: self.epoch, state, known };
    }

    /// The slot of a state, or the empty one where it belongs.
    fn find(&self, state: &State) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash(state) & mask;
        while self.slots[at].epoch == self.epoch && self.slots[at].state != *state {
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        // Epoch 0 is over before the first entry: `clear` comes first.
        let empty = Slot { epoch: 0, state: State::default(), known: Known::AtLeast(T::default()) };
        let size = (2 * self.slots.len()).max(64);
        let old = std::mem::replace(&mut self.slots, vec![empty; size]);
        for slot in old.into_iter().filter(|slot| slot.epoch == self.epoch) {
            let at = self.find(&slot.state);
            self.slots[at] = slot;
        }
    }
}

/// Multiplicative hashing by odd 64-bit constants; the high bits, which depend on every input bit, are folded down.
fn hash(state: &State) -> usize {
    let key = (state.lots_left as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((state.shares_left as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
        .wrapping_add((state.venue as u64).wrapping_mul(0x1656_67B1_9E37_79F9));
    (key ^ (key >> 32)) as usize
}
