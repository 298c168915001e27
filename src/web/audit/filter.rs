//! The filters as they stand in the address: one form for the page, its exports and its chips.

use serde::Deserialize;
use time::{Date, Duration, OffsetDateTime, macros::format_description};
use url::form_urlencoded::Serializer;

use crate::{
    services::{Error, FieldError, audit::Filter},
    web::parts::Chip,
};

/// What may stand in the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Words.
    pub q: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Who, exactly.
    pub actor: String,
    /// Which act, or all acts of a noun.
    pub act: String,
    /// Id of the thing.
    pub object: String,
    /// Where the page begins.
    pub after: String,
}

impl Asked {
    /// What the service is asked for.
    ///
    /// # Errors
    /// Every field that cannot be read.
    pub fn filter(&self) -> Result<Filter, Error> {
        let mut errors = Vec::new();
        let mut keep = |field, read: Result<Option<OffsetDateTime>, &str>| {
            read.unwrap_or_else(|message| {
                errors.push(FieldError::new(field, message));
                None
            })
        };
        let from = keep("from", day(&self.from));
        let until = keep("to", day(&self.to).map(|day| day.and_then(|day| day.checked_add(Duration::DAY))));
        let object_id = match self.object.trim() {
            "" => None,
            id => id.parse().map(Some).unwrap_or_else(|_| {
                errors.push(FieldError::new("object", "the id of a thing is a number"));
                None
            }),
        };
        match errors.is_empty() {
            true => Ok(Filter {
                from,
                until,
                actor: given(&self.actor),
                act: given(&self.act),
                object_id,
                text: given(&self.q),
            }),
            false => Err(Error::Invalid(errors)),
        }
    }

    /// Whether anything narrows the list.
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// The chips of what is in force besides the words, each with the link that takes it away.
    pub fn chips(&self) -> Vec<Chip> {
        let named = self.pairs().into_iter().filter(|(name, _)| *name != "q");
        named.map(|(name, value)| Chip::new(name, value, self.address("/audit", Some(name)))).collect()
    }

    /// `path` with these filters, without the one named `except`, at the beginning of the list.
    pub fn address(&self, path: &str, except: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs().into_iter().filter(|(name, _)| Some(*name) != except) {
            query.append_pair(name, value);
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("q", &self.q),
            ("from", &self.from),
            ("to", &self.to),
            ("actor", &self.actor),
            ("act", &self.act),
            ("object", &self.object),
        ];
        all.into_iter()
            .map(|(name, value)| (name, value.trim()))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

fn given(text: &str) -> Option<String> {
    // PostgreSQL takes no zero character, and no record holds one.
    Some(text.trim().replace('\0', "\u{fffd}")).filter(|text| !text.is_empty())
}

fn day(text: &str) -> Result<Option<OffsetDateTime>, &'static str> {
    match text.trim() {
        "" => Ok(None),
        text => Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map(|day| Some(day.midnight().assume_utc()))
            .map_err(|_| "a day is written like 2026-11-20"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_last_day_is_part_of_what_is_asked_for() {
        let asked = Asked { from: "2026-11-01".into(), to: "2026-11-20".into(), ..Asked::default() };
        let filter = asked.filter().unwrap();
        assert_eq!(filter.from, Some(datetime!(2026-11-01 00:00 UTC)));
        assert_eq!(filter.until, Some(datetime!(2026-11-21 00:00 UTC)));
    }

    #[test]
    fn each_field_that_cannot_be_read_is_named() {
        let asked = Asked {
            from: "yesterday".into(),
            to: "2026-02-30".into(),
            object: "x".into(),
            ..Asked::default()
        };
        let Err(Error::Invalid(errors)) = asked.filter() else { panic!("must be refused") };
        assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), ["from", "to", "object"]);
    }

    #[test]
    fn a_chip_takes_only_itself_away() {
        let asked = Asked { q: "a&b".into(), actor: "root".into(), act: "job.".into(), ..Asked::default() };
        let chips = asked.chips();
        assert_eq!(chips.len(), 2);
        assert_eq!(chips[0].remove, "/audit?q=a%26b&act=job.");
        assert_eq!(asked.address("/audit.csv", None), "/audit.csv?q=a%26b&actor=root&act=job.");
    }
}
