//! How groups stand, incidents, history and rules come back as they were written.

use super::*;
use crate::alerting::application::incidents::IncidentPage;
use crate::alerting::domain::alert::AlertKey;
use crate::alerting::domain::evaluator::KeptInstance;
use crate::alerting::domain::incident::{Incident, IncidentState};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::rule::RuleKey;
use crate::alerting::domain::rule_words::Severity;
use crate::alerting::domain::state::{AlertState, Course, Episode, Step};
use crate::alerting::domain::watchlist::GroupKey;

fn key(host: &str) -> GroupKey {
    let rule = RuleKey { tenant: None, id: RuleId::parse("deep").unwrap() };
    GroupKey { rule, tenant: tenant(), values: vec![host.into(), "".into()].into() }
}

fn kept(host: &str, state: AlertState) -> KeptInstance {
    let steps = vec![Step::On { since: second(3) }, Step::Pending { since: second(4) }, Step::Off];
    KeptInstance { key: key(host), course: Course::restored(state, steps), known_since: second(1) }
}

fn episode(peak: Option<f64>) -> Episode {
    Episode { since: second(3), severity: Severity::Error, peak }
}

fn incident(id: &str, opened_at: i64, state: IncidentState) -> Incident {
    let labels: LabelSet = [("host", "a")].into_iter().collect();
    let incident = Incident {
        id: IncidentId(id.into()),
        tenant: tenant(),
        rule_id: "deep".into(),
        rule_name: "Deep".into(),
        alert: AlertKey::of(&labels),
        labels,
        severity: Severity::Critical,
        opened_at: second(opened_at),
        state,
        assignee: Some("bob".into()),
        timeline: Vec::new(),
    };
    incident.opened("max 6 > 5")
}

#[tokio::test]
async fn groups_stand_as_they_were_written_and_are_forgotten_when_nobody_waits_for_them() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let states = [
            ("a", AlertState::Pending { since: second(3) }),
            ("b", AlertState::Firing(episode(Some(1e300)))),
            ("c", AlertState::Recovering { episode: episode(None), until: second(9) }),
            ("d", AlertState::Inactive),
        ];
        let mut changes = Changes { alive_at: Some(second(7)), ..Changes::default() };
        for (host, state) in states {
            changes.instances.insert(key(host), Some(kept(host, state)));
        }
        ledger.apply(changes).await.unwrap();
        let gone = Changes { instances: [(key("d"), None)].into(), ..Changes::default() };
        ledger.apply(gone).await.unwrap();
        drop(ledger);

        let standing = open(&place).await.standing(second(8)).await.unwrap();
        let mut found = standing.instances;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        let expected: Vec<_> = states.into_iter().take(3).map(|(host, state)| kept(host, state)).collect();
        assert_eq!(found, expected);
        assert_eq!(standing.alive_at, Some(second(7)));
    }
}

#[tokio::test]
async fn incidents_are_listed_by_tenant_and_state_and_old_ones_are_forgotten() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let taken = IncidentState::Acknowledged { by: "ada".into(), at: second(20) };
        let all = [
            incident("1", 10, IncidentState::Resolved { at: second(15) }),
            incident("2", 20, taken),
            incident("3", 30, IncidentState::Open),
        ];
        let by_id = |incident: &Incident| (incident.id.clone(), incident.clone());
        let changes = Changes { incidents: all.iter().map(by_id).collect(), ..Changes::default() };
        ledger.apply(changes).await.unwrap();
        let page = |tenant: TenantId, state, limit| IncidentPage {
            tenant,
            before: second(99),
            state,
            rule_id: None,
            limit,
        };
        let ids = |found: Vec<Incident>| found.into_iter().map(|incident| incident.id.0).collect::<Vec<_>>();
        assert_eq!(
            ids(ledger.incidents(page(tenant(), None, 2)).await.unwrap()),
            [Box::from("3"), Box::from("2")]
        );
        let open = page(tenant(), Some("open"), 9);
        assert_eq!(ledger.incidents(open).await.unwrap(), [all[2].clone()]);
        let other = TenantId::parse("other").unwrap();
        assert!(ledger.incidents(page(other.clone(), None, 9)).await.unwrap().is_empty());
        assert_eq!(ledger.incident(tenant(), all[1].id.clone()).await.unwrap(), Some(all[1].clone()));
        assert_eq!(ledger.incident(other, all[1].id.clone()).await.unwrap(), None);

        let recent = |now| ledger.standing(second(now));
        assert_eq!(recent(315).await.unwrap().incidents.len(), 3);
        assert_eq!(recent(316).await.unwrap().incidents.len(), 2);
        ledger.apply(Changes { forget_before: Some(second(16)), ..Changes::default() }).await.unwrap();
        assert_eq!(ledger.incidents(page(tenant(), None, 9)).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_somebody_resolved_is_listed_as_resolved_and_known_for_as_long_as_its_condition_holds() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let dismissed = incident("1", 10, IncidentState::Dismissed { at: second(15) });
        let incidents = [(dismissed.id.clone(), dismissed.clone())].into();
        ledger
            .apply(Changes { incidents, forget_before: Some(second(9_000)), ..Changes::default() })
            .await
            .unwrap();
        drop(ledger);
        let ledger = open(&place).await;
        assert_eq!(ledger.standing(second(9_999)).await.unwrap().incidents, std::slice::from_ref(&dismissed));
        let page = IncidentPage {
            tenant: tenant(),
            before: second(99),
            state: Some("resolved"),
            rule_id: None,
            limit: 9,
        };
        assert_eq!(ledger.incidents(page).await.unwrap(), [dismissed]);
    }
}

#[tokio::test]
async fn what_happened_is_listed_backwards_also_within_one_moment() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let entry = |at, kind: &str| HistoryEntry {
            tenant: tenant(),
            rule_id: "deep".into(),
            at: second(at),
            kind: kind.into(),
            severity: "WARN".into(),
            labels: [("host", "a")].into_iter().collect(),
            value: Some(9.5),
            reason: "max 9.5 > 5".into(),
        };
        let history = vec![entry(1, "pending"), entry(2, "firing"), entry(2, "resolved")];
        ledger.apply(Changes { history: history.clone(), ..Changes::default() }).await.unwrap();
        let found = ledger.history(tenant(), "deep".into(), second(9), 9).await.unwrap();
        assert_eq!(found, history.into_iter().rev().collect::<Vec<_>>());
        let kinds = ledger.history(tenant(), "deep".into(), second(2), 9).await.unwrap();
        assert_eq!(kinds.len(), 1);
    }
}

#[tokio::test]
async fn rules_of_the_api_come_back_in_their_last_version() {
    for place in Place::both() {
        let ledger = open(&place).await;
        let rule = |id: &str, version, body: &str| StoredRule {
            tenant: tenant(),
            id: RuleId::parse(id).unwrap(),
            version,
            changed_at: second(5),
            body: body.into(),
        };
        for stored in [rule("a", 1, "{}"), rule("b", 1, "{}"), rule("a", 2, "{\"id\": \"a\"}")] {
            ledger.put_rule(stored).await.unwrap();
        }
        ledger.delete_rule(tenant(), RuleId::parse("b").unwrap()).await.unwrap();
        drop(ledger);
        assert_eq!(open(&place).await.rules().await.unwrap(), [rule("a", 2, "{\"id\": \"a\"}")]);
    }
}
