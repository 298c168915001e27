//! People: the list, somebody new, one person with what may be done about them.

pub mod list;
pub mod new;
pub mod edit;
pub mod invited;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

/// The pages of this folder.
pub fn routes() -> Routes {
    let change = Access::StepUp(Permission::UsersWrite);
    Routes::new()
        .get("/settings/users", Access::Needs(Permission::UsersRead), list::get)
        .post("/settings/users", change, new::post)
        .get("/settings/users/new", change, new::get)
        .get("/settings/users/{id}", change, edit::get)
        .post("/settings/users/{id}", change, edit::post)
        .post("/settings/users/{id}/disable", change, edit::disable)
        .post("/settings/users/{id}/enable", change, edit::enable)
        .post("/settings/users/{id}/link", change, invited::post)
}
