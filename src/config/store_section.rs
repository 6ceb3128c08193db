//! Reads `[store]` and `[store.sql]`: where telemetry is kept, and who else may ask there.

use std::net::SocketAddr;

use super::network_store;
use super::reader::{Reader, text_of};
use super::sections::{DAY, MEBIBYTE, TEBIBYTE};
use super::{ByteSize, Library, SqlListener, Store, StoreKind};

/// Whether there are users of the SQL listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SqlUsers {
    Some,
    None,
}

pub(super) fn store(reader: &mut Reader, users: SqlUsers) -> Store {
    let library = match reader.is_written("store.library") {
        true => Library::At(reader.text("store.library").into()),
        false => Library::Search,
    };
    let kind = network_store::kind(reader);
    let sql = sql(reader, &kind, users);
    Store {
        kind,
        path: reader.text("store.path").into(),
        library,
        readers: reader.size("store.readers", 1..=64),
        writers: reader.size("store.writers", 1..=16),
        engine_memory_max: reader.bytes("store.engine_memory_max", ByteSize::mebibytes(256)..=TEBIBYTE),
        retention_metrics: reader.duration("store.retention_metrics", DAY..=DAY * 3_650),
        retention_logs: reader.duration("store.retention_logs", DAY..=DAY * 3_650),
        retention_traces: reader.duration("store.retention_traces", DAY..=DAY * 3_650),
        sql,
    }
}

fn sql(reader: &mut Reader, kind: &StoreKind, users: SqlUsers) -> SqlListener {
    SqlListener {
        listen: sql_address(reader, kind, users),
        statements_max: reader.size("store.sql.statements_max", 1..=64),
        body_bytes_max: reader.bytes("store.sql.body_bytes_max", MEBIBYTE..=ByteSize::gibibytes(1)),
        answer_bytes_max: reader.bytes("store.sql.answer_bytes_max", MEBIBYTE..=ByteSize::gibibytes(4)),
    }
}

/// Where others than this machine could ask, somebody has to be named who may.
fn sql_address(reader: &mut Reader, kind: &StoreKind, users: SqlUsers) -> Option<SocketAddr> {
    const PATH: &str = "store.sql.listen";
    if !reader.is_written(PATH) {
        return None;
    }
    if !matches!(kind, StoreKind::Embedded) {
        reader.refuse(PATH, "allowed: with the embedded engine only");
        return None;
    }
    let address = reader.read(PATH, SocketAddr::from(([127, 0, 0, 1], 0)), |written| {
        text_of(written)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| "allowed: an IP address and a port, like 127.0.0.1:8123 or [::1]:8123".to_owned())
    });
    if users == SqlUsers::None && !address.ip().to_canonical().is_loopback() {
        reader.refuse(PATH, "allowed: a loopback address, as long as there are no users ([sql_users.NAME])");
    }
    Some(address)
}
