//! The ledger over a real file and a real PostgreSQL: what is applied is there after a restart, in order, and the newest of a group
//! alone.

use super::*;
use crate::alerting::application::outbox_ledger::{DEAD_LETTERS_MAX, Worth};
use crate::alerting::domain::alert::Phase;
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notification_fixtures::{notification, resolved};
use crate::platform::state::testing::Place;
use crate::platform::state::{StateOpenError, StateOptions};

mod notifying;
mod standing;

async fn open(place: &Place) -> StateLedger {
    StateLedger::new(database(place, MIGRATIONS).await.unwrap())
}

async fn database(place: &Place, migrations: &[Migration]) -> Result<StateDatabase, StateOpenError> {
    StateDatabase::open(&place.target(), migrations, StateOptions::default()).await
}

fn changes(notifications: &[Notification]) -> Changes {
    let mut changes = Changes::default();
    changes.notifications.extend_from_slice(notifications);
    changes
}

async fn apply(ledger: &StateLedger, notifications: &[Notification]) {
    ledger.apply(changes(notifications)).await.unwrap();
}

fn ids(notifications: &[Notification]) -> Vec<&str> {
    notifications.iter().map(|notification| &*notification.id.0).collect()
}

fn id(text: &str) -> NotificationId {
    NotificationId(text.into())
}

fn refused(reason: &str, at: i64) -> Fate {
    Fate::Refused { reason: reason.into(), at: second(at) }
}

fn tenant() -> TenantId {
    TenantId::unnamed()
}

#[tokio::test]
async fn what_waits_is_there_after_a_restart_just_as_it_was_and_in_order() {
    for place in Place::both() {
        let mut second_one = notification("n2", "slack", "disk", 20);
        second_one.truncated = 7;
        second_one.alerts[0].phase = Phase::Resolved { at: second(19) };
        second_one.alerts[0].finding.as_mut().unwrap().value = None;
        second_one.alerts[0].finding.as_mut().unwrap().peak = f64::INFINITY;
        let mut third = notification("n3", "mail", "cpu", 30);
        third.alerts[0].phase = Phase::Firing { expires: Some(second(99)) };
        third.alerts[0].finding = None;
        let all = [notification("n1", "slack", "cpu", 10), second_one, third];
        let ledger = open(&place).await;
        for index in [2, 0, 1] {
            apply(&ledger, &all[index..=index]).await;
        }
        drop(ledger);
        let ledger = open(&place).await;
        assert_eq!(ledger.unsent().await.unwrap(), all);
        assert_eq!(ids(&ledger.unsent_of("slack".into(), 9).await.unwrap()), ["n1", "n2"]);
        assert_eq!(ids(&ledger.unsent_of("slack".into(), 1).await.unwrap()), ["n1"]);
    }
}

#[tokio::test]
async fn a_newer_one_replaces_the_unsent_one_of_its_tenant_channel_and_group() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let mut foreign = notification("n2", "slack", "cpu", 10);
        foreign.tenant = TenantId::parse("other").unwrap();
        apply(&ledger, &[notification("n1", "slack", "cpu", 10), foreign]).await;
        apply(&ledger, &[notification("n3", "mail", "cpu", 11), notification("n4", "slack", "cpu", 12)])
            .await;
        assert_eq!(ids(&ledger.unsent().await.unwrap()), ["n2", "n3", "n4"]);
        // What was sent meanwhile has nothing to do with what took its place.
        ledger.end(id("n1"), Fate::Settled).await.unwrap();
        ledger.end(id("n1"), refused("refused", 13)).await.unwrap();
        ledger.end(id("n4"), Fate::Settled).await.unwrap();
        assert_eq!(ids(&ledger.unsent().await.unwrap()), ["n2", "n3"]);
        assert_eq!(ledger.dead_letters(tenant()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_unsent_ending_is_told_by_the_newer_one_also_after_a_restart() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let mut older = notification("n1", "slack", "cpu", 10);
        older.alerts[0].phase = Phase::Resolved { at: second(9) };
        let mut newer = notification("n2", "slack", "disk", 20);
        newer.group_key = "cpu".into();
        apply(&ledger, &[older.clone()]).await;
        apply(&ledger, &[newer.clone()]).await;
        drop(ledger);
        newer.alerts.extend(older.alerts);
        assert_eq!(open(&place).await.unsent().await.unwrap(), [newer]);
    }
}

#[tokio::test]
async fn changes_are_applied_whole_or_not_at_all() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let twice = [notification("same", "slack", "cpu", 1), notification("same", "slack", "disk", 1)];
        assert!(matches!(ledger.apply(changes(&twice)).await, Err(LedgerError::Unavailable(_))));
        assert_eq!(ledger.unsent().await.unwrap(), []);
    }
}

/// The database was away when there was something to tell, and it was told; or it was not heard that the step was written.
#[tokio::test]
async fn what_was_told_before_its_step_is_written_does_not_wait_afterwards() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let [sent, unwanted, waits] = [
            notification("sent", "slack", "cpu", 10),
            notification("unwanted", "slack", "disk", 10),
            notification("waits", "slack", "net", 10),
        ];
        ledger.end(id("sent"), Fate::Settled).await.unwrap();
        ledger.end(id("unwanted"), refused("answered 404", 11)).await.unwrap();
        for _ in 0..2 {
            apply(&ledger, &[sent.clone(), unwanted.clone(), waits.clone()]).await;
            assert_eq!(ids(&ledger.unsent().await.unwrap()), ["waits"]);
            let dead = ledger.dead_letters(tenant()).await.unwrap();
            let dead: Vec<_> = dead.iter().map(|letter| (&*letter.notification.id.0, letter.worth)).collect();
            assert_eq!(dead, [("unwanted", Worth::Latest)]);
        }
        // Somebody wants it to be sent all the same.
        assert!(matches!(ledger.revive(tenant(), id("unwanted")).await.unwrap(), Revival::Waits(_)));
        apply(&ledger, &[unwanted]).await;
        assert_eq!(ids(&ledger.unsent().await.unwrap()), ["unwanted", "waits"]);
    }
}

#[tokio::test]
async fn dead_letters_are_listed_sent_again_and_dropped_by_their_tenant_alone() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let [first, other] =
            [notification("n1", "slack", "cpu", 10), notification("n2", "slack", "disk", 11)];
        apply(&ledger, &[first.clone(), other]).await;
        ledger.end(id("n1"), refused("answered 404", 20)).await.unwrap();
        ledger.end(id("n2"), refused("answered 400", 21)).await.unwrap();
        drop(ledger);
        let ledger = open(&place).await;
        let dead = ledger.dead_letters(tenant()).await.unwrap();
        assert_eq!(
            dead.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(),
            ["answered 400", "answered 404"]
        );
        assert_eq!(
            (dead[1].died_at, dead[1].worth, &dead[1].notification),
            (second(20), Worth::Latest, &first)
        );
        assert_eq!(ledger.dead_counts(tenant()).await.unwrap(), [("slack".into(), 2)]);
        assert_eq!(ledger.unsent().await.unwrap(), []);

        let stranger = TenantId::parse("other").unwrap();
        assert_eq!(ledger.dead_letters(stranger.clone()).await.unwrap(), []);
        assert_eq!(ledger.revive(stranger.clone(), id("n1")).await.unwrap(), Revival::Unknown);
        assert_eq!(ledger.discard(stranger, id("n1")).await.unwrap(), Discarded::Unknown);

        assert_eq!(ledger.revive(tenant(), id("n1")).await.unwrap(), Revival::Waits(first.clone()));
        assert_eq!(ledger.revive(tenant(), id("n1")).await.unwrap(), Revival::Unknown);
        assert_eq!(ledger.unsent().await.unwrap(), [first]);
        assert_eq!(ledger.discard(tenant(), id("n2")).await.unwrap(), Discarded::Gone);
        assert_eq!(ledger.discard(tenant(), id("n2")).await.unwrap(), Discarded::Unknown);
        assert_eq!(ledger.dead_letters(tenant()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_dead_letter_is_not_sent_again_once_there_is_something_newer_to_tell() {
    for place in Place::both() {
        let ledger = open(&place).await;
        apply(&ledger, &[notification("fires", "slack", "cpu", 10)]).await;
        ledger.end(id("fires"), refused("answered 404", 11)).await.unwrap();
        apply(&ledger, &[resolved("over", "slack", "cpu", 12)]).await;
        ledger.end(id("over"), Fate::Settled).await.unwrap();
        assert_eq!(ledger.revive(tenant(), id("fires")).await.unwrap(), Revival::Superseded);
        assert_eq!(ledger.dead_letters(tenant()).await.unwrap()[0].worth, Worth::Superseded);
        assert_eq!(ledger.unsent().await.unwrap(), []);
    }
}

#[tokio::test]
async fn the_oldest_dead_letters_go_where_there_are_too_many() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let mut tx = ledger.database.begin().await.unwrap();
        for number in 0..=DEAD_LETTERS_MAX {
            let (name, group) = (format!("n{number:05}"), format!("g{number}"));
            outbox::put(&mut tx, &notification(&name, "slack", &group, 1)).await.unwrap();
            let at = second(i64::try_from(number).unwrap());
            sqlx::query("UPDATE outbox SET dead_at = $1 WHERE id = $2")
                .bind(at.nanos())
                .bind(&name)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        apply(&ledger, &[notification("last", "slack", "last", 1)]).await;
        ledger.end(id("last"), refused("no", 1_000_000)).await.unwrap();
        let dead = ledger.dead_letters(tenant()).await.unwrap();
        assert_eq!(dead.len(), DEAD_LETTERS_MAX);
        assert_eq!(&*dead[0].notification.id.0, "last");
        assert_eq!(&*dead[DEAD_LETTERS_MAX - 1].notification.id.0, "n00002");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_understood_is_an_error_that_names_it() {
    for place in Place::both() {
        let ledger = open(&place).await;
        apply(&ledger, &[notification("n1", "slack", "cpu", 10)]).await;
        for statement in [
            "UPDATE outbox SET body = '{'",
            "UPDATE outbox SET body = '{\"group_labels\":{},\"alerts\":[]}', tenant = '?'",
        ] {
            let mut tx = ledger.database.begin().await.unwrap();
            sqlx::query(statement).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
            let Err(LedgerError::Unreadable(cause)) = ledger.unsent().await else { panic!("it was read") };
            assert!(cause.to_string().contains("row n1"), "{cause}");
        }
    }
}
