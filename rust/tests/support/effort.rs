//! How much a random test does: all of it where `SOR_TESTS` is `ci` or `all`, half of it every day.

/// How many of `count` examples this run tries.
pub(crate) fn some(count: u64) -> u64 {
    let full = std::env::var_os("SOR_TESTS").is_some_and(|set| !set.is_empty());
    if full { count } else { count / 2 }
}
