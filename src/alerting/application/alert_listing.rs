//! Alerts as people ask for them: with why they are not told of, and only those that pass a filter.

use crate::alerting::domain::alert::{Alert, AlertKey};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notifying::matcher::{Matcher, all_match};
use crate::alerting::domain::notifying::silence::SilenceId;
use crate::alerting::domain::notifying::tenant_alerts::{AlertView, GroupView};
use crate::shared::label_filter::Pattern;

/// An alert that fires.
#[derive(Debug, Clone)]
pub struct ListedAlert {
    pub alert: Alert,
    pub silenced_by: Vec<SilenceId>,
    pub inhibited_by: Option<AlertKey>,
    /// Names of channels.
    pub receivers: Vec<Box<str>>,
}

/// Alerts that one channel is told of together.
#[derive(Debug, Clone)]
pub struct ListedGroup {
    pub channel: Box<str>,
    pub labels: LabelSet,
    pub alerts: Vec<ListedAlert>,
    /// Names of time intervals by which its route is silent now.
    pub muted_by: Vec<Box<str>>,
}

/// Which alerts are listed. The default lists all.
#[derive(Debug, Clone, Default)]
pub struct AlertFilter {
    pub matchers: Vec<Matcher>,
    /// The whole name of at least one of its receivers.
    pub receiver: Option<Pattern>,
    pub without: Vec<Standing>,
}

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Neither of the others.
    Active,
    Silenced,
    Inhibited,
    /// In a group that is muted by the clock; alerts that are listed without their groups never are.
    Muted,
}

impl AlertFilter {
    fn lists(&self, view: &AlertView<'_>) -> bool {
        let stands = |standing: &Standing| match standing {
            Standing::Active => view.silenced_by.is_empty() && view.inhibited_by.is_none(),
            Standing::Silenced => !view.silenced_by.is_empty(),
            Standing::Inhibited => view.inhibited_by.is_some(),
            Standing::Muted => false,
        };
        all_match(&self.matchers, &view.alert.labels) && !self.without.iter().any(stands)
    }

    fn receives(&self, channel: &str) -> bool {
        self.receiver.as_ref().is_none_or(|receiver| receiver.is_match(channel))
    }

    pub fn alerts(&self, views: &[AlertView<'_>]) -> Vec<ListedAlert> {
        let received = |view: &&AlertView<'_>| {
            self.receiver.is_none() || view.channels.iter().any(|channel| self.receives(channel))
        };
        views.iter().filter(|view| self.lists(view)).filter(received).map(listed).collect()
    }

    /// Groups without an alert that passes are left out.
    pub fn groups(&self, views: &[GroupView<'_>]) -> Vec<ListedGroup> {
        let hides_muted = self.without.contains(&Standing::Muted);
        let shown = views.iter().filter(|view| !hides_muted || view.muted_by.is_empty());
        let received = shown.filter(|view| self.receives(&view.id.channel));
        let groups = received.map(|view| ListedGroup {
            channel: view.id.channel.clone(),
            labels: view.labels.clone(),
            alerts: view.alerts.iter().filter(|view| self.lists(view)).map(listed).collect(),
            muted_by: view.muted_by.iter().map(|name| (*name).into()).collect(),
        });
        groups.filter(|group| !group.alerts.is_empty()).collect()
    }
}

fn listed(view: &AlertView<'_>) -> ListedAlert {
    ListedAlert {
        alert: view.alert.clone(),
        silenced_by: view.silenced_by.iter().map(|id| (*id).clone()).collect(),
        inhibited_by: view.inhibited_by,
        receivers: view.channels.iter().map(|channel| (*channel).into()).collect(),
    }
}
