//! What the API says of ingestion, as the document of the API has it.

use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};
use crate::shared::Signal;
use crate::telemetry::application::rejections::REJECTIONS_MAX_PER_TENANT;

use super::get_rejections::{self, LIMIT, LIMIT_DEFAULT, REJECTIONS_PATH, SIGNAL};
use super::get_stats::{STATS_PATH, StatsBody};

pub fn operations() -> Vec<Operation> {
    let limit = Form::Count { default: LIMIT_DEFAULT, max: Some(REJECTIONS_MAX_PER_TENANT) };
    let signal =
        Form::Choice { values: Signal::ALL.map(|signal| signal.name().into()).to_vec(), default: None };
    vec![
        Operation::get(STATS_PATH, "getIngestStats", "What became of every item")
            .tagged("ingestion")
            .needs(Needs::Reader)
            .described("Counts of all that was acknowledged, exact, also across restarts.")
            .answers::<StatsBody<'_>>(),
        Operation::get(REJECTIONS_PATH, "listRejections", "What was rejected lately, and why")
            .tagged("ingestion")
            .needs(Needs::Reader)
            .with([
                Parameter::new(&[LIMIT], "Most entries.", limit),
                Parameter::new(&[SIGNAL], "Of one signal; without it of all.", signal),
            ])
            .answers::<get_rejections::Body<'_>>()
            .problems(&[ProblemKind::InvalidRequest]),
    ]
}
