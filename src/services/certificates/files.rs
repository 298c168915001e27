//! Files of one form, read together: all of them are imported, or none.

use secrecy::ExposeSecret;

use crate::{
    app::App,
    services::{Actor, Error, FieldError, Result, reading::off_thread},
    x509::{
        bundle::{self, Limits, Work},
        visible,
    },
};

use super::{
    Options, Report, Upload,
    import::{MAX_BYTES, MAX_ENTRIES, begin, keep},
    read::{Read, sort},
};

/// So many alternative names in all; each costs the inventory as much as a small certificate.
const MAX_SANS: usize = 50_000;

/// The longest list of file names that the audit log is given.
const MAX_NAMES: usize = 200;

/// Reads and stores all uploads in one transaction. Nothing is stored when one of them is refused.
///
/// # Errors
/// `Invalid("files")` names each file in which nothing can be read, whose password is wrong, or that passes a limit.
pub async fn import_all(app: &App, actor: &Actor, uploads: Vec<Upload>, options: &Options) -> Result<Report> {
    let fields = begin(app, actor, options).await?;
    let names = names(&uploads);
    let reads = off_thread(app, actor.user(), move || read_all(&uploads)).await??;
    keep(app, actor, &names, reads, options, fields).await
}

/// One name, or as many as fit.
fn names(uploads: &[Upload]) -> String {
    let all: Vec<&str> = uploads.iter().map(|upload| upload.file_name.as_str()).collect();
    let joined = all.join(", ");
    match joined.char_indices().nth(MAX_NAMES) {
        Some((cut, _)) if all.len() > 1 => format!("{}…", joined.get(..cut).unwrap_or_default()),
        _ => joined,
    }
}

fn read_all(uploads: &[Upload]) -> Result<Vec<Read>> {
    let (mut reads, mut wrong) = (Vec::new(), Vec::new());
    let work = Work::new();
    for upload in uploads {
        let limits = Limits { entries: MAX_ENTRIES, whole: MAX_BYTES, ..Limits::default() };
        let password = upload.password.as_ref().map(ExposeSecret::expose_secret);
        match bundle::read_within(&upload.bytes, password, limits, &work) {
            Ok(found) => reads.extend(found.into_iter().map(|found| sort(&upload.file_name, found))),
            Err(error) => wrong.push(refusal(&upload.file_name, &error)),
        }
    }
    if wrong.is_empty() && reads.len() > MAX_ENTRIES {
        wrong.push(FieldError::new(
            "files",
            format!(
                "these files hold {} things, and one import takes {MAX_ENTRIES}; \
                 the command line takes any number: notafter certificates import FILE",
                reads.len()
            ),
        ));
    }
    let sans: usize = reads.iter().map(Read::names).sum();
    if sans > MAX_SANS {
        wrong.push(FieldError::new(
            "files",
            format!(
                "these certificates bear {sans} names, and one import takes {MAX_SANS}; \
                 the command line takes any number: notafter certificates import FILE"
            ),
        ));
    }
    if wrong.is_empty() { Ok(reads) } else { Err(Error::Invalid(wrong)) }
}

fn refusal(file_name: &str, error: &bundle::Error) -> FieldError {
    let advice = match error {
        bundle::Error::TooMany { .. } => {
            "; the command line takes any number: notafter certificates import FILE"
        }
        bundle::Error::PasswordNeeded => "; give it and import the file again",
        bundle::Error::TooMuchWork { .. } => "; the files of one form share that limit, so import it alone",
        _ => "",
    };
    FieldError::new("files", format!("the file {}: {error}{advice}", visible(file_name)))
}
