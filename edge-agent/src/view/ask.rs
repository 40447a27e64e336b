//! Asking core for a picture, and core's end of it.
//!
//! Here: the channel and its limit. Not here: what is in a picture. Invariant: an answer is core's own, so one
//! that comes says that core works; whoever asks waits at most [`PATIENCE`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::View;

/// Longer than any step of core takes.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions that may wait; more wait outside.
const QUESTIONS_MAX: usize = 16;

/// Where core puts the picture it was asked for.
pub type Reply = oneshot::Sender<Arc<View>>;

/// The end of whoever looks.
#[derive(Debug, Clone)]
pub struct Looker(mpsc::Sender<Reply>);

/// Core's end.
#[derive(Debug)]
pub struct Asked(mpsc::Receiver<Reply>);

/// Makes both ends.
#[must_use]
pub fn ask() -> (Looker, Asked) {
    let (sender, receiver) = mpsc::channel(QUESTIONS_MAX);
    (Looker(sender), Asked(receiver))
}

impl Looker {
    /// The agent as it is now; none when core does not answer.
    pub async fn look(&self) -> Option<Arc<View>> {
        let answer = async {
            let (reply, answer) = oneshot::channel();
            self.0.send(reply).await.ok()?;
            answer.await.ok()
        };
        timeout(PATIENCE, answer).await.ok().flatten()
    }
}

impl Asked {
    /// The next question; none when nobody can ask any more.
    pub async fn next(&mut self) -> Option<Reply> {
        self.0.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_core_that_does_not_answer_is_not_waited_for_for_ever() {
        let (looker, mut asked) = ask();
        let answering = async {
            let reply = asked.next().await.unwrap();
            reply.send(Arc::new(View { at: 7, ..View::default() })).unwrap();
            // The next question is left lying.
            std::future::pending::<()>().await;
        };
        let asking = async {
            assert_eq!(looker.look().await.map(|view| view.at), Some(7));
            assert!(looker.look().await.is_none());
        };
        tokio::select! { () = answering => {}, () = asking => {} }
        drop(asked);
        assert!(looker.look().await.is_none(), "core has ended");
    }
}
