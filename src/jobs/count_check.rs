//! Compares the inventory's counters with what they count, and puts them right: a facet must never say what the list does not.

use crate::{app::App, store::certificates::days};

use super::{Claimed, Outcome};

/// The kind of job.
pub const KIND: &str = "check_counts";

/// Reads the whole inventory without holding anybody up; only mending, which a fault of ours alone makes necessary, keeps writers waiting.
pub async fn run(app: &App, _job: &Claimed) -> Outcome {
    match days::reconcile(&app.pool).await {
        Ok(0) => Outcome::Done("every counter is right".to_owned()),
        Ok(wrong) => {
            tracing::warn!(wrong, "counters of the inventory were wrong and were counted anew");
            Outcome::Done(format!("{wrong} counters were wrong and were counted anew"))
        }
        Err(error) => Outcome::backoff(error),
    }
}
