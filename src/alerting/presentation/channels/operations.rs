//! What the API says of channels, as the document of the API has it.

use crate::platform::http::ProblemKind;
use crate::platform::http::openapi::{Form, Needs, Operation, Parameter};

use super::{
    CHANNEL_TEST_PATH, CHANNELS_PATH, ChannelsBody, DEAD_ONE_PATH, DEAD_PATH, DEAD_REPLAY_PATH, DeadBody,
    TestBody,
};

const NAME_BYTES_MAX: usize = 64;

pub fn operations() -> Vec<Operation> {
    let usual = [ProblemKind::InvalidRequest, ProblemKind::Unavailable];
    let about = |operation: Operation| operation.tagged("channels").needs(Needs::Operator).problems(&usual);
    let id = || {
        let form = Form::Text { bytes_max: NAME_BYTES_MAX, example: "0197a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b" };
        Parameter::in_path(&["id"], "The notification.", form)
    };
    let channel = Form::Text { bytes_max: NAME_BYTES_MAX, example: "ops" };
    vec![
        about(Operation::get(
            CHANNELS_PATH,
            "listChannels",
            "Channels, what waits for them and what failed last",
        ))
        .answers::<ChannelsBody>(),
        about(Operation::post(CHANNEL_TEST_PATH, "testChannel", "Send a test message now"))
            .described("Answers when the other side has: with what it said.")
            .with([Parameter::in_path(&["channel"], "The channel's name in the configuration.", channel)])
            .answers::<TestBody>()
            .problems(&[ProblemKind::NotFound]),
        about(Operation::get(DEAD_PATH, "listDeadNotifications", "Notifications that were refused for good"))
            .answers::<DeadBody>(),
        about(Operation::post(
            DEAD_REPLAY_PATH,
            "replayDeadNotification",
            "Send a refused notification again",
        ))
        .described("It is sent after what waits already.")
        .with([id()])
        .answers_nothing("It waits to be sent.")
        .problems(&[ProblemKind::NotFound, ProblemKind::NotComputable]),
        about(Operation::delete(DEAD_ONE_PATH, "dropDeadNotification", "Drop a refused notification"))
            .with([id()])
            .answers_nothing("It is gone.")
            .problems(&[ProblemKind::NotFound]),
    ]
}
