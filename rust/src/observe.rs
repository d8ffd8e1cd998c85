//! Progress and stop, without knowing who watches.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Watches a long call from the thread that made it.
pub trait Observer {
    /// `done` of `total` pieces are finished. Called at most about 20 times a second, and once at the end;
    /// `Break` stops the call.
    fn observe(&mut self, done: usize, total: usize) -> ControlFlow<()>;
}

/// Asked now and then by work that may take long: whether to stop. Cheap to ask and to copy.
#[derive(Clone, Copy)]
pub struct Stop<'a>(&'a (dyn Fn() -> ControlFlow<()> + 'a));

impl<'a> Stop<'a> {
    /// Stops nothing.
    pub const NEVER: Stop<'static> = Stop(&|| ControlFlow::Continue(()));

    /// Stops once `asked` breaks.
    #[must_use]
    pub fn new(asked: &'a (dyn Fn() -> ControlFlow<()> + 'a)) -> Self {
        Self(asked)
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when not.
    pub fn check(self) -> Result<()> {
        if (self.0)().is_break() { Err(Error::Stopped) } else { Ok(()) }
    }
}

impl fmt::Debug for Stop<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stop")
    }
}

/// How often the calling thread looks at the observer.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Calls an observer when the clock says so.
pub(crate) struct Watch<'a> {
    observer: RefCell<&'a mut dyn Observer>,
    /// Finished pieces.
    pub(crate) done: Cell<usize>,
    /// All pieces.
    pub(crate) total: usize,
    last: Cell<Instant>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer, total: usize) -> Self {
        Self { observer: RefCell::new(observer), done: Cell::new(0), total, last: Cell::new(Instant::now()) }
    }

    pub(crate) fn poll(&self) -> ControlFlow<()> {
        if self.last.get().elapsed() < POLL {
            return ControlFlow::Continue(());
        }
        self.last.set(Instant::now());
        self.finish()
    }

    pub(crate) fn finish(&self) -> ControlFlow<()> {
        self.observer.borrow_mut().observe(self.done.get(), self.total)
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
