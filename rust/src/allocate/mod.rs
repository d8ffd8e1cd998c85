//! Allocators: which venue gets how much (MODEL section 3, F4).

pub mod curves;
