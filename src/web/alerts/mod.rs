//! Expiry alerts for people: the rule, who is told, the mail as it would be sent, and what was sent.

pub mod warnings;
pub mod rule;
pub mod rows;
pub mod list;
pub mod acts;
pub mod preview;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

/// The pages of this folder.
pub fn routes() -> Routes {
    let (read, write) = (Access::Needs(Permission::AlertsRead), Access::Needs(Permission::AlertsWrite));
    Routes::new()
        .get("/alerts", read, list::get)
        .post("/alerts/rule", write, list::post)
        .post("/alerts/test", write, acts::test)
        .post("/alerts/deliveries/{id}/send", write, acts::send_again)
        .get("/alerts/preview/mail", read, preview::get)
}
