//! More waits for the store than memory may hold.

use std::time::Duration;

use telemetryflow::shared::Signal;

use crate::exactly_once::{DURABILITY, Listeners, Numbers, Outcome, Request, Sender, Sent, compare, ledger};
use crate::support::faulty::Faulty;

const PATIENCE: Duration = Duration::from_secs(50);
/// Segments of the journal are 2 MiB long: a sixteenth of it, with room for the longest body.
const CONFIGURATION: &str = "[journal]\nbytes_max = \"32MiB\"\n[ingest]\nbudget_bytes = \"4MiB\"\nbody_bytes_max = \"1MiB\"\n\
    durability = \"journal\"\nresent_window = \"10m\"\nbatch_age_max = \"20ms\"";
const SEGMENT_BYTES: u64 = 2 << 20;
/// What is sent, in bytes of bodies: far more than the budget.
const BODY_BYTES: usize = 192 << 20;
/// Of one request, each with a text of its own.
const ITEMS: u64 = 1_000;
const TEXT_BYTES: usize = 300;
/// How much more memory than an idle server it may take: the budget, batches on their way, and what threads keep for the next
/// request. The texts of all items alone would take more.
const MEMORY_MAX: u64 = 128 << 20;

#[test]
fn a_backlog_costs_disk_and_not_memory_and_is_stored_and_released_without_another_request() {
    let faulty = Faulty::start("down", CONFIGURATION);
    let (server, numbers) = (&faulty.server, Numbers::default());
    let journal_bytes = || server.get("/readyz").json()["journal"]["bytes"].as_u64().expect("a number");
    let idle = server.memory();

    let mut sender = Sender::new(PATIENCE);
    let (mut sent, mut sent_bytes, mut most): (Vec<Sent>, usize, u64) = (Vec::new(), 0, 0);
    for signal in Signal::ALL.into_iter().cycle() {
        let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(TEXT_BYTES).collect();
        let request = Request::plain(signal, &numbers, ITEMS, &text);
        assert!((200_000..500_000).contains(&request.body.len()), "{} bytes", request.body.len());
        assert_eq!(
            sender.send(Listeners::of(server), &request),
            Outcome::Taken,
            "{sent_bytes} bytes were sent"
        );
        sent.push(request.sent(1));
        sent_bytes += request.body.len();
        most = most.max(server.memory());
        if sent_bytes >= BODY_BYTES {
            break;
        }
    }
    assert!(most < idle + MEMORY_MAX, "{most} bytes of memory, and {idle} when it was idle");
    assert!(journal_bytes() > 3 * SEGMENT_BYTES, "{} bytes in the journal", journal_bytes());
    assert_eq!(server.get("/readyz").status, 200);

    faulty.order("up");
    ledger::settle(server, DURABILITY, &sent, &[]);
    faulty.until("the journal is released", || journal_bytes() <= 2 * SEGMENT_BYTES);
    assert_eq!(server.get("/readyz").status, 200);
    compare(&faulty.stop(), &sent).assert_exactly_once();
}
