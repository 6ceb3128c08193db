//! The state database over real files and a real PostgreSQL: what was committed stays, and what cannot be is said.

use std::time::Duration;

use super::testing::Place;
use super::*;

mod file;
mod owner;
mod postgres;

const WORDS: [Migration; 2] = [
    Migration { name: "0001_words", statement: "CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY)" },
    Migration { name: "0002_counts", statement: "ALTER TABLE words ADD COLUMN count BIGINT" },
];

/// Waits for nothing long.
fn quick() -> StateOptions {
    StateOptions {
        busy_timeout: Duration::from_millis(200),
        turn_timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(5),
        address: "here:1".to_owned(),
        former_first: Duration::ZERO,
    }
}

async fn open(place: &Place, migrations: &[Migration]) -> Result<StateDatabase, StateOpenError> {
    StateDatabase::open(&place.target(), migrations, quick()).await
}

async fn put(database: &StateDatabase, word: &str) -> Result<(), StateError> {
    let mut tx = database.begin().await?;
    sqlx::query("INSERT INTO words (word) VALUES ($1)").bind(word).execute(&mut *tx).await?;
    tx.commit().await
}

async fn words(database: &StateDatabase) -> Vec<String> {
    let mut reading = database.read().await.unwrap();
    sqlx::query_scalar("SELECT word FROM words ORDER BY word").fetch_all(&mut *reading).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_is_there_again_and_what_was_not_is_gone() {
    for place in Place::both() {
        let database = open(&place, &WORDS).await.unwrap();
        put(&database, "kept").await.unwrap();
        let mut tx = database.begin().await.unwrap();
        sqlx::query("INSERT INTO words (word) VALUES ('torn')").execute(&mut *tx).await.unwrap();
        drop(tx);
        put(&database, "later").await.unwrap();
        assert_eq!(words(&database).await, ["kept", "later"], "{place:?}");
        database.close().await;
        drop(database);
        assert_eq!(words(&open(&place, &WORDS).await.unwrap()).await, ["kept", "later"], "{place:?}");
    }
}

#[tokio::test]
async fn steps_that_are_missing_are_applied_and_the_others_not_again() {
    for place in Place::both() {
        let database = open(&place, &WORDS[..1]).await.unwrap();
        put(&database, "old").await.unwrap();
        database.close().await;
        drop(database);
        let database = open(&place, &WORDS).await.unwrap();
        let mut reading = database.read().await.unwrap();
        let counts: Vec<Option<i64>> =
            sqlx::query_scalar("SELECT count FROM words").fetch_all(&mut *reading).await.unwrap();
        assert_eq!(counts, [None], "{place:?}");
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_and_kept() {
    for place in Place::both() {
        put(&open(&place, &WORDS).await.unwrap(), "newer").await.unwrap();
        let error = open(&place, &WORDS[..1]).await.unwrap_err();
        assert!(matches!(error, StateOpenError::Newer { found: 2, known: 1 }), "{error:?}");
        assert!(error.to_string().contains("newer version (schema 2, this program knows 1)"), "{error}");
        assert_eq!(words(&open(&place, &WORDS).await.unwrap()).await, ["newer"]);
    }
}

#[tokio::test]
async fn a_database_whose_steps_are_others_is_refused() {
    for place in Place::both() {
        drop(open(&place, &WORDS).await.unwrap());
        let others = [Migration { name: "0001_else", ..WORDS[0] }, WORDS[1]];
        let error = open(&place, &others).await.unwrap_err();
        assert!(matches!(error, StateOpenError::Foreign { number: 1, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    for place in Place::both() {
        let broken = Migration { name: "0002_broken", statement: "ALTER TABLE nowhere ADD COLUMN x TEXT" };
        let error = open(&place, &[WORDS[0], broken]).await.unwrap_err();
        assert!(matches!(error, StateOpenError::Step { number: 2, name: "0002_broken", .. }), "{error:?}");
        open(&place, &WORDS).await.unwrap();
    }
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    for place in Place::both() {
        let first = open(&place, &WORDS).await.unwrap();
        let error = open(&place, &WORDS).await.unwrap_err();
        assert!(matches!(error, StateOpenError::InUse), "{error:?}");
        first.close().await;
        drop(first);
        open(&place, &WORDS).await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_an_error_that_passes() {
    for place in Place::both() {
        let database = open(&place, &WORDS).await.unwrap();
        let lock = place.lock_table("words").await;
        let error = put(&database, "refused").await.unwrap_err();
        assert!(matches!(error, StateError::Unavailable(_)), "{error:?}");
        drop(lock);
        eventually(async || put(&database, "taken").await.is_ok()).await;
        assert_eq!(words(&database).await, ["taken"]);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    for place in Place::both() {
        let database = open(&place, &WORDS).await.unwrap();
        let mut reading = database.read().await.unwrap();
        sqlx::query("INSERT INTO words (word) VALUES ('x')").execute(&mut *reading).await.unwrap_err();
    }
}

#[tokio::test]
async fn transactions_of_one_process_wait_for_each_other() {
    for place in Place::both() {
        let database = open(&place, &WORDS).await.unwrap();
        let writers = (0..20).map(|number| {
            let database = database.clone();
            async move {
                let mut tx = database.begin().await?;
                let statement = "INSERT INTO words (word) VALUES ((SELECT COUNT(*) || 'th' FROM words))";
                sqlx::query(statement).execute(&mut *tx).await?;
                if number % 3 == 0 { Ok(()) } else { tx.commit().await }
            }
        });
        let done: Vec<Result<(), StateError>> = futures_util::future::join_all(writers).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        assert_eq!(words(&database).await.len(), 13);
    }
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_spoils_no_other() {
    for place in Place::both() {
        let database = open(&place, &WORDS).await.unwrap();
        put(&database, "kept").await.unwrap();
        let lasting = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n";
        for patience in [1, 5, 20] {
            let mut reading = database.read().await.unwrap();
            let read = sqlx::query(lasting).fetch_all(&mut *reading);
            _ = tokio::time::timeout(Duration::from_millis(patience), read).await;
            drop(reading);
            assert_eq!(words(&database).await, ["kept"], "{place:?} {patience}");
        }
    }
}

/// Polls until it holds.
async fn eventually(holds: impl AsyncFn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never holds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
