//! What a thread of its own works out ahead, while what came before is sent.
//!
//! Merging letters into a part takes about as long as sending one. Where the function has a second core, both go on at once; on one,
//! they take turns.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{self, Receiver};

/// Items that may wait, beside the one that finds no room.
const WAITING: usize = 1;

/// Items in their order, worked out ahead.
pub(crate) struct Ahead<T> {
    items: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T> std::fmt::Debug for Ahead<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ahead(…)")
    }
}

impl<T: Send + 'static> Ahead<T> {
    /// Begins to work the items out; as far ahead as the bound allows, and until nobody wants them any more.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub(crate) fn of(items: impl Iterator<Item = T> + Send + 'static) -> io::Result<Self> {
        let (sender, waiting) = mpsc::channel(WAITING);
        let work = move || {
            for item in items {
                if sender.blocking_send(item).is_err() {
                    return;
                }
            }
        };
        Ok(Self {
            items: waiting,
            thread: Some(thread::Builder::new().name("ahead".to_owned()).spawn(work)?),
        })
    }

    /// The next item; `None` behind the last one.
    ///
    /// # Panics
    /// Where working the items out panicked: what came before is not all.
    pub(crate) async fn next(&mut self) -> Option<T> {
        if let Some(item) = self.items.recv().await {
            return Some(item);
        }
        // The thread has let go of its end: it is at its own.
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended {
            std::panic::resume_unwind(panic);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn items_come_in_their_order_and_end() {
        for count in [0, 1, 2, 100] {
            let mut ahead = Ahead::of(0..count).unwrap();
            for expected in 0..count {
                assert_eq!(ahead.next().await, Some(expected));
            }
            assert_eq!(ahead.next().await, None);
            assert_eq!(ahead.next().await, None);
        }
    }

    #[tokio::test]
    async fn no_more_is_worked_out_than_may_wait_and_nothing_when_nobody_wants_it() {
        let worked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&worked);
        let items = (0usize..).inspect(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let mut ahead = Ahead::of(items).unwrap();
        assert_eq!(ahead.next().await, Some(0));
        // One in hand, those that wait, one that finds no room.
        let most = WAITING + 2;
        while worked.load(Ordering::SeqCst) < most {
            thread::yield_now();
        }
        let thread = ahead.thread.take().unwrap();
        drop(ahead);
        thread.join().unwrap();
        assert_eq!(worked.load(Ordering::SeqCst), most, "until nobody wanted them");
    }

    #[tokio::test]
    async fn a_panic_on_the_way_is_no_end() {
        let items = (0..2).inspect(|item| assert_ne!(*item, 1, "a panic that is wanted"));
        let mut ahead = Ahead::of(items).unwrap();
        let all = async {
            let mut count = 0usize;
            while ahead.next().await.is_some() {
                count += 1;
            }
            count
        };
        let caught = runtime::contained(Box::pin(all)).await;
        assert!(caught.is_err(), "{caught:?}");
    }
}
