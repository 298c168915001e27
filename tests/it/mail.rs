//! The mail sender against a real SMTP server, with faults at every step of the dialogue (R7, S35).

use notafter::{
    config::{Smtp, SmtpTls},
    notifiers::{Accepted, Error, Message, Notifier, email::Email},
    outbound::Outbound,
};

use crate::support::smtp_server::{Behaviour, SmtpServer};

fn message() -> Message {
    Message {
        to: "ann@team.example".into(),
        subject: "[notafter] shop.halden.example expires in 6 days".into(),
        text: "Ends in 6 days.\n.\nA line of one dot is content.\n".into(),
        html: Some("<p>Ends in 6 days.</p>".into()),
        message_id: format!("<alert.{}@certs.example>", "5f".repeat(32)),
        headers: vec![("X-Notafter-Alert-Id", "5f".repeat(32)), ("Auto-Submitted", "auto-generated".into())],
    }
}

fn sender(smtp: Smtp) -> Email {
    Email::new(smtp, "notafter <notafter@certs.example>", Outbound::default()).unwrap()
}

async fn send_to(behaviour: Behaviour) -> (Result<Accepted, Error>, SmtpServer) {
    let server = SmtpServer::start(behaviour);
    let outcome = sender(server.settings(SmtpTls::None)).send(&message()).await;
    (outcome, server)
}

async fn send_with_fault(fault: &'static str) -> (Error, usize) {
    let (outcome, server) = send_to(Behaviour { fault: Some(fault), ..Default::default() }).await;
    (outcome.expect_err("the relay did not take it"), server.messages().len())
}

#[tokio::test]
async fn a_message_arrives_once_with_its_headers_and_both_parts() {
    let (outcome, server) = send_to(Behaviour::default()).await;
    assert_eq!(outcome.unwrap().answer, "250 2.0.0 queued as 4f2a");
    let messages = server.messages();
    assert_eq!(messages.len(), 1);
    for wanted in [
        "X-Envelope-To: ann@team.example",
        "From: notafter <notafter@certs.example>",
        "To: ann@team.example",
        "Subject: [notafter] shop.halden.example expires in 6 days",
        &format!("Message-ID: {}", message().message_id),
        &format!("X-Notafter-Alert-Id: {}", "5f".repeat(32)),
        "\n.\r\nA line of one dot is content.",
        "<p>Ends in 6 days.</p>",
    ] {
        assert!(messages[0].contains(wanted), "{wanted}\n{}", messages[0]);
    }
}

#[tokio::test]
async fn starttls_is_used_and_the_certificate_is_checked() {
    let server = SmtpServer::start(Behaviour { tls: true, ..Default::default() });
    let trusting = sender(server.settings(SmtpTls::Required)).trusting(server.authority.clone().unwrap());
    trusting.send(&message()).await.unwrap();
    assert_eq!(server.messages().len(), 1);

    let refused = sender(server.settings(SmtpTls::Required)).send(&message()).await.unwrap_err();
    assert!(matches!(&refused, Error::Misconfigured(reason) if reason.contains("not trusted")), "{refused}");
    let opportunistic = sender(server.settings(SmtpTls::Opportunistic)).send(&message()).await;
    assert!(opportunistic.is_err(), "an untrusted certificate is no better when TLS was optional");
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = SmtpServer::start(Behaviour { tls: true, ..Default::default() });
    let elsewhere = Smtp { host: "127.0.0.1".into(), ..server.settings(SmtpTls::Required) };
    let refused =
        sender(elsewhere).trusting(server.authority.clone().unwrap()).send(&message()).await.unwrap_err();
    assert!(matches!(refused, Error::Misconfigured(_)), "{refused}");
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_when_starttls_was_stripped() {
    let server = SmtpServer::start(Behaviour::default());
    let refused = sender(server.settings(SmtpTls::Required)).send(&message()).await.unwrap_err();
    assert!(matches!(&refused, Error::Misconfigured(reason) if reason.contains("STARTTLS")), "{refused}");
    assert!(server.messages().is_empty());
    sender(server.settings(SmtpTls::Opportunistic)).send(&message()).await.unwrap();
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_password_is_sent_under_tls_only_and_a_wrong_one_is_our_fault() {
    let server = SmtpServer::start(Behaviour { tls: true, auth: Some("relay:s3cret"), ..Default::default() });
    let with = |password| {
        sender(server.settings_with(SmtpTls::Required, "relay", password))
            .trusting(server.authority.clone().unwrap())
    };
    with("s3cret").send(&message()).await.unwrap();
    let wrong = with("guess").send(&message()).await.unwrap_err();
    assert!(matches!(&wrong, Error::Misconfigured(reason) if reason.starts_with("535")), "{wrong}");

    let stripped = SmtpServer::start(Behaviour { auth: Some("relay:s3cret"), ..Default::default() });
    let settings = stripped.settings_with(SmtpTls::Opportunistic, "relay", "s3cret");
    let kept = sender(settings).send(&message()).await.unwrap_err();
    assert!(matches!(&kept, Error::Misconfigured(reason) if reason.contains("in the clear")), "{kept}");
}

#[tokio::test]
async fn a_refused_recipient_or_content_is_permanent() {
    for (fault, answer) in [("refuse", "550 5.1.1 no such user"), ("datafail", "554 5.6.0 not wanted")] {
        assert_eq!(send_with_fault(fault).await, (Error::Refused(answer.into()), 0));
    }
}

#[tokio::test]
async fn a_temporary_answer_is_transient_and_surely_not_sent() {
    for (fault, answer) in [("tempfail", "451 4.3.0 try again"), ("datatemp", "451 4.3.0 disk full")] {
        let expected = Error::Unreachable { reason: answer.into(), maybe_sent: false };
        assert_eq!(send_with_fault(fault).await, (expected, 0));
    }
    let (limited, _) = send_with_fault("limited").await;
    assert!(matches!(limited, Error::Limited { .. }), "{limited}");
}

#[tokio::test]
async fn a_line_cut_before_the_content_is_surely_not_sent() {
    let (error, accepted) = send_with_fault("hangup-data").await;
    assert!(matches!(error, Error::Unreachable { maybe_sent: false, .. }), "{error}");
    assert_eq!(accepted, 0);
}

#[tokio::test]
async fn an_answer_lost_after_the_content_may_have_been_sent_and_the_next_try_is_the_same_message() {
    let server =
        SmtpServer::start(Behaviour { fault: Some("late-drop"), times: Some(1), ..Default::default() });
    let sender = sender(server.settings(SmtpTls::None));
    let lost = sender.send(&message()).await.unwrap_err();
    assert!(matches!(lost, Error::Unreachable { maybe_sent: true, .. }), "{lost}");
    sender.send(&message()).await.unwrap();
    let id = format!("Message-ID: {}", message().message_id);
    assert_eq!(server.messages().iter().filter(|message| message.contains(&id)).count(), 2);
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let (outcome, server) = send_to(Behaviour { fault: Some("slow"), ..Default::default() }).await;
    outcome.unwrap();
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_relay_that_is_away_loses_nothing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Smtp { host: "127.0.0.1".into(), port, tls: SmtpTls::None, credentials: None };
    let error = sender(away).send(&message()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { maybe_sent: false, .. }), "{error}");
}

#[tokio::test]
async fn a_recipient_that_is_no_address_never_reaches_the_relay() {
    let server = SmtpServer::start(Behaviour::default());
    let sender = sender(server.settings(SmtpTls::None));
    for to in
        ["", "ann", "ann@team.example, eve@evil.example", "ann@team.example\r\nRCPT TO:<eve@evil.example>"]
    {
        let refused = sender.send(&Message { to: to.into(), ..message() }).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(_)), "{to:?}: {refused}");
    }
    assert!(server.messages().is_empty());
}
