//! The routes of incidents, as the document of the API has them.

use super::bodies::{AcknowledgeBody, AssignBody, IncidentBody, IncidentsBody, ResolveBody};
use super::{
    ACKNOWLEDGE_PATH, ASSIGN_PATH, BEFORE, ID_BYTES_MAX, INCIDENT_PATH, INCIDENTS_PATH, LIMIT, LIMIT_DEFAULT,
    LIMIT_MAX, RESOLVE_PATH, RULE, STATE, STATES,
};
use crate::alerting::domain::rule_words::RULE_ID_BYTES_MAX;
use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};

const TAG: &str = "incidents";
const OF_CHANGES: [ProblemKind; 5] = [
    ProblemKind::InvalidRequest,
    ProblemKind::NotFound,
    ProblemKind::Conflict,
    ProblemKind::BodyTooLarge,
    ProblemKind::Unavailable,
];

pub fn operations() -> Vec<Operation> {
    let text = |bytes_max| Form::Text { bytes_max, example: "" };
    let id = || Parameter::in_path(&["id"], "The incident's id.", text(ID_BYTES_MAX));
    let states = STATES.map(Into::into).to_vec();
    vec![
        Operation::get(INCIDENTS_PATH, "listIncidents", "Incidents, the newest first")
            .tagged(TAG)
            .needs(Needs::Reader)
            .with([
                Parameter::new(
                    &[STATE],
                    "Of one state; without it of all.",
                    Form::Choice { values: states, default: None },
                ),
                Parameter::new(&[RULE], "Of one rule, by its id.", text(RULE_ID_BYTES_MAX)),
                Parameter::new(&[BEFORE], "Opened before; milliseconds since the epoch.", text(20)),
                Parameter::new(
                    &[LIMIT],
                    "Most incidents.",
                    Form::Count { default: LIMIT_DEFAULT, max: Some(LIMIT_MAX) },
                ),
            ])
            .answers::<IncidentsBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::Unavailable]),
        Operation::get(INCIDENT_PATH, "getIncident", "An incident with its timeline")
            .tagged(TAG)
            .needs(Needs::Reader)
            .with([id()])
            .answers::<IncidentBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::NotFound, ProblemKind::Unavailable]),
        Operation::post(
            ACKNOWLEDGE_PATH,
            "acknowledgeIncident",
            "Somebody takes care of it: it is not told again until it changes",
        )
        .tagged(TAG)
        .needs(Needs::Operator)
        .with([id()])
        .asks::<AcknowledgeBody>()
        .answers::<IncidentBody>()
        .problems(&OF_CHANGES),
        Operation::post(ASSIGN_PATH, "assignIncident", "Says who is to take care of it")
            .tagged(TAG)
            .needs(Needs::Operator)
            .with([id()])
            .asks::<AssignBody>()
            .answers::<IncidentBody>()
            .problems(&OF_CHANGES),
        Operation::post(
            RESOLVE_PATH,
            "resolveIncident",
            "Somebody says that it is over: nothing more is told of it until its condition has ended, or becomes worse",
        )
        .tagged(TAG)
        .needs(Needs::Operator)
        .with([id()])
        .asks::<ResolveBody>()
        .answers::<IncidentBody>()
        .problems(&OF_CHANGES),
    ]
}
