//! What only a file can be: copied, damaged, full.

use super::*;

#[tokio::test]
async fn a_transaction_that_was_committed_is_there_after_a_crash_and_another_one_is_not() {
    let place = Place::file();
    let database = open(&place, &WORDS).await.unwrap();
    put(&database, "kept").await.unwrap();
    let mut tx = database.begin().await.unwrap();
    sqlx::query("INSERT INTO words (word) VALUES ('torn')").execute(&mut *tx).await.unwrap();
    // What a crash leaves: the files as they are now, with the log that was not folded in.
    let copy = Place::file();
    std::fs::create_dir_all(copy.path().parent().unwrap()).unwrap();
    for name in ["state.db", "state.db-wal"] {
        std::fs::copy(place.path().with_file_name(name), copy.path().with_file_name(name)).unwrap();
    }
    assert_eq!(words(&open(&copy, &WORDS).await.unwrap()).await, ["kept"]);
}

#[tokio::test]
async fn every_commit_waits_for_the_disk_and_foreign_keys_count() {
    let place = Place::file();
    let database = open(&place, &WORDS).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    for (pragma, expected) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)] {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let place = Place::file();
    std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    std::fs::write(
        place.path(),
        "a letter to somebody, which is long enough to be taken for a header".repeat(9),
    )
    .unwrap();
    let error = open(&place, &WORDS).await.unwrap_err();
    assert!(matches!(error, StateOpenError::Unusable { .. }), "{error:?}");
    assert!(std::fs::read_to_string(place.path()).unwrap().starts_with("a letter"));
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_was_there_stays() {
    let place = Place::file();
    let database = open(&place, &WORDS).await.unwrap();
    put(&database, "before").await.unwrap();
    let mut tx = database.begin().await.unwrap();
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let error = put(&database, &"x".repeat(100_000)).await.unwrap_err();
    assert!(
        matches!(&error, StateError::Unavailable(sqlx::Error::Database(e)) if e.code() == Some("13".into())),
        "{error:?}"
    );
    assert_eq!(words(&database).await, ["before"]);
    put(&database, "small").await.unwrap();
}
