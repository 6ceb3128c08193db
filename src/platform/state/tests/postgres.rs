//! What only a server can be: wrong, silent, away and back.

use std::net::TcpListener;
use std::time::Instant;

use super::*;
use crate::platform::state::testing::{PASSWORD, PostgresServer, reached};

async fn open_at(url: &str) -> Result<StateDatabase, StateOpenError> {
    StateDatabase::open(&StateTarget::Postgres(reached(url)), &WORDS, quick()).await
}

/// All that people may see of an error.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|error| format!("{error} {error:?}; ")).collect()
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_said_at_once_and_without_the_password() {
    let server = PostgresServer::start();
    for (url, expected) in [
        (server.url().replace(PASSWORD, "wrong-secret"), "password authentication failed for user \"flow\""),
        (server.url().replace("/state", "/elsewhere"), "database \"elsewhere\" does not exist"),
        (server.url() + "?sslmode=require", "does not support TLS"),
        (format!("postgres://flow:{PASSWORD}@127.0.0.1:1/state"), "Connection refused"),
    ] {
        let begun = Instant::now();
        let error = open_at(&url).await.unwrap_err();
        assert!(matches!(error, StateOpenError::Unusable { .. }), "{error:?}");
        let told = told(&error);
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("wrong-secret") && !told.contains(PASSWORD), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
    let database = open_at(&server.url()).await.unwrap();
    assert!(!format!("{database:?}").contains(PASSWORD), "{database:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = StateTarget::Postgres(reached(&format!("postgres://f@{}/s", silent.local_addr().unwrap())));
    let options = StateOptions { connect_timeout: Duration::from_millis(100), ..quick() };
    let error = StateDatabase::open(&target, &WORDS, options).await.unwrap_err();
    assert!(matches!(&error, StateOpenError::Unusable { source: sqlx::Error::Io(_) }), "{error:?}");
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let server = PostgresServer::start();
    server.sql("CREATE DATABASE old ENCODING 'SQL_ASCII' TEMPLATE template0");
    let error = open_at(&server.url().replace("/state", "/old")).await.unwrap_err();
    assert!(matches!(&error, StateOpenError::Encoding { found } if found == "SQL_ASCII"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error_and_used_again_when_it_is_back() {
    let mut server = PostgresServer::start();
    let database = open_at(&server.url()).await.unwrap();
    put(&database, "before").await.unwrap();
    let mut open = database.begin().await.unwrap();
    sqlx::query("INSERT INTO words (word) VALUES ('torn')").execute(&mut *open).await.unwrap();
    server.stop();
    assert!(matches!(open.commit().await, Err(StateError::Unavailable(_))));
    for begun in [Instant::now(), Instant::now()] {
        assert!(matches!(put(&database, "lost").await, Err(StateError::Unavailable(_))));
        assert!(matches!(database.ping().await, Err(StateError::Unavailable(_))));
        assert!(matches!(database.keep().await, Err(StateError::Unavailable(_))));
        // None waits for it.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
    server.start_again();
    put(&database, "after").await.unwrap();
    assert_eq!(words(&database).await, ["after", "before"]);
    database.keep().await.unwrap();
    assert!(matches!(open_at(&server.url()).await, Err(StateOpenError::InUse)));
}

#[tokio::test]
async fn a_transaction_that_was_dropped_is_rolled_back_and_keeps_neither_locks_nor_the_owner_from_its_own() {
    let server = PostgresServer::start();
    let database = open_at(&server.url()).await.unwrap();
    for _ in 0..20 {
        let mut tx = database.begin().await.unwrap();
        let slow = sqlx::query("INSERT INTO words (word) SELECT pg_sleep(10)::TEXT").execute(&mut *tx);
        tokio::time::timeout(Duration::from_millis(5), slow).await.unwrap_err();
    }
    put(&database, "next").await.unwrap();
    database.keep().await.unwrap();
    assert_eq!(words(&database).await, ["next"]);
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    eventually(async || server.sql(open) == "0").await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_and_the_connection_goes_on() {
    let server = PostgresServer::start();
    let target = StateTarget::Postgres(reached(&server.url()));
    let options = StateOptions { answer_timeout: Duration::from_secs(1), ..quick() };
    let database = StateDatabase::open(&target, &WORDS, options).await.unwrap();
    let mut reading = database.read().await.unwrap();
    let asked = sqlx::query("SELECT 1 FROM pg_sleep(60)").execute(&mut *reading).await;
    let code = asked.unwrap_err().into_database_error().unwrap().code().unwrap().into_owned();
    assert_eq!(code, "57014");
    let answer: i64 = sqlx::query_scalar("SELECT 7::BIGINT").fetch_one(&mut *reading).await.unwrap();
    assert_eq!(answer, 7);
}

#[tokio::test]
async fn a_text_with_zero_bytes_is_stored_with_a_sign_in_their_place() {
    let server = PostgresServer::start();
    let database = open_at(&server.url()).await.unwrap();
    for word in ["a\0b", "ä'\"\\😀"] {
        put(&database, word).await.unwrap();
    }
    assert_eq!(words(&database).await, ["a\u{fffd}b", "ä'\"\\😀"]);
}
