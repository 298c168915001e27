//! Reading the import form: pasted text, files, and what is said about all of them, within the size of one import.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use http::StatusCode;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{
    services::certificates::{
        Options, Source, Upload,
        import::{MAX_BYTES, MAX_ENTRIES},
    },
    web::form::is_ticked,
};

use super::ownership;

/// The most files of one form; a folder of certificates has fewer than its certificates.
const MAX_FILES: usize = MAX_ENTRIES;

/// What the report calls the pasted text.
const PASTED: &str = "Pasted text";

/// Everything the form sends.
#[derive(Default)]
pub(super) struct Given {
    pub(super) text: String,
    files: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// Whether any were in it, also after they were taken out.
    pub(super) had_files: bool,
    password: String,
    pub(super) team: String,
    pub(super) owner: String,
    pub(super) environment: String,
    pub(super) tags: String,
    keep_keys: Option<String>,
}

/// Why a form could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// More than one import takes.
    TooLarge,
    /// Broken off, or not a form.
    Broken,
}

impl From<MultipartError> for Unreadable {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Unreadable::TooLarge,
            _ => Unreadable::Broken,
        }
    }
}

impl Given {
    /// Reads a form to its end.
    pub(super) async fn read(mut multipart: Multipart) -> Result<Given, Unreadable> {
        let mut given = Given::default();
        let mut whole = 0;
        while let Some(field) = multipart.next_field().await? {
            whole += given.take(field).await?;
            if whole > MAX_BYTES || given.files.len() > MAX_FILES {
                return Err(Unreadable::TooLarge);
            }
        }
        Ok(given)
    }

    /// What is left of a form that could not be read: files that must be chosen again.
    pub(super) fn lost() -> Given {
        Given { had_files: true, ..Given::default() }
    }

    async fn take(&mut self, field: Field<'_>) -> Result<usize, Unreadable> {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "files" {
            let file_name = field.file_name().unwrap_or_default().to_owned();
            let bytes = Zeroizing::new(field.bytes().await?.to_vec());
            let size = bytes.len();
            // A browser sends one nameless, empty file when none was chosen.
            if !(file_name.is_empty() && bytes.is_empty()) {
                self.files.push((file_name, bytes));
                self.had_files = true;
            }
            return Ok(size);
        }
        let text = String::from_utf8_lossy(&field.bytes().await?).into_owned();
        let size = text.len();
        match name.as_str() {
            "text" => self.text = text,
            "password" => self.password = text,
            "team" => self.team = text,
            "owner" => self.owner = text,
            "environment" => self.environment = text,
            "tags" => self.tags = text,
            "keep_keys" => self.keep_keys = Some(text),
            _ => {}
        }
        Ok(size)
    }

    /// Whether nothing was given to import.
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.files.is_empty()
    }

    /// Whether private keys are to be kept.
    pub(super) fn keeps_keys(&self) -> bool {
        is_ticked(&self.keep_keys)
    }

    /// What is said about everything in it.
    pub(super) fn options(&self) -> Options {
        Options {
            team: self.team.clone(),
            owner: self.owner.clone(),
            environment: self.environment.clone(),
            tags: ownership::tags(&self.tags),
            keep_keys: self.keeps_keys(),
            ..Options::of(Source::Import)
        }
    }

    /// The pasted text and the files; the files are taken out, the text stays for a form that comes back.
    pub(super) fn uploads(&mut self) -> Vec<Upload> {
        let password =
            (!self.password.is_empty()).then(|| SecretString::from(std::mem::take(&mut self.password)));
        let pasted = (!self.text.trim().is_empty())
            .then(|| (PASTED.to_owned(), Zeroizing::new(self.text.clone().into_bytes())));
        let all = pasted.into_iter().chain(std::mem::take(&mut self.files));
        all.map(|(file_name, bytes)| Upload { file_name, bytes, password: password.clone() }).collect()
    }
}
