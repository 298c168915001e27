//! Mail over SMTP. TLS is required unless the operator wrote otherwise, and the relay's certificate is checked against the system's roots.
//!
//! The dialogue is driven command by command rather than through the library's transport, for two reasons: we connect to addresses that
//! `outbound/` resolved and checked, and we must know whether the line broke before or after the final dot. Before it, nothing was sent
//! and trying again is safe; after it, the relay may have taken the message, and only the same Message-ID keeps a second copy harmless (R7).

use std::{
    error::Error as _,
    future::Future,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::{
    Address,
    message::{
        Mailbox, Message as Mail, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        self,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::ClientId,
        response::{Response, Severity},
    },
};
use secrecy::ExposeSecret;

use crate::{
    config::{Smtp, SmtpTls},
    outbound::{NamedBy, Outbound, resolve::OPEN_LIMIT},
};

use super::{Accepted, Error, Message, Notifier};

/// The longest the relay may take for one step of the dialogue.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// The longest we wait for the answer to the final dot. Giving up early makes a second copy, so this is generous (RFC 5321 §4.5.3.2.6).
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// How long to stay away when the relay says that we send too much.
const LIMITED_WAIT: Duration = Duration::from_secs(60);

/// Bytes of text in one encoded word: in base64 with its frame at most 75 characters, also behind the header's name.
const WORD_LENGTH: usize = 36;

/// Characters of an answer that are kept.
const ANSWER_LENGTH: usize = 500;

/// Sends mail through one relay.
#[derive(Clone)]
pub struct Email {
    smtp: Smtp,
    from: Mailbox,
    outbound: Outbound,
    extra_roots: Vec<Vec<u8>>,
    tls: Arc<OnceLock<TlsParameters>>,
}

/// Where in the dialogue something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Content,
    /// The final dot is on its way.
    Answer,
}

impl Email {
    /// A sender through the relay `smtp`, as `from` (`Name <local@host>`).
    ///
    /// # Errors
    /// `Misconfigured` when `from` is no sender.
    pub fn new(smtp: Smtp, from: &str, outbound: Outbound) -> Result<Self, Error> {
        let from =
            from.parse().map_err(|_| Error::Misconfigured("NOTAFTER_MAIL_FROM is not an address".into()))?;
        Ok(Self { smtp, from, outbound, extra_roots: Vec::new(), tls: Arc::default() })
    }

    /// Also trusts certificates issued by the authority with this DER, besides the system's roots.
    pub fn trusting(mut self, authority: Vec<u8>) -> Self {
        self.extra_roots.push(authority);
        self
    }

    /// Reads the system's roots once; they are large.
    fn tls(&self) -> Result<TlsParameters, Error> {
        if let Some(ready) = self.tls.get() {
            return Ok(ready.clone());
        }
        let wrong = |error: smtp::Error| Error::Misconfigured(format!("TLS cannot be set up: {error}"));
        let mut builder = TlsParameters::builder(self.smtp.host.clone());
        for der in &self.extra_roots {
            builder = builder.add_root_certificate(Certificate::from_der(der.clone()).map_err(wrong)?);
        }
        let ready = builder.build().map_err(wrong)?;
        Ok(self.tls.get_or_init(|| ready).clone())
    }

    /// A connection that is protected and signed in as the settings say.
    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let mut connection = self.connect(&hello).await?;
        self.protect(&mut connection, &hello).await?;
        if let Some((user, password)) = &self.smtp.credentials {
            if self.smtp.tls != SmtpTls::None && !connection.is_encrypted() {
                return Err(Error::Misconfigured(
                    "the relay offers no TLS, and the password is not sent in the clear unless ?tls=none is written".into(),
                ));
            }
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            within(Step::SignIn, connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials))
                .await?;
        }
        Ok(connection)
    }

    async fn connect(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = (self.smtp.tls == SmtpTls::Wrapper).then(|| self.tls()).transpose()?;
        let resolved = self.outbound.resolve(&self.smtp.host, self.smtp.port, NamedBy::Operator).await;
        let addresses = resolved.map_err(|error| not_sent(error.to_string()))?;
        let mut last = not_sent(format!("{} has no address", self.smtp.host));
        for address in addresses {
            let opening =
                AsyncSmtpConnection::connect_tokio1(address, Some(OPEN_LIMIT), hello, wrapped.clone(), None);
            match within(Step::Connect, opening).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn protect(&self, connection: &mut AsyncSmtpConnection, hello: &ClientId) -> Result<(), Error> {
        match self.smtp.tls {
            SmtpTls::Wrapper | SmtpTls::None => Ok(()),
            SmtpTls::Opportunistic if !connection.can_starttls() => Ok(()),
            SmtpTls::Required if !connection.can_starttls() => Err(Error::Misconfigured(
                "the relay does not offer STARTTLS, which is required; nothing was sent (NOTAFTER_SMTP_URL with ?tls=none allows plain text, for a relay on this machine)".into(),
            )),
            SmtpTls::Required | SmtpTls::Opportunistic => {
                within(Step::StartTls, connection.starttls(self.tls()?, hello)).await
            }
        }
    }
}

#[async_trait]
impl Notifier for Email {
    async fn send(&self, message: &Message) -> Result<Accepted, Error> {
        let to: Address = message
            .to
            .parse()
            .map_err(|_| Error::Refused(format!("`{}` is not an address", one_line(&message.to))))?;
        let content = compose(&self.from, to.clone(), message)?;
        let mut connection = self.open().await?;
        let outcome = hand_over(&mut connection, &self.from.email, to, &content).await;
        // The message is settled either way; a relay that does not say goodbye changes nothing.
        let _ = tokio::time::timeout(OPEN_LIMIT, connection.quit()).await;
        let response = outcome?;
        let text = response.message().collect::<Vec<_>>().join(" ");
        Ok(Accepted { answer: one_line(&format!("{} {text}", response.code())) })
    }
}

/// Builds the message as it goes over the wire: plain text first, 7-bit clean, headers encoded by the library.
fn compose(from: &Mailbox, to: Address, message: &Message) -> Result<Vec<u8>, Error> {
    let headers = message.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let own = [("Subject", message.subject.as_str()), ("Message-ID", message.message_id.as_str())];
    for (name, value) in own.into_iter().chain(headers.clone()) {
        if value.chars().any(char::is_control) {
            return Err(Error::Refused(format!("the header {name} holds a control character")));
        }
    }
    let mut builder = Mail::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .message_id(Some(message.message_id.clone()));
    builder = match message.subject.contains("=?") {
        true => builder.raw_header(subject_in_code(&message.subject)),
        false => builder.subject(message.subject.clone()),
    };
    for (name, value) in headers {
        let name = HeaderName::new_from_ascii(name.to_owned())
            .map_err(|_| Error::Refused(format!("`{name}` is not a header")))?;
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let mail = match &message.html {
        Some(html) => {
            builder.multipart(MultiPart::alternative_plain_html(message.text.clone(), html.clone()))
        }
        None => builder.singlepart(SinglePart::plain(message.text.clone())),
    };
    Ok(mail.map_err(|error| Error::Refused(one_line(&error.to_string())))?.formatted())
}

/// A subject that holds what a reader would take for an encoded word: encoded as a whole, so that it is read as it is (RFC 2047 §2).
///
/// The library sends such text as it stands, and a name in a certificate could then bring a line break into a reader's headers (S35).
fn subject_in_code(subject: &str) -> HeaderValue {
    let mut words = vec![String::new()];
    for character in subject.chars() {
        match words.last_mut() {
            Some(word) if word.len() + character.len_utf8() <= WORD_LENGTH => word.push(character),
            _ => words.push(character.into()),
        }
    }
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect();
    let name = HeaderName::new_from_ascii_str("Subject");
    HeaderValue::dangerous_new_pre_encoded(name, subject.to_owned(), encoded.join("\r\n "))
}

/// The envelope, the content, the final dot, and the answer to it.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: Address,
    content: &[u8],
) -> Result<Response, Error> {
    if !AsRef::<str>::as_ref(&to).is_ascii() || !AsRef::<str>::as_ref(from).is_ascii() {
        return Err(Error::Refused("addresses beyond ASCII are not supported".into()));
    }
    within(Step::Sender, connection.command(MailFrom::new(Some(from.clone()), vec![]))).await?;
    within(Step::Recipient, connection.command(Rcpt::new(to, vec![]))).await?;
    within(Step::Content, connection.command(Data)).await?;
    // The library writes the dot right after it has asked this iterator for a part that is not there.
    let dot = AtomicBool::new(false);
    let parts = std::iter::once(content).chain(std::iter::from_fn(|| {
        dot.store(true, Ordering::Relaxed);
        None
    }));
    let step = || if dot.load(Ordering::Relaxed) { Step::Answer } else { Step::Content };
    match tokio::time::timeout(ANSWER_LIMIT, connection.message_iter(parts)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(explain(step(), &error)),
        Err(_) => Err(Error::Unreachable {
            reason: format!("no answer to the message within {} s", ANSWER_LIMIT.as_secs()),
            maybe_sent: step() == Step::Answer,
        }),
    }
}

/// Bounds one step by [`STEP_LIMIT`] and explains its failure.
async fn within<T>(step: Step, work: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, Error> {
    match tokio::time::timeout(STEP_LIMIT, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(explain(step, &error)),
        Err(_) => Err(not_sent(format!("no answer within {} s", STEP_LIMIT.as_secs()))),
    }
}

fn not_sent(reason: String) -> Error {
    Error::Unreachable { reason: one_line(&reason), maybe_sent: false }
}

/// Sorts a failure by what can be done about it.
fn explain(step: Step, error: &smtp::Error) -> Error {
    let Some(code) = error.status() else { return broken(step, error) };
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    let answer = one_line(&format!("{code} {text}"));
    if code.severity == Severity::TransientNegativeCompletion {
        // RFC 3463: class 4, subject 7 is policy; greylisting and rate limits answer so.
        return match text.starts_with("4.7.") {
            true => Error::Limited { reason: answer, wait: LIMITED_WAIT },
            false => Error::Unreachable { reason: answer, maybe_sent: false },
        };
    }
    match (u16::from(code), step) {
        (530 | 534 | 535 | 538, _) => Error::Misconfigured(answer),
        (_, Step::Recipient | Step::Content | Step::Answer) => Error::Refused(answer),
        _ => Error::Misconfigured(answer),
    }
}

/// A failure that is no answer: the line broke, or TLS did not come about.
fn broken(step: Step, error: &smtp::Error) -> Error {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let detail = causes.clone().last().map_or_else(|| error.to_string(), ToString::to_string);
    let tls_refused = causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::InvalidData);
    if step <= Step::StartTls && tls_refused {
        return Error::Misconfigured(one_line(&format!("the relay's TLS is not trusted: {detail}")));
    }
    if error.is_client() {
        return Error::Misconfigured(one_line(&detail));
    }
    let reason = match step {
        Step::Connect | Step::StartTls => format!("no connection: {detail}"),
        Step::Answer => format!("the line broke before the relay answered: {detail}"),
        _ => format!("the line broke: {detail}"),
    };
    Error::Unreachable { reason: one_line(&reason), maybe_sent: step == Step::Answer }
}

/// One line of at most [`ANSWER_LENGTH`] characters, whatever the relay sent.
fn one_line(text: &str) -> String {
    let flat = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    flat.take(ANSWER_LENGTH).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            to: "ann@team.example".into(),
            subject: "[notafter] Łódź.example expires in 6 days".into(),
            text: "six days\n.\nleft".into(),
            html: Some("<p>six days</p>".into()),
            message_id: "<alert.1@certs.example>".into(),
            headers: vec![("Auto-Submitted", "auto-generated".into())],
        }
    }

    fn wire(message: &Message) -> Result<String, Error> {
        let from = "notafter <notafter@certs.example>".parse().unwrap();
        let bytes = compose(&from, message.to.parse().unwrap(), message)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn text_comes_first_and_everything_is_seven_bit() {
        let wire = wire(&message()).unwrap();
        assert!(wire.is_ascii());
        assert!(wire.find("text/plain").unwrap() < wire.find("text/html").unwrap());
        assert!(wire.contains("Message-ID: <alert.1@certs.example>\r\n"));
        assert!(wire.contains("Auto-Submitted: auto-generated\r\n"));
    }

    /// The subject as a reader decodes it: folded lines joined, encoded words beside each other without the blank between them.
    fn read_back(wire: &str) -> String {
        let line = wire.split("Subject: ").nth(1).unwrap().replace("\r\n ", " ");
        let line = line.split("\r\n").next().unwrap().to_owned();
        let words = line.split(' ').map(|word| {
            assert!(word.len() <= 75, "RFC 2047 §2: {word}");
            let code = word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?=")).unwrap();
            String::from_utf8(STANDARD.decode(code).unwrap()).unwrap()
        });
        words.collect()
    }

    #[test]
    fn what_looks_encoded_already_is_read_as_it_is_seen() {
        for subject in [
            "[notafter] =?utf-8?q?=0aBcc:x@y?= expires in 6 days",
            "=?",
            "Łódź =?iso-8859-1?b?CkJjYzogeA==?= and a good deal of text behind it, äöü",
        ] {
            let mut hostile = message();
            hostile.subject = subject.into();
            let wire = wire(&hostile).unwrap();
            assert_eq!(read_back(&wire), subject, "{wire}");
            assert_eq!(wire.lines().filter(|line| line.starts_with("Subject:")).count(), 1);
        }
    }

    #[test]
    fn a_long_message_id_stays_on_one_line() {
        let mut long = message();
        long.message_id = format!("<alert.{}@{}.example>", "f".repeat(64), "h".repeat(60));
        assert!(wire(&long).unwrap().contains(&long.message_id));
    }

    #[test]
    fn a_line_break_in_any_header_refuses_the_message() {
        for spoil in [
            |m: &mut Message| m.subject.push_str("\r\nBcc: eve@evil.example"),
            |m: &mut Message| m.message_id.push('\n'),
            |m: &mut Message| m.headers.push(("List-Id", "a\rb".into())),
        ] {
            let mut spoiled = message();
            spoil(&mut spoiled);
            assert!(matches!(wire(&spoiled), Err(Error::Refused(_))));
        }
    }

    #[test]
    fn an_answer_is_one_bounded_line() {
        assert_eq!(one_line("250 a\r\n250 b\u{1b}[31m"), "250 a  250 b [31m");
        assert_eq!(one_line(&"x".repeat(9_000)).len(), ANSWER_LENGTH);
    }
}
