//! Progress and stop, without knowing who watches.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Watches a long call from the thread that made it.
pub trait Observer {
    /// `done` of `total` pieces are finished. Called at most about 20 times a second, and once at the end;
    /// `Break` stops the call.
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()>;
}

/// Asked now and then by work that may take long: whether to go on. Cheap, and callable from any thread.
pub type KeepGoing<'a> = dyn Fn() -> ControlFlow<()> + 'a;

/// Always goes on.
pub fn always() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// How often the calling thread looks at the observer.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Calls an observer when the clock says so.
pub(crate) struct Watch<'a> {
    observer: &'a mut dyn Observer,
    /// Finished pieces.
    pub(crate) done: usize,
    /// All pieces.
    pub(crate) total: usize,
    last: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer, total: usize) -> Self {
        Self { observer, done: 0, total, last: Instant::now() }
    }

    pub(crate) fn poll(&mut self) -> ControlFlow<()> {
        if self.last.elapsed() < POLL {
            return ControlFlow::Continue(());
        }
        self.last = Instant::now();
        self.observer.observe(self.done, self.total)
    }

    pub(crate) fn finish(self) -> ControlFlow<()> {
        self.observer.observe(self.done, self.total)
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&mut self, _: usize, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
