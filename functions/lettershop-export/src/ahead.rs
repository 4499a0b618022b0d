//! What a thread of its own works out ahead, while what came before is sent.
//!
//! Merging letters into a part takes about as long as sending one. Where the function has a second core, both go on at once; on one,
//! they take turns.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{self, Receiver};

/// Items that may wait, beside the one that finds no room.
const WAITING: usize = 1;

/// Items in their order, worked out ahead. Nothing goes on when it is dropped: the function may sleep then, and wake up with other work.
pub(crate) struct Ahead<T> {
    items: Receiver<T>,
    unwanted: Unwanted,
    thread: Option<JoinHandle<()>>,
}

/// Whether nobody wants the items any more.
#[derive(Clone, Default)]
pub(crate) struct Unwanted(Arc<AtomicBool>);

impl Unwanted {
    /// Looked at on the way to an item that takes long.
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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
    pub(crate) fn of<I>(items: impl FnOnce(Unwanted) -> I) -> io::Result<Self>
    where
        I: Iterator<Item = T> + Send + 'static,
    {
        let (sender, waiting) = mpsc::channel(WAITING);
        let unwanted = Unwanted::default();
        let items = items(unwanted.clone());
        let work = move || {
            for item in items {
                if sender.blocking_send(item).is_err() {
                    return;
                }
            }
        };
        Ok(Self {
            items: waiting,
            unwanted,
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

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.unwanted.0.store(true, Ordering::Relaxed);
        self.items.close();
        if let Some(thread) = self.thread.take() {
            // A panic of a thread whose items nobody wants is nobody's.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn items_come_in_their_order_and_end() {
        for count in [0, 1, 2, 100] {
            let mut ahead = Ahead::of(|_| 0..count).unwrap();
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
        let mut ahead = Ahead::of(|_| items).unwrap();
        assert_eq!(ahead.next().await, Some(0));
        // One in hand, those that wait, one that finds no room.
        let most = WAITING + 2;
        while worked.load(Ordering::SeqCst) < most {
            thread::yield_now();
        }
        drop(ahead);
        assert_eq!(worked.load(Ordering::SeqCst), most, "until nobody wanted them");
    }

    #[tokio::test]
    async fn an_item_that_takes_long_is_left_when_nobody_wants_it() {
        let endless = |unwanted: Unwanted| {
            std::iter::once_with(move || {
                while !unwanted.is_so() {
                    thread::yield_now();
                }
            })
        };
        drop(Ahead::of(endless).unwrap());
    }

    #[tokio::test]
    async fn a_panic_on_the_way_is_no_end() {
        let items = (0..2).inspect(|item| assert_ne!(*item, 1, "a panic that is wanted"));
        let mut ahead = Ahead::of(|_| items).unwrap();
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
