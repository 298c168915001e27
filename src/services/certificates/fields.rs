//! What a person may write beside a certificate, checked: owner, team, environment, tags, note.

use crate::{
    app::App,
    services::{Actor, Error, FieldError, Reach, Result},
    store::certificates::edit,
    x509::visible,
};

/// Tags of one entry.
pub(super) const MAX_TAGS: usize = 20;
const MAX_TAG: usize = 50;
const MAX_ENVIRONMENT: usize = 50;
const MAX_NOTE: usize = 10_000;

type Checked<T> = std::result::Result<T, FieldError>;

/// Checked fields; the team as its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) owner: Option<String>,
    pub(super) team_id: Option<i64>,
    pub(super) environment: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) note: String,
}

/// The same as somebody typed them; empty means none, the team is a slug.
pub(super) struct Typed<'a> {
    pub(super) owner: &'a str,
    pub(super) team: &'a str,
    pub(super) environment: &'a str,
    pub(super) tags: &'a [String],
    pub(super) note: &'a str,
}

/// Checks everything and reports all that is wrong at once.
pub(super) async fn check(app: &App, actor: &Actor, typed: Typed<'_>) -> Result<Fields> {
    let mut wrong = Vec::new();
    let fields = Fields {
        owner: keep(owner(typed.owner), &mut wrong),
        team_id: keep(team(app, actor, typed.team.trim()).await?, &mut wrong),
        environment: keep(environment(typed.environment), &mut wrong),
        tags: keep(tags(typed.tags), &mut wrong),
        note: keep(note(typed.note), &mut wrong),
    };
    if wrong.is_empty() { Ok(fields) } else { Err(Error::Invalid(wrong)) }
}

fn keep<T: Default>(checked: Checked<T>, wrong: &mut Vec<FieldError>) -> T {
    checked.unwrap_or_else(|error| {
        wrong.push(error);
        T::default()
    })
}

/// An owner gets mail, so it is one address and nothing else.
fn owner(typed: &str) -> Checked<Option<String>> {
    let owner = typed.trim().to_lowercase();
    if owner.is_empty() {
        return Ok(None);
    }
    let is_unruly = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
    let is_address = owner.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    });
    if !is_address || owner.len() > 254 || owner.chars().any(is_unruly) {
        return Err(FieldError::new("owner", "an owner is one mail address, such as web@example.org"));
    }
    Ok(Some(owner))
}

fn environment(typed: &str) -> Checked<Option<String>> {
    let environment = typed.trim().to_lowercase();
    let is_fine = environment.chars().count() <= MAX_ENVIRONMENT
        && environment.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
    match environment.as_str() {
        "" => Ok(None),
        "none" => {
            Err(FieldError::new("environment", "`none` stands for no environment; leave the field empty"))
        }
        _ if is_fine => Ok(Some(environment)),
        _ => Err(FieldError::new(
            "environment",
            format!("an environment has at most {MAX_ENVIRONMENT} letters, digits, spaces, dots, - or _"),
        )),
    }
}

/// Trimmed, in lower case, sorted, each once.
fn tags(typed: &[String]) -> Checked<Vec<String>> {
    let mut tags: Vec<String> = typed.iter().map(|tag| tag.trim().to_lowercase()).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort();
    tags.dedup();
    let is_wrong = |tag: &&String| {
        tag.chars().count() > MAX_TAG || *tag == "none" || tag.chars().any(|c| c.is_control() || c == ',')
    };
    if let Some(tag) = tags.iter().find(is_wrong) {
        let shown: String = visible(tag).chars().take(MAX_TAG).collect();
        return Err(FieldError::new(
            "tags",
            format!(
                "`{shown}` is no tag: a tag has at most {MAX_TAG} characters, no comma, and is not `none`"
            ),
        ));
    }
    if tags.len() > MAX_TAGS {
        return Err(FieldError::new("tags", format!("a certificate has at most {MAX_TAGS} tags")));
    }
    Ok(tags)
}

fn note(typed: &str) -> Checked<String> {
    let note = typed.replace("\r\n", "\n");
    if note.chars().count() > MAX_NOTE || note.contains('\0') {
        return Err(FieldError::new("note", format!("a note is text of at most {MAX_NOTE} characters")));
    }
    Ok(note)
}

/// The team by its slug. One out of reach is called missing; whoever is limited to teams must name one unless there is only one.
async fn team(app: &App, actor: &Actor, slug: &str) -> Result<Checked<Option<i64>>> {
    if slug.is_empty() {
        return Ok(match actor.reach() {
            Reach::All => Ok(None),
            Reach::Teams(teams) => match teams.as_slice() {
                [only] => Ok(Some(*only)),
                [] => Err(FieldError::new("team", "you belong to no team, so nothing you add could be seen")),
                _ => Err(FieldError::new("team", "choose which of your teams owns this")),
            },
        });
    }
    // No slug holds a zero character, and PostgreSQL takes none.
    let asked = slug.replace('\0', "\u{fffd}");
    let found = edit::teams(&app.pool, &[asked]).await?.into_iter().next().map(|(id, _)| id);
    let in_reach = |id: &i64| actor.reach().as_sql().is_none_or(|teams| teams.contains(id));
    Ok(match found.filter(in_reach) {
        Some(id) => Ok(Some(id)),
        None => {
            let shown: String = visible(slug).chars().take(63).collect();
            Err(FieldError::new("team", format!("there is no team `{shown}`")))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_one_address() {
        assert_eq!(owner(" Web@Halden.Example ").unwrap().unwrap(), "web@halden.example");
        assert_eq!(owner("  ").unwrap(), None);
        let wrong = [
            "web",
            "@b.example",
            "web@",
            "a@b@c",
            "a b@c.example",
            "a@b.example\nbcc:c@d",
            "a@b,c@d",
            "<a@b>",
        ];
        for typed in wrong {
            assert_eq!(owner(typed).unwrap_err().field, "owner", "{typed}");
        }
        assert!(owner(&format!("{}@b.example", "a".repeat(300))).is_err());
    }

    #[test]
    fn tags_are_sorted_and_each_kept_once() {
        let typed = ["B", " a ", "b", ""].map(str::to_owned);
        assert_eq!(tags(&typed).unwrap(), ["a", "b"]);
        assert!(tags(&["a,b".to_owned()]).is_err() && tags(&["x".repeat(51)]).is_err());
        let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
        assert!(tags(&many).is_err());
    }

    #[test]
    fn an_environment_is_a_word() {
        assert_eq!(environment("Prod").unwrap().unwrap(), "prod");
        assert!(environment("=cmd|x").is_err() && environment("none").is_err());
    }
}
