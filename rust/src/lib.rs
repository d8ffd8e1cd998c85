//! Smart order routing over recorded quotes.
//!
//! A parent order of `Q` shares must be executed over several venues between a start and an end. At every snapshot of
//! the consolidated book the router splits what is left, `S`, by minimising Cont & Kukanov's cost
//!
//! ```text
//!   sum_i [ t_i * (s*(p_i - b) + f_i) - (x_i - t_i) * r_i ]
//!     + lambda_under * (S - A)+  +  lambda_over * (A - S)+  +  theta * ((S - A)+ + (A - S)+)
//!
//!   over  x_i in {0, L, 2L, ...},  x_i <= a_i,      t_i = min(x_i, a_i),   A = sum t_i
//! ```
//!
//! with price `p_i`, available `a_i`, taker fee `f_i` and maker rebate `r_i` of venue `i`, benchmark `b` and side `s`.
//! What is not filled is carried to the next snapshot; what is left at the end is completed and charged.
//! Every number that decides is an integer ([`units`]), so every engine gives the same answer to the last nano.
//!
//! # Map
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`units`], [`error`] | the fixed-point scale; what can go wrong |
//! | [`order`], [`quote`] | a parent order; one venue's quote |
//! | [`fills`] | what a child gets when it arrives, a posted order and its queue, the walk that completes an order |
//! | [`market`] | records and snapshots, the as-of book and its depletion, what can be seen, the venues' terms |
//! | [`allocate`] | the objective, once; the exact and the exhaustive allocator |
//! | [`cont_kukanov`] | market and limit orders over random outflows, the paper's own problem |
//! | [`ledger`] | the rows and sums of one parent |
//! | [`policy`] | the routers and the baselines |
//! | [`schedule`] | how many shares are released by when, under any policy |
//! | [`engine`] | the replay of one parent |
//! | [`hindsight`] | the least possible cost, with perfect foresight |
//! | [`batch`], [`observe`] | many replays on threads; progress and stop |
//!
//! What is computed is specified rule by rule in `docs/model.md`; a rule is cited by its number (rule A1).

#![cfg_attr(not(feature = "python"), forbid(unsafe_code))]

pub mod allocate;
pub mod batch;
pub mod cont_kukanov;
pub mod engine;
pub mod error;
pub mod fills;
pub mod hindsight;
pub mod ledger;
pub mod market;
pub mod observe;
pub mod order;
pub mod policy;
#[cfg(feature = "python")]
mod python;
pub mod quote;
pub mod schedule;
pub mod units;

pub use error::{Error, Result};
