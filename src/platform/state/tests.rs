//! The state database over real files: what was committed stays, and what cannot be is said.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::Connection as _;
use tempfile::TempDir;

use super::*;

const WORDS: [Migration; 2] = [
    Migration { name: "0001_words", statement: "CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY)" },
    Migration { name: "0002_counts", statement: "ALTER TABLE words ADD COLUMN count BIGINT" },
];

struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("deep/state.db")
    }

    async fn open(&self, migrations: &[Migration]) -> Result<StateDatabase, StateOpenError> {
        let quick =
            StateOptions { busy_timeout: Duration::from_millis(20), turn_timeout: Duration::from_secs(5) };
        StateDatabase::open(&self.path(), migrations, quick).await
    }
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
async fn a_transaction_that_was_committed_is_there_after_a_crash_and_another_one_is_not() {
    let scene = Scene::new();
    let database = scene.open(&WORDS).await.unwrap();
    put(&database, "kept").await.unwrap();
    let mut tx = database.begin().await.unwrap();
    sqlx::query("INSERT INTO words (word) VALUES ('torn')").execute(&mut *tx).await.unwrap();
    // What a crash leaves: the files as they are now, with the log that was not folded in.
    let copy = Scene::new();
    std::fs::create_dir_all(copy.path().parent().unwrap()).unwrap();
    for name in ["state.db", "state.db-wal"] {
        std::fs::copy(scene.path().with_file_name(name), copy.path().with_file_name(name)).unwrap();
    }
    assert_eq!(words(&copy.open(&WORDS).await.unwrap()).await, ["kept"]);
    drop(tx);
    put(&database, "later").await.unwrap();
    assert_eq!(words(&database).await, ["kept", "later"]);
}

#[tokio::test]
async fn every_commit_waits_for_the_disk_and_foreign_keys_count() {
    let scene = Scene::new();
    let database = scene.open(&WORDS).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    for (pragma, expected) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)] {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn steps_that_are_missing_are_applied_and_the_others_not_again() {
    let scene = Scene::new();
    let database = scene.open(&WORDS[..1]).await.unwrap();
    put(&database, "old").await.unwrap();
    drop(database);
    let database = scene.open(&WORDS).await.unwrap();
    let mut reading = database.read().await.unwrap();
    let counts: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT count FROM words").fetch_all(&mut *reading).await.unwrap();
    assert_eq!(counts, [None]);
}

#[tokio::test]
async fn a_newer_database_is_refused_and_kept() {
    let scene = Scene::new();
    put(&scene.open(&WORDS).await.unwrap(), "newer").await.unwrap();
    let error = scene.open(&WORDS[..1]).await.unwrap_err();
    assert!(matches!(error, StateOpenError::Newer { found: 2, known: 1 }), "{error:?}");
    assert!(error.to_string().contains("newer version (schema 2, this program knows 1)"), "{error}");
    assert_eq!(words(&scene.open(&WORDS).await.unwrap()).await, ["newer"]);
}

#[tokio::test]
async fn a_database_whose_steps_are_others_is_refused() {
    let scene = Scene::new();
    drop(scene.open(&WORDS).await.unwrap());
    let others = [Migration { name: "0001_else", ..WORDS[0] }, WORDS[1]];
    let error = scene.open(&others).await.unwrap_err();
    assert!(matches!(error, StateOpenError::Foreign { number: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let scene = Scene::new();
    let broken = Migration { name: "0002_broken", statement: "ALTER TABLE nowhere ADD COLUMN x TEXT" };
    let error = scene.open(&[WORDS[0], broken]).await.unwrap_err();
    assert!(matches!(error, StateOpenError::Step { number: 2, name: "0002_broken", .. }), "{error:?}");
    scene.open(&WORDS).await.unwrap();
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    let scene = Scene::new();
    let first = scene.open(&WORDS).await.unwrap();
    let error = scene.open(&WORDS).await.unwrap_err();
    assert!(matches!(error, StateOpenError::InUse), "{error:?}");
    first.close().await;
    drop(first);
    scene.open(&WORDS).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.path().parent().unwrap()).unwrap();
    std::fs::write(
        scene.path(),
        "a letter to somebody, which is long enough to be taken for a header".repeat(9),
    )
    .unwrap();
    let error = scene.open(&WORDS).await.unwrap_err();
    assert!(matches!(error, StateOpenError::Unusable { .. }), "{error:?}");
    assert!(std::fs::read_to_string(scene.path()).unwrap().starts_with("a letter"));
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_an_error_that_passes() {
    let scene = Scene::new();
    let database = scene.open(&WORDS).await.unwrap();
    let url = format!("sqlite://{}", scene.path().display());
    let mut other = Connection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = put(&database, "refused").await.unwrap_err();
    assert!(matches!(error, StateError::Unavailable(_)), "{error:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    put(&database, "taken").await.unwrap();
    assert_eq!(words(&database).await, ["taken"]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_was_there_stays() {
    let scene = Scene::new();
    let database = scene.open(&WORDS).await.unwrap();
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

#[tokio::test]
async fn readers_cannot_write() {
    let scene = Scene::new();
    let database = scene.open(&WORDS).await.unwrap();
    let mut reading = database.read().await.unwrap();
    sqlx::query("INSERT INTO words (word) VALUES ('x')").execute(&mut *reading).await.unwrap_err();
}
