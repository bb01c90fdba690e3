//! The small set of outcomes.

/// What kind of failure it is. Decides the HTTP status and the gRPC code; see `docs/API-DESIGN.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be parsed: 400, `INVALID_ARGUMENT`.
    Malformed,
    /// The request parses but breaks a rule: 422, `INVALID_ARGUMENT`.
    InvalidArgument,
    /// Nobody is known to be calling: 401, `UNAUTHENTICATED`.
    Unauthenticated,
    /// The caller may not: 403, `PERMISSION_DENIED`.
    PermissionDenied,
    /// There is no such thing, or another tenant owns it: 404, `NOT_FOUND`.
    NotFound,
    /// HTTP only: the path has no such method: 405, `UNIMPLEMENTED`.
    MethodNotAllowed,
    /// The thing's state does not allow it: 409, `ABORTED`.
    Conflict,
    /// It was there and is not any more: 410, `NOT_FOUND`.
    Gone,
    /// What the caller assumed is not so: 412, `FAILED_PRECONDITION`.
    PreconditionFailed,
    /// More bytes than allowed: 413, `INVALID_ARGUMENT`.
    TooLarge,
    /// HTTP only: a body of a type that is not understood: 415, `INVALID_ARGUMENT`.
    UnsupportedMediaType,
    /// Not readable yet: 423, `FAILED_PRECONDITION`.
    Locked,
    /// Too many calls: 429, `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// A defect of ours: 500, `INTERNAL`.
    Internal,
    /// Something we need is away; the same call may succeed later: 503, `UNAVAILABLE`.
    Unavailable,
    /// It took longer than the caller waits: 504, `DEADLINE_EXCEEDED`.
    DeadlineExceeded,
}

impl Code {
    /// All of them, by HTTP status.
    pub const ALL: &'static [Self] = &[
        Self::Malformed,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::Gone,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidArgument,
        Self::Locked,
        Self::ResourceExhausted,
        Self::Internal,
        Self::Unavailable,
        Self::DeadlineExceeded,
    ];

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidArgument => 422,
            Self::Locked => 423,
            Self::ResourceExhausted => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// The gRPC code.
    #[must_use]
    pub const fn grpc(self) -> tonic::Code {
        match self {
            Self::Malformed | Self::InvalidArgument | Self::TooLarge | Self::UnsupportedMediaType => {
                tonic::Code::InvalidArgument
            }
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::PermissionDenied => tonic::Code::PermissionDenied,
            Self::NotFound | Self::Gone => tonic::Code::NotFound,
            Self::MethodNotAllowed => tonic::Code::Unimplemented,
            Self::Conflict => tonic::Code::Aborted,
            Self::PreconditionFailed | Self::Locked => tonic::Code::FailedPrecondition,
            Self::ResourceExhausted => tonic::Code::ResourceExhausted,
            Self::Internal => tonic::Code::Internal,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        }
    }

    /// Its name on the wire, for example `PRECONDITION_FAILED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "MALFORMED",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Conflict => "CONFLICT",
            Self::Gone => "GONE",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::TooLarge => "TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::Locked => "LOCKED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
        }
    }

    /// The code of a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether the fault is ours: then the caller learns nothing but the reason.
    #[must_use]
    pub const fn is_server_fault(self) -> bool {
        self.http_status() >= 500
    }

    /// Whether the same call may succeed a little later, without anybody changing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::ResourceExhausted | Self::Unavailable | Self::DeadlineExceeded)
    }
}
