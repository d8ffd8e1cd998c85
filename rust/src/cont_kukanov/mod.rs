//! Optimal order placement in limit order markets (Cont & Kukanov, arXiv:1210.1625v4; rules C1-C8).
//!
//! A trader must buy `S` shares by time `T`. At time 0 she sends a market order of `M` shares and rests limit
//! orders of `L_1 .. L_K` shares at the best own-side quote of `K` venues, venue `k` behind a queue of `Q_k` shares.
//! Until `T`, `xi_k` shares flow out of the front of that queue, so that
//!
//! ```text
//! fill_k = min((xi_k - Q_k)+, L_k),    A = M + sum_k fill_k,
//!
//! v(X, xi) = (h + f) M - sum_k (h + r_k) fill_k + theta (M + sum_k L_k + (S - A)+)
//!          + lambda_u (S - A)+ + lambda_o (A - S)+,
//!
//! minimise    V(X) = E v(X, xi)    over    X = (M, L_1 .. L_K) >= 0,
//! ```
//!
//! in currency against the mid price. The law of `xi` is a sample of scenarios, and `V` its average: a piecewise
//! linear function, *not* convex for `K >= 2`, since a limit order that fills cannot be refused.
//!
//! - [`Parameters`] and their assumptions; [`cost()`], written once, with its one-sided derivatives;
//!   [`conditions()`], the optimality test;
//! - [`scenarios`]: the sample;
//! - [`closed_form`]: one venue (rule C4) and the market order as a quantile (rule C5);
//! - `line`: the exact cost along an exchange of shares between two orders; `descent`: local search by such moves;
//!   `kinks`: directions in which several orders move along kinks;
//! - [`solve`]: descents from several starts (rule C6);
//! - [`bound`]: the convex relaxation, a lower bound on the optimum (rule C6);
//! - [`paper`]: the paper's own stochastic approximation (rule C7).
//!
//! Floats are right here: nothing in this module enters a ledger. Every sum runs in a fixed order, on one thread, so
//! that equal input gives equal bytes.

pub mod bound;
pub mod closed_form;
mod conditions;
mod cost;
mod descent;
mod kinks;
mod line;
pub mod paper;
mod problem;
pub mod scenarios;
pub mod solve;

use crate::error::require;
pub use conditions::{Conditions, conditions};
use cost::block_sum;
pub use cost::{Cost, cost};
pub use problem::{Allocation, Parameters};
pub use scenarios::Scenarios;
