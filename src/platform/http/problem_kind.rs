//! The kinds of problems that answers name: status, `type` and `title` of each.

use axum::http::StatusCode;

/// What went wrong, as the answer's status, `type` and `title`. The slugs are part of the published API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    InvalidRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Conflict,
    PreconditionFailed,
    BodyTooLarge,
    UnsupportedMediaType,
    NotComputable,
    PreconditionRequired,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl ProblemKind {
    pub const ALL: [Self; 15] = [
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::NotComputable,
        Self::PreconditionRequired,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotComputable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `type` member: a URN, so that it means the same on every host.
    pub const fn type_uri(self) -> &'static str {
        match self {
            Self::InvalidRequest => "urn:telemetryflow:problem:invalid-request",
            Self::Unauthorized => "urn:telemetryflow:problem:unauthorized",
            Self::Forbidden => "urn:telemetryflow:problem:forbidden",
            Self::NotFound => "urn:telemetryflow:problem:not-found",
            Self::MethodNotAllowed => "urn:telemetryflow:problem:method-not-allowed",
            Self::NotAcceptable => "urn:telemetryflow:problem:not-acceptable",
            Self::Conflict => "urn:telemetryflow:problem:conflict",
            Self::PreconditionFailed => "urn:telemetryflow:problem:precondition-failed",
            Self::BodyTooLarge => "urn:telemetryflow:problem:body-too-large",
            Self::UnsupportedMediaType => "urn:telemetryflow:problem:unsupported-media-type",
            Self::NotComputable => "urn:telemetryflow:problem:not-computable",
            Self::PreconditionRequired => "urn:telemetryflow:problem:precondition-required",
            Self::TooManyRequests => "urn:telemetryflow:problem:too-many-requests",
            Self::Internal => "urn:telemetryflow:problem:internal",
            Self::Unavailable => "urn:telemetryflow:problem:unavailable",
        }
    }

    /// The `title` member: the same for every occurrence (RFC 9457, section 3.1.3).
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::Unauthorized => "Credentials are missing or wrong",
            Self::Forbidden => "This is not allowed",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The path does not take this method",
            Self::NotAcceptable => "None of the accepted forms is available",
            Self::Conflict => "This is not possible as things are",
            Self::PreconditionFailed => "It has changed meanwhile",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body's type or encoding is not supported",
            Self::NotComputable => "The request is valid but cannot be computed",
            Self::PreconditionRequired => "Say what it is based on",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Something failed inside the server",
            Self::Unavailable => "The server cannot do this now",
        }
    }
}
