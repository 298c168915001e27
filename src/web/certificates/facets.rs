//! The boxes and chips of the list: what it can be narrowed to, and what narrows it.

use crate::{
    app::App,
    services::{
        Actor, Result,
        certificates::{self, Choice, ListRequest},
    },
    store::certificates::{Facet, Status},
    web::{
        parts::{self, Chip, FacetValue},
        phrases,
    },
};

use super::{address, words};

/// Every facet with its values. Within one facet values are alternatives, so the values beside a chosen one keep the numbers they would
/// add; tags narrow each other.
pub(super) async fn load(app: &App, actor: &Actor, request: &ListRequest) -> Result<Vec<parts::Facet>> {
    let narrowed = certificates::facets(app, actor, request).await?;
    let mut shown = Vec::new();
    for facet in Facet::ALL {
        let is_chosen = !address::values(request, facet).is_empty() && facet != Facet::Tag;
        let choices = if is_chosen {
            certificates::facets(app, actor, &address::without(request, facet)).await?
        } else {
            narrowed.clone()
        };
        shown.push(part(facet, request, choices.into_iter().filter(|choice| choice.facet == facet)));
    }
    shown.retain(is_of_use);
    Ok(shown)
}

/// A facet whose only value is "none" tells nothing.
fn is_of_use(facet: &parts::Facet) -> bool {
    match facet.values.as_slice() {
        [] => false,
        [only] => only.checked || only.value != "none",
        _ => true,
    }
}

fn part(facet: Facet, request: &ListRequest, choices: impl Iterator<Item = Choice>) -> parts::Facet {
    let chosen = address::values(request, facet);
    let mut part = parts::Facet::new(title(facet), facet.parameter());
    // What cannot be read has no issuer and no key, and an empty value would ask for nothing.
    part.values = choices
        .filter(|choice| !choice.value.is_empty())
        .map(|choice| FacetValue {
            label: phrases::visible(&label(facet, &choice.value, &choice.label)),
            count: choice.count.map(|count| phrases::thousands(&count)).unwrap_or_default(),
            checked: chosen.contains(&choice.value),
            value: choice.value,
        })
        .collect();
    for value in chosen {
        if !part.values.iter().any(|known| known.value == *value) {
            let label = phrases::visible(&label(facet, value, value));
            part.values.push(FacetValue { value: value.clone(), label, count: String::new(), checked: true });
        }
    }
    if facet == Facet::Status {
        part.values.sort_by_key(|value| Status::ALL.iter().position(|status| status.as_str() == value.value));
    }
    part
}

fn title(facet: Facet) -> &'static str {
    match facet {
        Facet::Status => "Status",
        Facet::Owner => "Owner",
        Facet::Team => "Team",
        Facet::Environment => "Environment",
        Facet::Issuer => "Issuer",
        Facet::Key => "Key",
        Facet::Tag => "Tag",
    }
}

/// A value as it is read.
fn label(facet: Facet, value: &str, label: &str) -> String {
    match facet {
        Facet::Status => {
            Status::parse(value).map_or_else(|| label.to_owned(), |status| words::status(status).to_owned())
        }
        Facet::Key => words::key(value),
        Facet::Tag | Facet::Owner | Facet::Team | Facet::Environment if value == label && value == "none" => {
            "None".to_owned()
        }
        _ => label.to_owned(),
    }
}

/// One chip for each condition besides the search text, with the link that takes it away; `facets` know what the values are called.
pub(super) fn chips(request: &ListRequest, facets: &[parts::Facet]) -> Vec<Chip> {
    let mut chips = Vec::new();
    if !request.expires.is_empty() {
        let wider = ListRequest { expires: String::new(), ..address::from_start(request) };
        chips.push(Chip::new("expires", &words::span(&request.expires), address::href(&wider)));
    }
    for facet in Facet::ALL {
        let part = facets.iter().find(|part| part.name == facet.parameter());
        for value in address::values(request, facet) {
            let known = part.and_then(|part| part.values.iter().find(|known| known.value == *value));
            let shown = known.map_or_else(|| label(facet, value, value), |known| known.label.clone());
            let wider = address::without_value(request, facet, value);
            chips.push(Chip::new(title(facet).to_lowercase(), &shown, address::href(&wider)));
        }
    }
    chips
}
