//! Sections of channels: what each kind needs, and what it may not have.

use super::{errors, load};
use crate::config::{Channel, ChannelKind, EmailChannel, SendResolved, WebhookSigning};
use crate::platform::outgoing::{MailLogin, MailTls};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn channel(lines: &str) -> Channel {
    load(format!("[channels.ops]\n{lines}"), &[]).unwrap().channels.remove("ops").unwrap()
}

#[test]
fn each_kind_is_read_with_its_own_keys() {
    let slack = channel("kind = 'slack'\nurl = 'https://h/x'\nsend_resolved = false");
    assert!(matches!(slack, Channel { kind: ChannelKind::Slack { .. }, send_resolved: SendResolved::No }));
    let plain = channel("kind = 'webhook'\nurl = 'http://h/x'");
    assert!(matches!(plain.kind, ChannelKind::Webhook { signing: WebhookSigning::Off, .. }));
    assert_eq!(plain.send_resolved, SendResolved::Yes);
    let signed = channel(&format!("kind = 'webhook'\nurl = 'http://h/x'\nsecret = '{SECRET}'"));
    assert!(matches!(signed.kind, ChannelKind::Webhook { signing: WebhookSigning::With(_), .. }));
    let ChannelKind::PagerDuty { url, .. } = channel("kind = 'pagerduty'\nrouting_key = 'R012'").kind else {
        panic!("another kind")
    };
    assert_eq!(url.to_string(), "https://events.pagerduty.com/***");
    let own = channel("kind = 'pagerduty'\nrouting_key = 'R012'\nurl = 'http://127.0.0.1:9/x'");
    assert!(
        matches!(own.kind, ChannelKind::PagerDuty { url, .. } if url.to_string() == "http://127.0.0.1/***")
    );
}

fn email(lines: &str) -> EmailChannel {
    let addresses = "from = 'Alerts <alerts@example.com>'\nto = ['a@example.com', 'b@example.com']";
    match channel(&format!("kind = 'email'\n{addresses}\n{lines}")).kind {
        ChannelKind::Email(email) => email,
        other => panic!("another kind: {other:?}"),
    }
}

#[test]
fn mail_goes_over_tls_to_the_usual_port_unless_it_is_said() {
    for (lines, host, port, tls) in [
        ("smtp = 'mail.example.com'", "mail.example.com", 587, MailTls::StartTls),
        ("smtp = 'mail.example.com'\ntls = 'tls'", "mail.example.com", 465, MailTls::Immediate),
        ("smtp = '10.0.0.1'\ntls = 'off'", "10.0.0.1", 25, MailTls::Off),
        ("smtp = 'mail:2525'", "mail", 2525, MailTls::StartTls),
        ("smtp = '[fd00::1]'", "fd00::1", 587, MailTls::StartTls),
        ("smtp = '[fd00::1]:26'", "fd00::1", 26, MailTls::StartTls),
    ] {
        let EmailChannel { server, to, .. } = email(lines);
        assert_eq!((&*server.host, server.port, server.tls, to.len()), (host, port, tls, 2), "{lines}");
        assert!(matches!(server.login, MailLogin::None));
    }
    let login = email("smtp = 'm'\nuser = 'u'\npassword = 'p'").server.login;
    assert!(matches!(login, MailLogin::As { user, .. } if &*user == "u"));
}

#[test]
fn a_wrong_combination_names_the_key_and_why() {
    let mail = "kind = 'email'\nsmtp = 'm'\nfrom = 'a@b.de'\nto = ['a@b.de']\n";
    for (lines, expected) in [
        ("kind = 'fax'", "FILE:2: channels.ops.kind = \"fax\": allowed: slack, webhook, pagerduty, email"),
        (
            "kind = 'slack'\nurl = 'https://h'\nsecret = 'x'",
            "FILE:4: channels.ops.secret = (hidden): a channel of kind \"slack\" has no such key",
        ),
        (
            "kind = 'slack'\nurl = 'https://h'\nto = ['a@b.de']",
            "channels.ops.to = [a@b.de]: a channel of kind \"slack\" has no such key",
        ),
        (
            &format!("{mail}url = 'https://h'"),
            "channels.ops.url = (hidden): a channel of kind \"email\" has no such key",
        ),
        (
            "kind = 'webhook'",
            "channels.ops.url is missing; allowed: an address that begins with https:// or http://",
        ),
        (
            "kind = 'webhook'\nurl = 'https://h'\nsecret = 'short'",
            "channels.ops.secret = (hidden): allowed: whsec_ and 24 to 64 bytes",
        ),
        ("kind = 'pagerduty'", "channels.ops.routing_key is missing; allowed: the integration key"),
        (
            "kind = 'pagerduty'\nrouting_key = 'a b'",
            "channels.ops.routing_key = (hidden): allowed: the integration key",
        ),
        (
            "kind = 'email'\nfrom = 'a@b.de'\nto = ['a@b.de']",
            "channels.ops.smtp is missing; allowed: a mail server like",
        ),
        (
            "kind = 'email'\nsmtp = 'm'\nto = ['a@b.de']",
            "channels.ops.from is missing; allowed: an address like",
        ),
        (
            "kind = 'email'\nsmtp = 'm'\nfrom = 'a@b.de'",
            "channels.ops.to is missing; allowed: a list of 1 to 100 addresses",
        ),
        (
            "kind = 'email'\nsmtp = 'm'\nfrom = 'a@b.de'\nto = []",
            "channels.ops.to = []: allowed: a list of 1 to 100 addresses",
        ),
        (
            "kind = 'email'\nsmtp = 'm'\nfrom = 'a@b.de'\nto = ['a']",
            "channels.ops.to = [a]: allowed: a list of 1 to 100",
        ),
        (
            "kind = 'email'\nsmtp = 'm:x'\nfrom = 'a@b.de'\nto = ['a@b.de']",
            "channels.ops.smtp = \"m:x\": allowed: a mail server like",
        ),
        (&format!("{mail}user = 'u'"), "channels.ops.password is missing"),
        (
            &format!("{mail}ca_file = 'no/such/file.pem'"),
            "channels.ops.ca_file = \"no/such/file.pem\": allowed: a file of at most 1 MiB with certificates in PEM",
        ),
        (
            &format!("{mail}ca_file = 'Cargo.toml'"),
            "allowed: a file of at most 1 MiB with certificates in PEM",
        ),
        (&format!("{mail}password = 'p'"), "channels.ops.user is missing"),
        (
            &format!("{mail}tls = 'off'\nuser = 'u'\npassword = 'p'"),
            "channels.ops.password = (hidden): a password is sent over TLS only",
        ),
        (&format!("{mail}tls = 'on'"), "channels.ops.tls = \"on\": allowed: starttls, tls, off"),
        (
            &format!("{mail}send_resolved = 'yes'"),
            "channels.ops.send_resolved = \"yes\": allowed: true, false",
        ),
    ] {
        let lines_of = errors(format!("[channels.ops]\n{lines}"), &[]);
        assert!(lines_of.len() == 1 && lines_of[0].contains(expected), "{lines}: {lines_of:#?}");
    }
}

#[test]
fn secrets_are_not_shown_and_the_environment_may_bring_them() {
    let env = [
        ("TELEMETRYFLOW__CHANNELS__MAIL__PASSWORD", "hunter2"),
        ("TELEMETRYFLOW__CHANNELS__MAIL__TO", "a@b.de, c@d.de"),
        ("TELEMETRYFLOW__CHANNELS__MAIL__SEND_RESOLVED", "false"),
        ("TELEMETRYFLOW__CHANNELS__HOOK__SECRET", SECRET),
        ("TELEMETRYFLOW__CHANNELS__DUTY__ROUTING_KEY", "hunter2"),
    ];
    let text = "[channels.mail]\nkind = 'email'\nsmtp = 'm'\nfrom = 'a@b.de'\nuser = 'u'\n\
        [channels.hook]\nkind = 'webhook'\nurl = 'https://h/hunter2'\n[channels.duty]\nkind = 'pagerduty'";
    let settings = load(text, &env).unwrap();
    let ChannelKind::Email(EmailChannel { to, .. }) = &settings.channels["mail"].kind else {
        panic!("another")
    };
    assert_eq!(to.len(), 2);
    for shown in [settings.to_string(), format!("{settings:?}")] {
        for secret in ["hunter2", "MfKQ9r8"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(settings.to_string().contains("send_resolved = false"));
    for (variable, wrong) in [("DUTY__ROUTING_KEY", "hunter 2"), ("HOOK__SECRET", "hunter2")] {
        let variable = format!("TELEMETRYFLOW__CHANNELS__{variable}");
        let lines = errors(text, &[(&variable, wrong), env[0], env[1]]);
        assert!(!lines.join("\n").contains("hunter"), "{lines:#?}");
    }
}
