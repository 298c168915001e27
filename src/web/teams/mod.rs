//! Teams: the list, a new one, one team with its members.

pub mod list;
pub mod new;
pub mod edit;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

/// The pages of this folder.
pub fn routes() -> Routes {
    let change = Access::Needs(Permission::UsersWrite);
    Routes::new()
        .get("/settings/teams", Access::Needs(Permission::UsersRead), list::get)
        .post("/settings/teams", change, new::post)
        .get("/settings/teams/new", change, new::get)
        .get("/settings/teams/{id}", Access::Needs(Permission::UsersRead), edit::get)
        .post("/settings/teams/{id}", change, edit::post)
        .post("/settings/teams/{id}/members", Access::StepUp(Permission::UsersWrite), edit::set_members)
        .post("/settings/teams/{id}/delete", change, edit::delete)
}
