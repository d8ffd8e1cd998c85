//! Smart order routing over recorded quotes.

#![cfg_attr(not(feature = "python"), forbid(unsafe_code))]

pub mod cont_kukanov;
pub mod error;
pub mod units;

pub use error::{Error, Result};
