//! Resting orders: a limit order behind a queue, as quotes and trades let us see that queue (rule C10).
//!
//! What is displayed says how many shares stand at our price, not where we stand among them. A trade at our price came
//! off the front. Of any other decrease nobody knows where it came off; the [`QueueModel`] decides:
//!
//! - `Optimistic`: all of it stood ahead of us;
//! - `Pessimistic`: none did, as long as the shares ahead fit into what is still displayed;
//! - `Expected`: its share of the queue did. Without a trade tape, half of a decrease is taken for a trade first.
//!
//! On a tape with one record per event and all trades, printed no later than the decrease they cause, the order would really have been filled between the pessimistic
//! and the optimistic shares, had the rest of the tape stayed as it was. Three readings make that so: while a better
//! price hides our level, orders ahead may leave unseen, so the optimistic queue is empty when the level shows again;
//! once the other side reaches our price, sellers keep coming unseen, so the optimistic order is filled whole, the others
//! get the shares that newly show; and without a trade tape every decrease may have been a trade, and so fills an
//! optimistic order whose queue is exhausted.
//!
//! Prices are *own-side keys*: the signed price under which the book keeps the side we post on, so that lower is nearer to
//! the market for a buy and a sell alike.

use std::cmp::Ordering;

use crate::quote::{Quote, reaches};
use crate::units::{Nanos, Shares, Time};

/// What part of a decrease that no trade explains stood ahead of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueModel {
    /// None of it.
    Pessimistic,
    /// In proportion to what is ahead of us.
    Expected,
    /// All of it.
    Optimistic,
}

/// A limit order resting at one venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Resting {
    model: QueueModel,
    traded: bool,
    key: Nanos,
    left: Shares,
    // What the model believes stands ahead. It never grows: nobody can come ahead of us.
    ahead: Shares,
    // Size displayed at our price when it was last seen: nothing where the venue's own side is worse.
    shown: Shares,
    // The venue's own side is better: our level cannot be seen.
    hidden: bool,
    // Shares printed at our price that no decrease has matched yet, and since when the venue has shown a new size.
    unmatched: Shares,
    matched_at: Option<Time>,
    // Within one time stamp: shares of trades that the queue ahead took, and that filled us.
    now: Time,
    absorbed: Shares,
    printed: Shares,
    // Other-side levels that reach our price: their keys and last displayed sizes.
    reaching: Vec<(Nanos, Shares)>,
}

/// How a limit order meets the venue's book.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Own-side key of its price.
    pub key: Nanos,
    /// Shares.
    pub quantity: Shares,
    /// Shares displayed at that price when it was decided.
    pub seen: Shares,
    /// The venue's own-side quote.
    pub own: Quote,
    /// The venue's other-side quote.
    pub other: Quote,
}

impl Resting {
    /// Joins the queue. `None` when the other side is at or through its price: the order only adds liquidity.
    /// `traded` says whether the tape has trades.
    #[must_use]
    pub fn join(model: QueueModel, traded: bool, now: Time, arrival: &Arrival) -> Option<Self> {
        let Arrival { key, quantity, seen, own, other } = *arrival;
        if reaches(other.key, key) {
            return None;
        }
        let (hidden, shown) = match own.key.cmp(&key) {
            Ordering::Equal => (false, Shares::from(own.size)),
            Ordering::Less => (true, seen),
            Ordering::Greater => (false, 0),
        };
        let ahead = match model {
            // Nobody sees who stands there now.
            QueueModel::Optimistic if hidden => 0,
            QueueModel::Pessimistic if hidden => Shares::MAX,
            _ => shown,
        };
        Some(Self {
            model,
            traded,
            key,
            left: quantity,
            ahead,
            shown,
            hidden,
            unmatched: 0,
            matched_at: None,
            now,
            absorbed: 0,
            printed: 0,
            reaching: Vec::new(),
        })
    }

    /// Own-side key of its price.
    #[must_use]
    pub fn key(&self) -> Nanos {
        self.key
    }

    /// Shares not yet filled.
    #[must_use]
    pub fn left(&self) -> Shares {
        self.left
    }

    /// Shares ahead of it in the queue.
    #[must_use]
    pub fn ahead(&self) -> Shares {
        self.ahead
    }

    /// A trade of `size` shares at its venue, with its price as own-side key, while the venue's other side shows
    /// `other`; the shares it fills.
    pub fn trade(&mut self, now: Time, key: Nanos, size: Shares, other: Nanos) -> Shares {
        self.turn_to(now);
        let bought_from_other_side = reaches(other, key);
        if key < self.key || bought_from_other_side {
            return 0;
        }
        if key > self.key {
            self.ahead = 0;
            return self.print(size);
        }
        self.expire_unmatched(now);
        self.matched_at = None;
        self.unmatched += size;
        let absorbed = size.min(self.ahead);
        self.ahead -= absorbed;
        self.absorbed += absorbed;
        self.print(size - absorbed)
    }

    /// A record of its venue: the own-side and the other-side quote before and after; the shares it fills.
    #[inline]
    pub fn record(&mut self, now: Time, own: (Quote, Quote), other: (Quote, Quote)) -> Shares {
        self.turn_to(now);
        let before = self.left;
        if own.0 != own.1 {
            self.own_side(now, own.1);
        }
        if other.0 != other.1 {
            self.other_side(other.1);
        }
        before - self.left
    }

    fn own_side(&mut self, now: Time, quote: Quote) {
        let optimistic = self.model == QueueModel::Optimistic;
        if quote.key < self.key {
            self.hidden = true;
            if optimistic {
                self.ahead = 0; // they may leave unseen
            }
            return;
        }
        let size = if quote.key == self.key { Shares::from(quote.size) } else { 0 };
        if self.hidden {
            self.reappear(size);
        } else if size != self.shown {
            self.resize(now, size);
        }
        self.shown = size;
        self.ahead = self.ahead.min(size);
        if optimistic && !self.traded && size == 0 {
            self.fill(self.left); // a sweep leaves no other trace
        }
    }

    /// Our level can be seen again.
    fn reappear(&mut self, size: Shares) {
        let gone = (self.shown - size - self.unmatched).max(0);
        if self.model == QueueModel::Expected {
            self.thin(gone, self.shown); // sellers met the better price
        } else {
            self.recede(gone);
        }
        self.hidden = false;
        self.unmatched = 0;
        self.matched_at = None;
        if self.model == QueueModel::Optimistic {
            if self.traded {
                // Any trade of this time stamp may have met us in front.
                let filled = self.fill(self.absorbed);
                self.absorbed -= filled;
            } else {
                self.fill(self.left);
            }
        }
    }

    /// Our level shows another size, or is gone.
    fn resize(&mut self, now: Time, size: Shares) {
        self.expire_unmatched(now);
        let gone = (self.shown - size).max(0);
        let explained = gone.min(self.unmatched);
        self.unmatched -= explained;
        self.recede(gone - explained);
        self.matched_at = Some(now);
    }

    fn other_side(&mut self, quote: Quote) {
        if !reaches(quote.key, self.key) {
            self.reaching.clear();
            return;
        }
        self.ahead = 0;
        self.reaching.retain(|&(key, _)| key >= quote.key); // better ones are gone
        let size = Shares::from(quote.size);
        let known = self.reaching.iter_mut().find(|(key, _)| *key == quote.key);
        let fresh = if let Some((_, shown)) = known {
            (size - std::mem::replace(shown, size)).max(0)
        } else {
            self.reaching.push((quote.key, size));
            size
        };
        match self.model {
            QueueModel::Optimistic => self.fill(self.left),
            QueueModel::Expected => self.fill(fresh),
            QueueModel::Pessimistic => {
                // Within one time stamp these may be the shares whose sale has just been printed.
                let counted = fresh.min(self.printed);
                self.printed -= counted;
                self.fill(fresh - counted)
            }
        };
    }

    /// A decrease of `shares` that no trade explains.
    fn recede(&mut self, shares: Shares) {
        match self.model {
            QueueModel::Pessimistic => {}
            QueueModel::Expected if self.traded => self.thin(shares, self.shown),
            QueueModel::Expected => {
                // Nobody knows which decreases are trades: half of each is taken for one.
                let traded = round_half_even(i128::from(shares), 2);
                let absorbed = traded.min(self.ahead);
                self.ahead -= absorbed;
                self.fill(traded - absorbed);
                self.thin(shares - traded, self.shown - traded);
            }
            QueueModel::Optimistic => {
                let gone = shares.min(self.ahead);
                self.ahead -= gone;
                let beyond = shares - gone;
                if self.traded {
                    // Within one time stamp they may have left before the trade came.
                    let filled = self.fill(beyond.min(self.absorbed));
                    self.absorbed -= filled;
                } else {
                    self.fill(beyond);
                }
            }
        }
    }

    /// `shares` leave a queue of `queue` from anywhere: in proportion from ahead of us.
    fn thin(&mut self, shares: Shares, queue: Shares) {
        if queue > 0 {
            let part = i128::from(shares) * i128::from(self.ahead);
            self.ahead -= round_half_even(part, i128::from(queue)).min(self.ahead);
        }
    }

    fn print(&mut self, shares: Shares) -> Shares {
        let filled = self.fill(shares);
        self.printed += filled;
        filled
    }

    fn fill(&mut self, shares: Shares) -> Shares {
        let filled = shares.min(self.left);
        self.left -= filled;
        filled
    }

    /// Trades matter until the venue has shown a new size at a time and changes it again later: their decrease is in that.
    fn expire_unmatched(&mut self, now: Time) {
        if self.matched_at.is_some_and(|matched| matched < now) {
            self.unmatched = 0;
        }
    }

    #[inline]
    fn turn_to(&mut self, now: Time) {
        if self.now != now {
            self.now = now;
            self.absorbed = 0;
            self.printed = 0;
        }
    }
}

/// `part / whole`, half to even; both not negative, `whole` positive.
fn round_half_even(part: i128, whole: i128) -> Shares {
    let (quotient, remainder) = (part / whole, part % whole);
    let up = match (2 * remainder).cmp(&whole) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 == 1,
    };
    (quotient + i128::from(up)) as Shares
}
