//! What can go wrong between us and the store, sorted by what to do about it.

/// A statement failed. The engine's own words are kept for the log; they never go to clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub detail: String,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// The same statement may succeed later: try again.
    #[error("the store is not available")]
    Unavailable,
    /// A limit on time, memory or rows stopped the statement.
    #[error("the statement passed a limit of the store")]
    Limit,
    /// A value that came with the statement is not acceptable (a pattern, say).
    #[error("the store refused a value")]
    Value,
    /// The store has not the tables or rights that the statement needs. Somebody has to mend that; then it succeeds.
    #[error("the store is not as the statement needs it")]
    Unprepared,
    /// The statement can never succeed as it is.
    #[error("the store refused the statement")]
    Refused,
    /// Not among the codes that we know: it may pass or not.
    #[error("the store failed")]
    Unknown,
    /// Nobody waits for the answer any more.
    #[error("the statement was cancelled")]
    Cancelled,
    /// The store answered something that cannot be read.
    #[error("the store's answer cannot be read")]
    Answer,
}

impl StoreError {
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Sorts a message of the engine by its error code (`Code: 60. DB::Exception: ...`; `ErrorCodes.cpp`).
    pub fn from_engine(message: String) -> Self {
        let kind = match code_in(&message) {
            // TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
            Some(159 | 241 | 158 | 307 | 396) => StoreErrorKind::Limit,
            // QUERY_WAS_CANCELLED
            Some(394) => StoreErrorKind::Cancelled,
            // CANNOT_COMPILE_REGEXP, BAD_QUERY_PARAMETER
            Some(427 | 457) => StoreErrorKind::Value,
            // CANNOT_OPEN_FILE, CANNOT_WRITE_TO_FILE_DESCRIPTOR, NOT_ENOUGH_SPACE, TOO_MANY_PARTS, SOCKET_TIMEOUT,
            // NETWORK_ERROR, TOO_MANY_SIMULTANEOUS_QUERIES, CANNOT_SCHEDULE_TASK, NO_ZOOKEEPER, ALL_CONNECTION_TRIES_FAILED,
            // TOO_FEW_LIVE_REPLICAS
            Some(76 | 75 | 243 | 252 | 209 | 210 | 202 | 439 | 225 | 279 | 285) => {
                StoreErrorKind::Unavailable
            }
            // NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_TABLE, UNKNOWN_DATABASE, READONLY, TABLE_IS_READ_ONLY, UNKNOWN_USER, WRONG_PASSWORD,
            // REQUIRED_PASSWORD, ACCESS_DENIED, AUTHENTICATION_FAILED
            Some(16 | 60 | 81 | 164 | 242 | 192 | 193 | 194 | 497 | 516) => StoreErrorKind::Unprepared,
            // CANNOT_PARSE_TEXT, NUMBER_OF_COLUMNS_DOESNT_MATCH, CANNOT_PARSE_INPUT_ASSERTION_FAILED, BAD_ARGUMENTS,
            // ILLEGAL_TYPE_OF_ARGUMENT, ILLEGAL_COLUMN, UNKNOWN_FUNCTION, UNKNOWN_IDENTIFIER, TYPE_MISMATCH, SYNTAX_ERROR,
            // CANNOT_CONVERT_TYPE, UNKNOWN_SETTING, INCORRECT_DATA, ILLEGAL_AGGREGATION,
            // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, VIOLATED_CONSTRAINT
            Some(6 | 20 | 27 | 36 | 43 | 44 | 46 | 47 | 53 | 62 | 70 | 115 | 117 | 184 | 349 | 469) => {
                StoreErrorKind::Refused
            }
            Some(_) | None => StoreErrorKind::Unknown,
        };
        Self { kind, detail: message }
    }
}

fn code_in(message: &str) -> Option<u32> {
    let rest = message.get(message.find("Code: ")? + "Code: ".len()..)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_sorted_by_what_to_do_about_them() {
        for (message, kind) in [
            ("Code: 241. DB::Exception: Memory limit exceeded", StoreErrorKind::Limit),
            ("Code: 427. DB::Exception: OptimizedRegularExpression", StoreErrorKind::Value),
            ("Code: 252. DB::Exception: Too many parts", StoreErrorKind::Unavailable),
            ("Code: 60. DB::Exception: Unknown table", StoreErrorKind::Unprepared),
            ("Code: 516. DB::Exception: Authentication failed", StoreErrorKind::Unprepared),
            // It may have been done.
            ("Code: 319. DB::Exception: Unknown status of insert", StoreErrorKind::Unknown),
            ("Code: 53. DB::Exception: Type mismatch", StoreErrorKind::Refused),
            ("Code: 394. DB::Exception: Query was cancelled", StoreErrorKind::Cancelled),
            ("Code: 1001. DB::Exception: std::exception", StoreErrorKind::Unknown),
            ("something without a code", StoreErrorKind::Unknown),
        ] {
            assert_eq!(StoreError::from_engine(message.to_owned()).kind, kind, "{message}");
        }
    }
}
