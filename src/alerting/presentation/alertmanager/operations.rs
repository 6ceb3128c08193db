//! Alertmanager's routes, as the document of the API has them.

use super::alert_bodies::{AlertBody, GroupBody, PostedBody, ReceiverBody};
use super::parameters::{
    ACTIVE, EXPRESSION_BYTES_MAX, FILTER, INHIBITED, MUTED, OF_ALERTS, OF_GROUPS, OF_SILENCES, RECEIVER,
    SILENCED, UNPROCESSED,
};
use super::silence_bodies::{IdBody, PostedSilence, SilenceBody};
use super::status::StatusBody;
use super::{ALERTS_PATH, GROUPS_PATH, RECEIVERS_PATH, SILENCE_PATH, SILENCES_PATH, STATUS_PATH};
use crate::alerting::domain::notifying::matcher_text::TEXT_BYTES_MAX;
use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};

/// Longer than any id there is: they are UUIDs.
const ID_BYTES_MAX: usize = 64;

const TAG: &str = "alerts";
const SAME: &str = "As in Alertmanager. Who accepts `application/json` alone is answered errors as a JSON text, as its clients expect.";

pub fn operations() -> Vec<Operation> {
    let id = || {
        Parameter::in_path(&["id"], "The silence's id.", Form::Text { bytes_max: ID_BYTES_MAX, example: "" })
    };
    vec![
        Operation::get(ALERTS_PATH, "getAlerts", "The alerts that fire")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .with(OF_ALERTS.iter().copied().map(described))
            .answers::<Vec<AlertBody>>()
            .problems(&[ProblemKind::InvalidRequest]),
        Operation::post(ALERTS_PATH, "postAlerts", "Raises alerts, or says that they go on or are over")
            .tagged(TAG)
            .needs(Needs::Operator)
            .described(SAME)
            .asks::<Vec<PostedBody>>()
            .answers_nothing("They are taken.")
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::BodyTooLarge, ProblemKind::Unavailable]),
        Operation::get(GROUPS_PATH, "getAlertGroups", "The alerts that fire, as channels are told of them")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .with(OF_GROUPS.iter().copied().map(described))
            .answers::<Vec<GroupBody>>()
            .problems(&[ProblemKind::InvalidRequest]),
        Operation::get(SILENCES_PATH, "getSilences", "Silences, also those that expired lately")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .with(OF_SILENCES.iter().copied().map(described))
            .answers::<Vec<SilenceBody>>()
            .problems(&[ProblemKind::InvalidRequest]),
        Operation::post(SILENCES_PATH, "postSilences", "Sets a silence, or changes one")
            .tagged(TAG)
            .needs(Needs::Operator)
            .described(SAME)
            .asks::<PostedSilence>()
            .answers::<IdBody>()
            .problems(&[
                ProblemKind::InvalidRequest,
                ProblemKind::NotFound,
                ProblemKind::BodyTooLarge,
                ProblemKind::Unavailable,
            ]),
        Operation::get(SILENCE_PATH, "getSilence", "A silence")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .with([id()])
            .answers::<SilenceBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::NotFound]),
        Operation::delete(SILENCE_PATH, "deleteSilence", "Ends a silence")
            .tagged(TAG)
            .needs(Needs::Operator)
            .described(SAME)
            .with([id()])
            .answers_nothing("It is over.")
            .problems(&[ProblemKind::NotFound, ProblemKind::Unavailable]),
        Operation::get(RECEIVERS_PATH, "getReceivers", "The channels")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .answers::<Vec<ReceiverBody>>(),
        Operation::get(STATUS_PATH, "getStatus", "What Alertmanager would say of itself")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described(SAME)
            .answers::<StatusBody>(),
    ]
}

fn described(name: &'static str) -> Parameter {
    let flag = || Form::Choice { values: vec!["true".into(), "false".into()], default: Some("true") };
    let text = |bytes_max, example| Form::Text { bytes_max, example };
    match name {
        FILTER => {
            let about =
                "A matcher like `severity=\"CRITICAL\"`, with `=`, `!=`, `=~` or `!~`; all have to match.";
            Parameter::new(&[FILTER], about, text(TEXT_BYTES_MAX, "severity=\"CRITICAL\"")).repeated()
        }
        RECEIVER => {
            let about = "A regular expression for the whole name of a channel.";
            Parameter::new(&[RECEIVER], about, text(EXPRESSION_BYTES_MAX, "ops"))
        }
        ACTIVE => Parameter::new(
            &[ACTIVE],
            "`false` leaves out those that are neither silenced nor inhibited.",
            flag(),
        ),
        SILENCED => Parameter::new(&[SILENCED], "`false` leaves out those that are silenced.", flag()),
        INHIBITED => Parameter::new(&[INHIBITED], "`false` leaves out those that others explain.", flag()),
        UNPROCESSED => Parameter::new(&[UNPROCESSED], "No alert is unprocessed here.", flag()),
        MUTED => {
            Parameter::new(&[MUTED], "`false` leaves out groups whose route is silent by the clock.", flag())
        }
        _ => Parameter::new(&[], "", flag()),
    }
}
