//! Which certificates may take the place of which by names and dates: the candidates whose signatures are then judged.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::{
    store::certificates::import::reverse,
    x509::lineage::{Generation, Newer},
};

/// How many newer certificates with a name in common are tried for one older one, the newest first.
const MAX_TRIES: usize = 500;
/// So many of them are judged, since the newest may be vouched for by nobody.
const MAX_JUDGED: usize = 4;

/// The reversed names to look for: each name, the wildcard that would cover it, and what each wildcard covers.
pub(super) fn wanted(generations: &[Generation]) -> (Vec<String>, Vec<String>) {
    let names = generations.iter().flat_map(|generation| &generation.names);
    let (mut reversed, mut parents) = (Vec::new(), Vec::new());
    for name in names {
        reversed.push(reverse(name));
        match name.split_once('.') {
            Some(("*", parent)) => parents.push(format!("{}.", reverse(parent))),
            Some((_, parent)) => reversed.push(reverse(&format!("*.{parent}"))),
            None => {}
        }
    }
    for list in [&mut reversed, &mut parents] {
        list.sort();
        list.dedup();
    }
    (reversed, parents)
}

/// For each older one its successors, a few of the newest, if at least one of the two is new. Stops after comparing `budget` names.
pub(super) fn pairs(
    generations: &[Generation],
    fresh: usize,
    mut budget: usize,
    now: OffsetDateTime,
) -> Vec<(usize, usize)> {
    let newer: Vec<Newer<'_>> = generations.iter().map(Newer::new).collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, generation) in generations.iter().enumerate() {
        for name in &generation.names {
            by_name.entry(name).or_default().push(position);
        }
    }
    let age = |position: &usize| generations.get(*position).map(|one| (one.not_before, one.not_after));
    for positions in by_name.values_mut() {
        positions.sort_by_key(|position| std::cmp::Reverse(age(position)));
    }
    let mut pairs = Vec::new();
    for (older, generation) in generations.iter().enumerate() {
        let Some(first) = generation.names.first() else { continue };
        let wildcard = first.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let mut found = Vec::new();
        for name in [Some(first.as_str()), wildcard.as_deref()].into_iter().flatten() {
            let mut fitting = 0;
            for &position in by_name.get(name).into_iter().flatten().take(MAX_TRIES) {
                let Some(one) = newer.get(position).filter(|one| one.begins_after(generation)) else {
                    // They are sorted: whatever follows began earlier still.
                    break;
                };
                if older >= fresh && position >= fresh {
                    continue;
                }
                budget = budget.saturating_sub(generation.names.len());
                if budget == 0 || fitting >= MAX_JUDGED {
                    break;
                }
                if one.supersedes(generation, now) {
                    fitting += 1;
                    found.push(position);
                }
            }
        }
        found.sort_by_key(|position| std::cmp::Reverse(age(position)));
        found.dedup();
        pairs.extend(found.into_iter().take(MAX_JUDGED).map(|newer| (older, newer)));
    }
    if budget == 0 {
        tracing::warn!(
            "an import with very many names in common was not compared to the end; some renewals in it are not seen as such"
        );
    }
    pairs
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn generation(name: &str, day: i64) -> Generation {
        let not_before = OffsetDateTime::UNIX_EPOCH + Duration::days(day);
        Generation {
            names: vec![name.to_owned()],
            not_before,
            not_after: not_before + Duration::days(90),
            is_ca: false,
            is_self_signed: false,
        }
    }

    #[test]
    fn the_newest_of_several_comes_first_for_all_older_ones() {
        let all = [generation("a.example", 60), generation("a.example", 0), generation("a.example", 30)];
        assert_eq!(pairs(&all, 3, usize::MAX, NOW), [(1, 0), (1, 2), (2, 0)]);
    }

    #[test]
    fn a_wildcard_takes_the_place_of_a_name_under_it() {
        let all = [generation("*.example", 60), generation("a.example", 0), generation("b.a.example", 0)];
        assert_eq!(pairs(&all, 1, usize::MAX, NOW), [(1, 0)]);
    }

    #[test]
    fn two_that_were_there_before_stay_as_they_are() {
        let all = [generation("x.example", 0), generation("a.example", 0), generation("a.example", 30)];
        assert!(pairs(&all, 1, usize::MAX, NOW).is_empty());
    }

    #[test]
    fn certificates_made_to_be_costly_cost_a_bounded_time() {
        let names = |last: i64| {
            let shared = (0..499).map(|n| format!("n{n}.example"));
            shared.chain([format!("last{last}.example")]).collect::<Vec<_>>()
        };
        let all: Vec<Generation> =
            (0..40).map(|day| Generation { names: names(day), ..generation("", day) }).collect();
        assert!(pairs(&all, 40, 1_000, NOW).is_empty());
        let mut renewed = all;
        renewed.push(Generation { names: names(0), ..generation("", 50) });
        assert_eq!(pairs(&renewed, 1, usize::MAX, NOW), [(0, 40)]);
    }

    #[test]
    fn a_wildcard_looks_for_what_it_covers() {
        let (reversed, parents) = wanted(&[generation("*.a.example", 0), generation("b.a.example", 0)]);
        assert_eq!(reversed, ["elpmaxe.a.*", "elpmaxe.a.b"]);
        assert_eq!(parents, ["elpmaxe.a."]);
    }
}
