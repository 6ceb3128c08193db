//! Who may write a database of PostgreSQL, and what becomes of who may no longer.

use super::*;
use crate::platform::state::testing::{PostgresServer, reached};

async fn open_as(server: &PostgresServer, address: &str) -> Result<StateDatabase, StateOpenError> {
    open_after(server, address, Duration::ZERO).await
}

async fn open_after(
    server: &PostgresServer,
    address: &str,
    former_first: Duration,
) -> Result<StateDatabase, StateOpenError> {
    let address = address.to_owned();
    let options = StateOptions { address, former_first, busy_timeout: Duration::from_secs(20), ..quick() };
    StateDatabase::open(&StateTarget::Postgres(reached(&server.url())), &WORDS, options).await
}

fn directory(server: &PostgresServer) -> StateDirectory {
    StateDirectory::new(&reached(&server.url()), &quick()).unwrap()
}

/// What becomes of a host that vanished: its session is gone, and it does not know.
fn cut_lock(server: &PostgresServer) {
    let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    assert_eq!(server.sql(cut), "t");
}

fn owner(term: i64, address: &str) -> Option<Owner> {
    Some(Owner { term, address: address.to_owned() })
}

#[tokio::test]
async fn whoever_was_followed_writes_nothing_any_more() {
    let server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    put(&first, "first").await.unwrap();
    cut_lock(&server);
    // Nobody has followed yet.
    put(&first, "still").await.unwrap();
    let second = open_as(&server, "b:1").await.unwrap();
    for _ in 0..2 {
        let error = put(&first, "late").await.unwrap_err();
        assert!(matches!(error, StateError::TakenOver), "{error:?}");
        let error = first.keep().await.unwrap_err();
        assert!(matches!(error, StateError::TakenOver), "{error:?}");
    }
    put(&second, "second").await.unwrap();
    second.keep().await.unwrap();
    assert_eq!(words(&second).await, ["first", "second", "still"]);
    // And not when the second is gone, either.
    second.close().await;
    assert!(matches!(first.keep().await, Err(StateError::TakenOver)));
}

#[tokio::test]
async fn whoever_was_followed_and_asks_first_whether_it_is_the_owner_hears_that_it_is_not() {
    let server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    cut_lock(&server);
    let second = open_as(&server, "b:1").await.unwrap();
    assert!(matches!(first.keep().await, Err(StateError::TakenOver)));
    second.close().await;
    let third = open_as(&server, "c:1").await.unwrap();
    assert_eq!(directory(&server).owner().await.unwrap(), owner(3, "c:1"));
    third.keep().await.unwrap();
}

#[tokio::test]
async fn a_lock_that_was_lost_is_taken_again_where_nobody_had_it_since() {
    let server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    cut_lock(&server);
    assert_eq!(directory(&server).owner().await.unwrap(), None);
    first.keep().await.unwrap();
    assert_eq!(directory(&server).owner().await.unwrap(), owner(1, "a:1"));
    assert!(matches!(open_as(&server, "b:1").await, Err(StateOpenError::InUse)));
    put(&first, "goes on").await.unwrap();
}

#[tokio::test]
async fn while_somebody_holds_the_lock_and_has_not_begun_the_owner_is_neither_confirmed_nor_deposed() {
    let server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    cut_lock(&server);
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect(&server.url()).await.unwrap();
    other.execute("SELECT pg_advisory_lock(21574, 1)").await.unwrap();
    for _ in 0..2 {
        assert!(matches!(first.keep().await, Err(StateError::Unavailable(_))));
    }
    put(&first, "its own still").await.unwrap();
    drop(other);
    eventually(async || first.keep().await.is_ok()).await;
}

#[tokio::test]
async fn a_successor_waits_for_the_transaction_that_is_open_and_sees_what_it_wrote() {
    let server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    let mut tx = first.begin().await.unwrap();
    sqlx::query("INSERT INTO words (word) VALUES ('in time')").execute(&mut *tx).await.unwrap();
    cut_lock(&server);
    let taken = async { words(&open_as(&server, "b:1").await.unwrap()).await };
    let committed = async {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        eventually(async || server.sql(waiting) == "1").await;
        tx.commit().await.unwrap();
    };
    let (seen, ()) = tokio::join!(taken, committed);
    assert_eq!(seen, ["in time"]);
    assert!(matches!(first.begin().await, Err(StateError::TakenOver)));
}

#[tokio::test]
async fn others_learn_who_owns_it_whether_it_is_there_or_not() {
    let mut server = PostgresServer::start();
    let directory = directory(&server);
    assert_eq!(directory.owner().await.unwrap(), None);
    let first = open_as(&server, "a:1").await.unwrap();
    assert_eq!(directory.owner().await.unwrap(), owner(1, "a:1"));
    first.close().await;
    assert_eq!(directory.owner().await.unwrap(), None);
    let second = open_as(&server, "").await.unwrap();
    assert_eq!(directory.owner().await.unwrap(), owner(2, ""));
    server.stop();
    let begun = std::time::Instant::now();
    assert!(matches!(directory.owner().await, Err(StateError::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    server.start_again();
    assert_eq!(directory.owner().await.unwrap(), None);
    second.keep().await.unwrap();
    assert_eq!(directory.owner().await.unwrap(), owner(2, ""));
}

#[tokio::test]
async fn a_file_is_kept_for_as_long_as_it_is_open() {
    let database = open(&Place::file(), &WORDS).await.unwrap();
    database.keep().await.unwrap();
}

#[tokio::test]
async fn when_the_database_comes_back_its_owner_goes_first() {
    let mut server = PostgresServer::start();
    let first = open_as(&server, "a:1").await.unwrap();
    server.stop();
    server.start_again();
    let long = Duration::from_secs(600);
    assert!(matches!(open_after(&server, "b:1", long).await, Err(StateOpenError::InUse)));
    first.keep().await.unwrap();
    put(&first, "goes on").await.unwrap();
    // And one that is started again is no other.
    first.close().await;
    open_after(&server, "a:1", long).await.unwrap();
}
