//! What can go wrong inside the core. Each variant says which argument, row or venue; the text is made late.

/// An error of the core.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number that must be finite is NaN or infinite.
    #[error("{argument} must be a finite number, got {value}")]
    NotANumber {
        /// The argument's name.
        argument: &'static str,
        /// What was given.
        value: f64,
    },
    /// A number outside what the fixed-point scale or the model allows.
    #[error("{argument} = {value} is too large for 64-bit nanos (at most about 9.2e9)")]
    OutOfRange {
        /// The argument's name.
        argument: &'static str,
        /// What was given.
        value: f64,
    },
    /// An argument that breaks a rule of the model.
    #[error("{argument} {rule}, got {value}")]
    Invalid {
        /// The argument's name.
        argument: &'static str,
        /// What would be right, as "must be ...".
        rule: &'static str,
        /// What was given.
        value: String,
    },
    /// A word that is not in its table.
    #[error("{argument} must be {}, got {value:?}", alternatives(names))]
    Unknown {
        /// The argument's name.
        argument: &'static str,
        /// What it may be.
        names: &'static [&'static str],
        /// What was given.
        value: String,
    },
    /// The exhaustive allocator would enumerate more candidates than allowed (rule A4).
    #[error(
        "solver=\"exhaustive\" would enumerate {candidates} candidates, more than max_candidates = {limit}; \
         use solver=\"exact\", a larger lot, or raise max_candidates"
    )]
    TooManyCandidates {
        /// How many there are (saturating).
        candidates: u128,
        /// The caller's bound.
        limit: u64,
    },
    /// A sum of money does not fit the 64 bits of a result column.
    #[error(
        "quantity of order {parent} is too large: its {what} does not fit 64-bit nanos (9.2 billion in currency); split the order"
    )]
    MoneyOverflow {
        /// Which column.
        what: &'static str,
        /// Index of the parent order.
        parent: usize,
    },
    /// An order of a policy that breaks a rule.
    #[error("the policy's {argument} at {ts} ns since the epoch {why}")]
    Order {
        /// When it was decided.
        ts: i64,
        /// Which part of the order.
        argument: &'static str,
        /// What would be right and what was given.
        why: String,
    },
    /// A policy from outside failed; whoever runs it knows more.
    #[error("the policy failed at {ts} ns since the epoch: {why}")]
    Policy {
        /// When it was asked or told.
        ts: i64,
        /// What it says itself.
        why: String,
    },
    /// A fill model from outside failed, or answered what cannot be; whoever runs it knows more.
    #[error("the fill model failed at {ts} ns since the epoch: {why}")]
    Fill {
        /// When the child met its quote, or was planned on it.
        ts: i64,
        /// What it says itself, or what would be right and what it answered.
        why: String,
    },
    /// A policy's failure, or its order that breaks a rule, in one of many replays.
    #[error("order {parent} under policy {variant}: {source}")]
    Replay {
        /// Index of the variant.
        variant: usize,
        /// Index of the parent order.
        parent: usize,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// The observer asked to stop (Ctrl-C, or a progress callback that raised).
    #[error("stopped")]
    Stopped,
}

/// The core's result.
pub type Result<T> = std::result::Result<T, Error>;

/// An argument that must be a finite number.
pub(crate) fn finite(argument: &'static str, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::NotANumber { argument, value }) }
}

/// An argument that must obey a rule.
pub(crate) fn require(
    holds: bool,
    argument: &'static str,
    rule: &'static str,
    value: impl FnOnce() -> String,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Invalid { argument, rule, value: value() }) }
}

/// `"a", "b" or "c"`.
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
