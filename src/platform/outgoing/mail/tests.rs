//! Mail to a server on loopback that answers as it is told.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

mod tls;

/// Serves one dialogue: greets, answers each command by its first letters, gives all that it heard.
async fn server(answers: &'static [(&'static str, &'static str)]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "a test's own server")]
    let task = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        socket.write_all(b"220 mail.test\r\n").await.unwrap();
        dialogue(socket, answers).await
    });
    (port, task)
}

/// Everything behind the greeting; gives what was heard.
async fn dialogue(
    mut socket: BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    answers: &[(&str, &str)],
) -> String {
    let (mut heard, mut is_text) = (String::new(), false);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.unwrap_or_default() == 0 {
            return heard;
        }
        heard.push_str(&line);
        if is_text && line != ".\r\n" {
            continue;
        }
        is_text = line.starts_with("DATA");
        let told = answers.iter().find(|(command, _)| line.starts_with(command)).map(|(_, answer)| *answer);
        let usual = match line.get(..4).unwrap_or(".") {
            "EHLO" => "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 as you wish",
        };
        let answer = format!("{}\r\n", told.unwrap_or(usual));
        let answered = socket.write_all(answer.as_bytes()).await;
        if answered.is_err() || socket.flush().await.is_err() {
            return heard;
        }
    }
}

fn mail() -> Mail {
    Mail {
        from: MailAddress::parse("Alerts <alerts@example.com>").unwrap(),
        to: vec![
            MailAddress::parse("ops@example.com").unwrap(),
            MailAddress::parse("boss@example.com").unwrap(),
        ],
        subject: "Größe\r\nBcc: evil@example.com".to_owned(),
        text: "first\n.\nlast".to_owned(),
        message_id: "<1@example.com>".to_owned(),
        thread: "<incident@example.com>".to_owned(),
        at: Timestamp::from_nanos(1_767_225_600_000_000_000),
    }
}

fn plain(host: &str, port: u16) -> MailServer {
    MailServer {
        host: host.into(),
        port,
        tls: MailTls::Off,
        authority: MailAuthority::System,
        login: MailLogin::None,
    }
}

async fn send(allow: &[&str], server: &MailServer) -> Result<Box<str>, MailError> {
    let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
    OutgoingClient::new(allow).unwrap().mail(server, mail()).await
}

#[tokio::test]
async fn a_message_has_its_conversation_and_nothing_that_its_text_asks_for() {
    let (port, task) = server(&[]).await;
    let login = MailLogin::As { user: "alerts".into(), password: "secret".into() };
    let answer = send(&["127.0.0.0/8"], &MailServer { login, ..plain("localhost", port) }).await.unwrap();
    assert_eq!(&*answer, "250 as you wish");
    let heard = task.await.unwrap();
    for expected in [
        "AUTH PLAIN AGFsZXJ0cwBzZWNyZXQ=\r\n",
        "MAIL FROM:<alerts@example.com>",
        "RCPT TO:<ops@example.com>\r\nRCPT TO:<boss@example.com>\r\n",
        "Message-ID: <1@example.com>\r\n",
        "In-Reply-To: <incident@example.com>\r\n",
        "References: <incident@example.com>\r\n",
        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
        "\r\nfirst\r\n..\r\nlast\r\n.\r\n",
    ] {
        assert!(heard.contains(expected), "{expected} in\n{heard}");
    }
    assert!(!heard.contains("\r\nBcc:"), "{heard}");
}

#[tokio::test]
async fn what_the_server_says_decides_whether_trying_again_helps() {
    for (command, answer, is_refused) in [
        ("MAIL", "451 greylisted", false),
        ("RCPT", "550 no such user", true),
        ("AUTH", "535 wrong password", true),
        (".", "452 disk full", false),
        (".", "554 spam", true),
    ] {
        let answers: &'static [(&str, &str)] = Box::leak(Box::new([(command, answer)]));
        let (port, _task) = server(answers).await;
        let login = MailLogin::As { user: "alerts".into(), password: "secret".into() };
        let server = MailServer { login, ..plain("127.0.0.1", port) };
        let error = send(&["127.0.0.0/8"], &server).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Refused(_)), is_refused, "{answer}: {error:?}");
        assert_eq!(matches!(error, MailError::NotNow(_)), !is_refused, "{answer}: {error:?}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_where_it_is_asked_for() {
    let (port, task) = server(&[]).await;
    let asked = MailServer { tls: MailTls::StartTls, ..plain("localhost", port) };
    assert!(matches!(send(&["127.0.0.0/8"], &asked).await, Err(MailError::Refused(_))));
    assert!(!task.await.unwrap().contains("MAIL"));
}

#[tokio::test]
async fn servers_inside_are_refused_in_every_form_of_their_address() {
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "::1",
        "::ffff:127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "fe80::1",
    ] {
        let error = send(&[], &plain(host, 9)).await.unwrap_err();
        assert!(matches!(error, MailError::NotReached(OutgoingError::AddressRefused)), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert!(matches!(send(&["127.0.0.0/8"], &plain("127.0.0.1", port)).await, Err(MailError::Broken(_))));
}
