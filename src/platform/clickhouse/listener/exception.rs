//! `Exception`: a failure as ClickHouse says it: a code, a text that names it, and the status of the answer.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};

use super::encoding::EncodingError;
use super::rules::Forbidden;
use super::statement::Refused;
use crate::platform::clickhouse::StoreError;

const CODE: &str = "x-clickhouse-exception-code";
/// What `Code: 0` would be called: an answer of the engine without a code.
const UNKNOWN_EXCEPTION: u32 = 1002;

/// One failure. The text is the engine's own where it comes from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub code: u32,
    /// `DB::Exception: ... (NAME)`, without the code.
    text: String,
}

/// Failures of our own, by ClickHouse's codes (`ErrorCodes.cpp`).
macro_rules! exceptions {
    ($($(#[$doc:meta])* $function:ident = $code:literal $name:literal;)*) => {
        impl Exception {
            $($(#[$doc])* pub fn $function(reason: impl std::fmt::Display) -> Self {
                Self { code: $code, text: format!(concat!("DB::Exception: {}. (", $name, ")"), reason) }
            })*
        }
    };
}

exceptions! {
    bad_arguments = 36 "BAD_ARGUMENTS";
    syntax_error = 62 "SYNTAX_ERROR";
    unknown_setting = 115 "UNKNOWN_SETTING";
    incorrect_data = 117 "INCORRECT_DATA";
    readonly = 164 "READONLY";
    too_long = 317 "QUERY_IS_TOO_LARGE";
    /// No room, or no turn, just now.
    too_many_queries = 202 "TOO_MANY_SIMULTANEOUS_QUERIES";
    cancelled = 394 "QUERY_WAS_CANCELLED";
    result_too_large = 396 "TOO_MANY_ROWS_OR_BYTES";
    prohibited = 392 "QUERY_IS_PROHIBITED";
    not_allowed = 446 "FUNCTION_NOT_ALLOWED";
    access_denied = 497 "ACCESS_DENIED";
    running_already = 216 "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING";
    authentication_failed = 516 "AUTHENTICATION_FAILED";
    required_password = 194 "REQUIRED_PASSWORD";
}

impl Exception {
    /// Takes the engine's message apart: `Code: 62. DB::Exception: ... (SYNTAX_ERROR)`.
    pub fn of_engine(error: &StoreError) -> Self {
        let detail = error.detail.trim();
        let rest = detail.split_once("Code: ").map_or(detail, |(_, rest)| rest);
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (code, text) = rest.split_at_checked(digits).unwrap_or(("", rest));
        match code.parse() {
            Ok(code) => Self { code, text: innermost(text.trim_start_matches(['.', ' ']), code).to_owned() },
            Err(_) => {
                Self { code: UNKNOWN_EXCEPTION, text: format!("DB::Exception: {detail} (UNKNOWN_EXCEPTION)") }
            }
        }
    }

    /// What the client reads, on one line.
    pub fn message(&self, version: &str) -> String {
        let ending =
            if self.text.contains("(version ") { String::new() } else { format!(" (version {version})") };
        format!("Code: {}. {}{ending}\n", self.code, self.text)
    }

    pub fn answer(&self, version: &str) -> Response<Body> {
        let mut answer = Response::new(Body::from(self.message(version)));
        *answer.status_mut() = status(self.code);
        let headers = answer.headers_mut();
        headers.insert(CODE, HeaderValue::from(self.code));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
        if answer.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"ClickHouse server HTTP API\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// The engine may say the same of itself again: `DB::Exception: Code: 73. DB::Exception: ... (NAME) (version 26). (NAME)`.
fn innermost(text: &str, code: u32) -> &str {
    let again = format!("DB::Exception: Code: {code}. ");
    let mut inner = text;
    while let Some(rest) = inner.strip_prefix(&again) {
        inner = rest;
    }
    match inner.split_once(" (version ") {
        Some((alone, _)) if inner.len() < text.len() => alone,
        _ => inner,
    }
}

/// As ClickHouse maps them (`exceptionCodeToHTTPStatus.cpp`).
const fn status(code: u32) -> StatusCode {
    match code {
        // REQUIRED_PASSWORD
        194 => StatusCode::UNAUTHORIZED,
        // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, SET_NON_GRANTED_ROLE, AUTHENTICATION_FAILED
        192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
        // What is wrong with the text or the data.
        6 | 8 | 15 | 25 | 26 | 27 | 36 | 38 | 41 | 44 | 53 | 62 | 72 | 117 | 167 | 168 | 180 | 223 | 321
        | 376 | 427 | 441 | 675 | 676 => StatusCode::BAD_REQUEST,
        // UNKNOWN_*
        46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | 511 => StatusCode::NOT_FOUND,
        // QUERY_IS_TOO_LARGE
        317 => StatusCode::PAYLOAD_TOO_LARGE,
        // NOT_IMPLEMENTED
        48 => StatusCode::NOT_IMPLEMENTED,
        // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
        76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
        // HTTP_LENGTH_REQUIRED
        381 => StatusCode::LENGTH_REQUIRED,
        // TIMEOUT_EXCEEDED
        159 => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refused> for Exception {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Lexed(_) | Refused::Several | Refused::NotText => Self::syntax_error(refused),
            Refused::TooLong => Self::too_long(refused),
            Refused::Kind(_) => Self::prohibited(refused),
            Refused::ReadOnly(_) => Self::readonly(refused),
            Refused::Forbidden(forbidden) => match forbidden {
                Forbidden::Function(_) => Self::not_allowed(forbidden),
                Forbidden::Setting(_) => Self::unknown_setting(forbidden),
                Forbidden::SystemTable(_) | Forbidden::DefaultDatabase => Self::access_denied(forbidden),
                Forbidden::Word(_) | Forbidden::Engine(_) => Self::prohibited(forbidden),
            },
        }
    }
}

impl From<EncodingError> for Exception {
    fn from(error: EncodingError) -> Self {
        match error {
            EncodingError::TooLarge => Self::too_long(error),
            EncodingError::Damaged | EncodingError::Unknown => Self::incorrect_data(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_are_kept_and_end_with_its_version() {
        let error =
            StoreError::from_engine("Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE)".to_owned());
        let exception = Exception::of_engine(&error);
        assert_eq!(
            exception.message("26.7.2.1"),
            "Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE) (version 26.7.2.1)\n"
        );
        let answer = exception.answer("26.7.2.1");
        assert_eq!(
            (answer.status(), &answer.headers()[CODE]),
            (StatusCode::NOT_FOUND, &HeaderValue::from(60))
        );
    }

    #[test]
    fn what_the_engine_says_of_itself_again_is_said_once() {
        let message = "Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format. (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)";
        let exception = Exception::of_engine(&StoreError::from_engine(message.to_owned()));
        let expected = "Code: 73. DB::Exception: Unknown format. (UNKNOWN_FORMAT) (version 26.7.2.1)\n";
        assert_eq!(exception.message("26.7.2.1"), expected);
    }

    #[test]
    fn what_has_no_code_is_an_unknown_exception() {
        let error = StoreError::from_engine("all connections are busy".to_owned());
        assert_eq!(Exception::of_engine(&error).code, UNKNOWN_EXCEPTION);
    }

    #[test]
    fn who_has_to_log_in_is_asked_to() {
        let answer = Exception::required_password("no").answer("1");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key(WWW_AUTHENTICATE));
        assert_eq!(Exception::authentication_failed("no").answer("1").status(), StatusCode::FORBIDDEN);
    }
}
