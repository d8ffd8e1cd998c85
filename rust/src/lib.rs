//! Smart order routing over recorded quotes.

#![cfg_attr(not(feature = "python"), forbid(unsafe_code))]

pub mod cont_kukanov;
pub mod error;
pub mod units;

#[cfg(feature = "python")]
mod python;

pub use error::{Error, Result};
