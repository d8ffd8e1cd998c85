//! Progress and stop, without knowing who watches.

use std::ops::ControlFlow;

/// Watches a long call from the thread that made it.
pub trait Observer {
    /// `done` of `total` pieces are finished. Called at most about 20 times a second, and once at the end;
    /// `Break` stops the call.
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()>;
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, _: usize, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
