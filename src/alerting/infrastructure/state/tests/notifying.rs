//! Alerts, groups and silences: what a step leaves is there after a restart, and what it forgets is not.

use super::*;
use crate::alerting::domain::notifying::dispatcher::{Decisions, DispatchChanges};
use crate::alerting::domain::notifying::fixtures::{Scene as Dispatching, by_cluster, of_rule, over, plan};

fn sorted<T: std::fmt::Debug>(rows: &[T]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

async fn assert_remembers(ledger: &StateLedger, expected: &DispatchChanges) {
    let found = ledger.remembered().await.unwrap();
    let alerts: Vec<_> = expected.alerts.values().flatten().map(|alert| (**alert).clone()).collect();
    let groups: Vec<_> = expected.groups.values().flatten().cloned().collect();
    let silences: Vec<_> = expected.silences.values().flatten().cloned().collect();
    assert_eq!(sorted(&found.alerts), sorted(&alerts));
    assert_eq!(sorted(&found.groups), sorted(&groups));
    assert_eq!(sorted(&found.silences), sorted(&silences));
}

#[tokio::test]
async fn alerts_groups_and_silences_are_there_after_a_restart_just_as_they_were() {
    for place in Place::both() {
        let mut dispatching = Dispatching::new(plan(&by_cluster(vec![]), &[]));
        dispatching.take(|now| of_rule("id=a,text=\"it's \\\"quoted\\\" ü\"", &["ops", "page"], now));
        dispatching.take(|now| of_rule("id=b,cluster=x", &[], now));
        dispatching.silence("id=~\"q|\\\"r\\\"\",cluster!=\"y\"", 1_000);
        dispatching.until(40);
        let dispatch = dispatching.remembered.clone();
        assert!(dispatch.alerts.len() == 2 && dispatch.groups.len() == 3 && dispatch.silences.len() == 1);
        let ledger = open(&place).await;
        ledger.apply(Changes { dispatch: dispatch.clone(), ..Changes::default() }).await.unwrap();
        assert_remembers(&ledger, &dispatch).await;
        drop(ledger);
        assert_remembers(&open(&place).await, &dispatch).await;
    }
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_what_changes_takes_its_place() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let mut dispatching = Dispatching::new(plan(&by_cluster(vec![]), &[]));
        for severity in ["WARN", "CRITICAL"] {
            let text = format!("id=a,severity={severity}");
            dispatching.take(|now| of_rule(&text, &["ops"], now));
            ledger
                .apply(Changes { dispatch: dispatching.remembered.clone(), ..Changes::default() })
                .await
                .unwrap();
            assert_remembers(&ledger, &dispatching.remembered).await;
        }
        let mut decisions = Decisions::default();
        let now = dispatching.now;
        let alert = over(of_rule("id=a", &["ops"], now), now);
        dispatching.dispatcher.take(alert, now, &mut decisions).unwrap();
        let mut next_id = |_| NotificationId("n".into());
        for minute in 0..3 {
            let at = now.plus(std::time::Duration::from_secs(60 * minute));
            dispatching.dispatcher.flush(at, &mut next_id, &mut decisions);
        }
        assert!(decisions.changes.alerts.values().all(Option::is_none));
        ledger.apply(Changes { dispatch: decisions.changes, ..Changes::default() }).await.unwrap();
        assert_remembers(&ledger, &DispatchChanges::default()).await;
    }
}
