//! Opening, pausing and closing of an event source.

use tokio::sync::watch;

/// Whether a source may deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Paused,
    Closed,
}

/// The side that decides.
#[derive(Debug)]
pub(super) struct GateKeeper(watch::Sender<State>);

/// The side that asks.
#[derive(Debug, Clone)]
pub(super) struct Gate(watch::Receiver<State>);

impl GateKeeper {
    /// An open gate.
    pub(super) fn new() -> (Self, Gate) {
        let (sender, receiver) = watch::channel(State::Open);
        (Self(sender), Gate(receiver))
    }

    pub(super) fn pause(&self) {
        self.change(State::Paused);
    }

    pub(super) fn resume(&self) {
        self.change(State::Open);
    }

    /// Closes for good.
    pub(super) fn close(&self) {
        self.change(State::Closed);
    }

    pub(super) fn is_open(&self) -> bool {
        *self.0.borrow() == State::Open
    }

    fn change(&self, wanted: State) {
        self.0.send_modify(|state| {
            if *state != State::Closed {
                *state = wanted;
            }
        });
    }
}

impl Gate {
    /// Waits while paused; `false` means closed for good.
    pub(super) async fn open(&self) -> bool {
        let mut state = self.0.clone();
        let decided = state.wait_for(|state| *state != State::Paused).await;
        decided.is_ok_and(|state| *state == State::Open)
    }

    /// Waits until the gate is no longer open.
    pub(super) async fn closed(&self) {
        let mut state = self.0.clone();
        // A keeper that is gone has closed.
        let _ = state.wait_for(|state| *state != State::Open).await;
    }

    /// Whether it is open now.
    pub(super) fn is_open(&self) -> bool {
        *self.0.borrow() == State::Open
    }
}
