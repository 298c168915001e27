//! A notifier that keeps what it is given, for tests that look at messages and for previews.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Accepted, Error, Message, Notifier};

/// Keeps messages in memory; clones share them.
#[derive(Clone, Default)]
pub struct Outbox {
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Outbox {
    /// What was sent so far, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Notifier for Outbox {
    async fn send(&self, message: &Message) -> Result<Accepted, Error> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Ok(Accepted { answer: "250 kept in memory".into() })
    }
}
