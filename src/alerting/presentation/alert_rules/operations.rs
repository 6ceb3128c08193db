//! The routes of rules, as the document of the API has them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bodies::{HistoryBody, RuleBody, RulesBody};
use super::parameters::{BEFORE, LIMIT, LIMIT_DEFAULT, LIMIT_MAX};
use super::rehearse::{BacktestBody, BacktestQuestion, TestsBody};
use super::{BACKTEST_PATH, DISABLE_PATH, ENABLE_PATH, HISTORY_PATH, RULE_PATH, RULES_PATH, TEST_PATH};
use crate::alerting::domain::rule_words::RULE_ID_BYTES_MAX;
use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};

const TAG: &str = "alert rules";
/// What a change may be answered with.
const OF_CHANGES: [ProblemKind; 6] = [
    ProblemKind::InvalidRequest,
    ProblemKind::NotFound,
    ProblemKind::Conflict,
    ProblemKind::PreconditionFailed,
    ProblemKind::BodyTooLarge,
    ProblemKind::Unavailable,
];
const OF_TRIALS: [ProblemKind; 4] = [
    ProblemKind::InvalidRequest,
    ProblemKind::BodyTooLarge,
    ProblemKind::NotComputable,
    ProblemKind::Unavailable,
];
/// The form of a rule is described in `schemas/alert-rules.schema.json`.
type Rule = BTreeMap<String, Value>;

pub fn operations() -> Vec<Operation> {
    let switch = |path, id, summary| {
        Operation::post(path, id, summary)
            .tagged(TAG)
            .needs(Needs::Operator)
            .with([id_parameter()])
            .answers::<RuleBody>()
            .problems(&OF_CHANGES)
    };
    vec![
        Operation::get(RULES_PATH, "listAlertRules", "The rules that look at the tenant's series")
            .tagged(TAG)
            .needs(Needs::Reader)
            .answers::<RulesBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::Unavailable]),
        Operation::post(RULES_PATH, "createAlertRule", "Makes a rule")
            .tagged(TAG)
            .needs(Needs::Operator)
            .described("A rule as `schemas/alert-rules.schema.json` describes it. It is in force when the answer comes.")
            .asks::<Rule>()
            .answers_with::<RuleBody>(201, "It is in force.")
            .problems(&OF_CHANGES),
        Operation::get(RULE_PATH, "getAlertRule", "A rule, and how its groups stand")
            .tagged(TAG)
            .needs(Needs::Reader)
            .with([id_parameter()])
            .answers::<RuleBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::NotFound, ProblemKind::Unavailable]),
        Operation::put(RULE_PATH, "putAlertRule", "Changes a rule, or makes it")
            .tagged(TAG)
            .needs(Needs::Operator)
            .described("Needs `If-Match` with the rule's ETag (or `*`), or `If-None-Match: *` to make it.")
            .with([id_parameter()])
            .asks::<Rule>()
            .answers::<RuleBody>()
            .answers_with::<RuleBody>(201, "It is new, and in force.")
            .problems(&OF_CHANGES)
            .problems(&[ProblemKind::PreconditionRequired]),
        Operation::delete(RULE_PATH, "deleteAlertRule", "Takes a rule away; what it fired is over")
            .tagged(TAG)
            .needs(Needs::Operator)
            .with([id_parameter()])
            .leaves_nothing("It is gone.")
            .problems(&OF_CHANGES),
        switch(ENABLE_PATH, "enableAlertRule", "Evaluates a rule again"),
        switch(DISABLE_PATH, "disableAlertRule", "Evaluates a rule no more; what it fired is over"),
        Operation::post(TEST_PATH, "testAlertRules", "Runs tests of rules, in simulated time")
            .tagged(TAG)
            .needs(Needs::Reader)
            .described("Tests as `schemas/alert-rule-tests.schema.json` describes them, with the rules as `groups` beside them.")
            .asks::<Rule>()
            .answers::<TestsBody>()
            .problems(&OF_TRIALS),
        Operation::post(BACKTEST_PATH, "backtestAlertRule", "What a rule would have done, by what is stored")
            .tagged(TAG)
            .needs(Needs::Reader)
            .asks::<BacktestQuestion>()
            .answers::<BacktestBody>()
            .problems(&OF_TRIALS)
            .problems(&[ProblemKind::NotFound]),
        Operation::get(HISTORY_PATH, "getAlertRuleHistory", "What happened to the groups of a rule")
            .tagged(TAG)
            .needs(Needs::Reader)
            .with([
                id_parameter(),
                Parameter::new(&[BEFORE], "What happened before; milliseconds since the epoch. Without it, the latest.", Form::Text { bytes_max: 20, example: "" }),
                Parameter::new(&[LIMIT], "Most transitions.", Form::Count { default: LIMIT_DEFAULT, max: Some(LIMIT_MAX) }),
            ])
            .answers::<HistoryBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::Unavailable]),
    ]
}

fn id_parameter() -> Parameter {
    Parameter::in_path(&["id"], "The rule's id.", Form::Text { bytes_max: RULE_ID_BYTES_MAX, example: "" })
}
