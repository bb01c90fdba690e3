//! Every reason there is. The one list: pages in `docs/errors/` are compared with it.
//!
//! To add one: a row here, a page there.

use crate::Code;

/// A row of the table of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What clients branch on, `UPPER_SNAKE_CASE`, never renamed.
    pub name: &'static str,
    /// The only code it is used with.
    pub code: Code,
    /// One line for people: the `title` of an HTTP problem.
    pub title: &'static str,
}

/// The row of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Reason> {
    ALL.iter().find(|reason| reason.name == name)
}

macro_rules! reasons {
    ($($name:ident = $code:ident, $title:literal;)*) => {
        $(
            #[doc = concat!($title, ". [`Code::", stringify!($code), "`].")]
            pub const $name: &str = stringify!($name);
        )*

        /// All reasons, in groups.
        pub const ALL: &[Reason] =
            &[$(Reason { name: $name, code: Code::$code, title: $title },)*];
    };
}

reasons! {
    // Anybody's.
    INTERNAL = Internal, "Something went wrong on our side";
    UNAVAILABLE = Unavailable, "Something we need is not available right now";
    TIMEOUT = DeadlineExceeded, "The answer took too long";
    OVERLOADED = ResourceExhausted, "Too many calls at once";
    REQUEST_MALFORMED = Malformed, "The request cannot be parsed";
    REQUEST_INVALID = InvalidArgument, "The request breaks a rule";
    PAGE_SIZE_INVALID = InvalidArgument, "The page size is out of range";
    PAGE_TOKEN_INVALID = InvalidArgument, "The page token is not one of ours";

    // Who calls, and what they may.
    TOKEN_MISSING = Unauthenticated, "No token was sent";
    TOKEN_INVALID = Unauthenticated, "The token is not accepted";
    TOKEN_EXPIRED = Unauthenticated, "The token has expired";
    PERMISSION_DENIED = PermissionDenied, "The caller may not do this";
    TENANT_MISSING = Malformed, "The call names no tenant";

    // Idempotency keys.
    IDEMPOTENCY_KEY_MISSING = Malformed, "The call needs an idempotency key";
    IDEMPOTENCY_KEY_INVALID = Malformed, "The idempotency key is not acceptable";
    IDEMPOTENCY_KEY_REUSED = InvalidArgument, "The idempotency key was used with another request";
    IDEMPOTENCY_KEY_IN_FLIGHT = Conflict, "The first call with this idempotency key is still running";

    // Documents.
    DOCUMENT_NOT_FOUND = NotFound, "There is no such document";
    VERSION_NOT_FOUND = NotFound, "The document has no such version";
    VERSION_IN_PROGRESS = Conflict, "A version of the document has no verdict yet";
    VERSION_LIMIT_REACHED = Conflict, "The document has as many versions as it can have";
    UNKNOWN_PURPOSE = InvalidArgument, "The purpose is not in the upload policy";
    FILE_NAME_INVALID = InvalidArgument, "The file's name cannot be used";
    CONTENT_TYPE_NOT_ALLOWED = InvalidArgument, "The content type is not allowed for the purpose";
    FILE_EMPTY = InvalidArgument, "The file is empty";
    FILE_TOO_LARGE = TooLarge, "The file is larger than the purpose allows";
    DIGEST_INVALID = InvalidArgument, "The digest is not a SHA-256";
    UPLOAD_MISSING = Conflict, "Nothing was uploaded yet";
    UPLOAD_NOT_IN_PARTS = Conflict, "The file is not sent in parts";
    PARTS_INVALID = InvalidArgument, "The parts cannot be signed";
    PARTS_MISSING = Conflict, "Parts of the upload are missing";
    UPLOAD_ALREADY_CONFIRMED = Conflict, "The upload was already confirmed";
    UPLOAD_EXPIRED = Gone, "The upload was not confirmed in time";
    DOCUMENT_NOT_SCANNED = Locked, "The document has no verdict yet";
    DOCUMENT_QUARANTINED = Locked, "The document waits for a review";
    DOCUMENT_NOT_QUARANTINED = Conflict, "The document does not wait for a review";
    REVIEWER_IS_OWNER = PermissionDenied, "Nobody reviews their own document";
    DECISION_INVALID = InvalidArgument, "The decision is not one that can be taken";
    DOCUMENT_REJECTED = Conflict, "The document was rejected";
    DOCUMENT_ERASED = Gone, "The document was erased";
    DOCUMENT_HELD = Conflict, "The document is under a legal hold";
    DOCUMENT_RETAINED = Conflict, "The document has to be kept for now";
    CASE_INVALID = InvalidArgument, "The reference of the case cannot be used";
    REASON_INVALID = InvalidArgument, "The reason cannot be used";
    CASE_EMPTY = NotFound, "The case has no documents";
    CASE_TOO_LARGE = TooLarge, "The case is too large to be exported at once";
    EXPORT_NOT_FOUND = NotFound, "There is no such export";
    EXPORT_NOT_READY = Locked, "The export is being made";
    EXPORT_FAILED = Conflict, "The export could not be made";
    EXPORT_ERASED = Gone, "The export was erased";
    HOLD_NOT_FOUND = NotFound, "There is no such hold";
    HOLD_RELEASED = Conflict, "The hold was already released";
    SECOND_PERSON_NEEDED = Conflict, "A second person has to agree";
    GRANT_NOT_FOUND = NotFound, "There is no such grant";
    GRANT_ENDED = Gone, "The grant is over";
    GRANT_INVALID = InvalidArgument, "The grant cannot be made";
    ACCESS_PURPOSE_INVALID = InvalidArgument, "It is not said what the document is read for";
    EVIDENCE_MISSING = PreconditionFailed, "The copied object is missing or differs";

    // Jobs.
    JOB_NOT_FOUND = NotFound, "There is no such job";
    JOB_LEASED = Conflict, "Somebody else has the job";
    JOB_FINISHED = Conflict, "The job was already reported";

    // Bills.
    BILL_NOT_FOUND = NotFound, "There is no such bill";
    BILL_INVALID = InvalidArgument, "The bill breaks a rule";
    BILL_RUN_EXISTS = Conflict, "The document has a bill run that did not fail";
    BILL_RUN_INVALID = InvalidArgument, "The bill run breaks a rule";
    BILL_RUN_NOT_FOUND = NotFound, "There is no such bill run";
    BILL_REFERENCE_TAKEN = Conflict, "Another bill has the reference";
    BILL_STATE = Conflict, "The bill does not stand so that this can be done";
    PDF_NOT_READY = Locked, "The PDF was not made yet";
    AMOUNT_INVALID = InvalidArgument, "The amount cannot be used";
    AMOUNT_ABOVE_OUTSTANDING = Conflict, "The amount is more than is outstanding";

    // Payments.
    PAYMENT_NOT_FOUND = NotFound, "There is no such payment";
    PAYMENT_STATE = Conflict, "The payment does not stand so that this can be done";
    PAYMENT_UNDER_WAY = Conflict, "A payment of the bill is under way";
    RETURN_URL_INVALID = InvalidArgument, "The return URL cannot be used";
    PROVIDER_ACCOUNT_MISSING = Unavailable, "The tenant has no account at a payment provider";
    AMOUNT_ABOVE_AVAILABLE = Conflict, "The amount is more than can be refunded";
    AMOUNT_AVAILABLE_STALE = PreconditionFailed, "Another amount is available by now";
    REFUND_LIMIT_REACHED = Conflict, "The payment has as many refunds as it can have";
    ACCOUNT_NOT_FOUND = NotFound, "There is no such account at a provider";
    CALLBACK_INVALID = InvalidArgument, "The callback cannot be used";
    SIGNATURE_INVALID = Unauthenticated, "The signature is not accepted";

    // The ledger.
    ADJUSTMENT_NOT_FOUND = NotFound, "There is no such adjustment";
    ADJUSTMENT_INVALID = InvalidArgument, "The adjustment breaks a rule";
    ADJUSTMENT_DECIDED = Conflict, "The adjustment was already decided";
    SETTLEMENT_NOT_FOUND = NotFound, "There is no such settlement";
    MONTH_INVALID = InvalidArgument, "The month cannot be used";
    PERIOD_NOT_OVER = Conflict, "The month is not over";
    PERIOD_CLOSED = Conflict, "The month is closed";

    // Notifications.
    NOTIFICATION_NOT_FOUND = NotFound, "There is no such notification";
    RECIPIENT_NOT_FOUND = NotFound, "There is no such recipient";
    RECIPIENT_INVALID = InvalidArgument, "The recipient's data cannot be used";
    RECIPIENTS_INVALID = InvalidArgument, "The list of recipients cannot be used";
    SEQUENCE_INVALID = InvalidArgument, "The sequence number is out of range";
    OUTCOME_INVALID = InvalidArgument, "The outcome is not one that can be reported";

    // Dead letters.
    DEAD_LETTER_NOT_FOUND = NotFound, "There is no such dead letter";
    DEAD_LETTER_SELECTION_INVALID = InvalidArgument, "The selection of dead letters cannot be used";
    DEAD_LETTER_REASON_INVALID = InvalidArgument, "The reason for discarding cannot be used";

    // Policies.
    POLICY_NOT_FOUND = NotFound, "There is no such policy";
    POLICY_INVALID = InvalidArgument, "The policy breaks a rule";
    POLICY_CHANGED = Conflict, "Another version of the policy is in force";
    POLICY_NOTE_INVALID = InvalidArgument, "The reason for publishing cannot be used";

    // Audit.
    AUDIT_BROKEN = PreconditionFailed, "The audit chain is not what was signed";
    AUDIT_EVENTS_INVALID = InvalidArgument, "The list of events cannot be used";
    AUDIT_EVENT_NOT_FOUND = NotFound, "There is no such event in the audit chain";
    AUDIT_CHECKPOINT_INVALID = InvalidArgument, "There is no such checkpoint";

    // Erasure.
    ERASURE_NOT_FOUND = NotFound, "There is no such erasure";
    SUBJECT_ERASED = Gone, "The person was erased";

    // HTTP only.
    ROUTE_NOT_FOUND = NotFound, "There is no such path";
    METHOD_NOT_ALLOWED = MethodNotAllowed, "The path does not have this method";
    UNSUPPORTED_MEDIA_TYPE = UnsupportedMediaType, "The body is of a type that is not understood";
    BODY_TOO_LARGE = TooLarge, "The body is too large";
    BODY_MALFORMED = Malformed, "The body cannot be parsed";
    FIELD_UNKNOWN = InvalidArgument, "The body has a field that does not exist";
    FIELD_MISSING = InvalidArgument, "A field that is required is missing";
    FIELD_INVALID = InvalidArgument, "A field breaks its rule";
    QUERY_INVALID = InvalidArgument, "A query parameter breaks its rule";
    RATE_LIMITED = ResourceExhausted, "Too many calls in a short time";
    SESSION_MISSING = Unauthenticated, "Nobody is signed in";
    SIGN_IN_FAILED = Unauthenticated, "The sign-in did not succeed";
    SIGN_IN_UNAVAILABLE = Unavailable, "The sign-in provider does not answer";
    SESSION_STORE_UNAVAILABLE = Unavailable, "Sessions cannot be read right now";
    CSRF_INVALID = PermissionDenied, "The CSRF header is missing or wrong";
    ORIGIN_NOT_ALLOWED = PermissionDenied, "The origin is not on the list";

    // Cases of people who are verified, and who decides about them.
    VERIFICATION_INVALID = InvalidArgument, "What is handed in to be verified breaks a rule";
    CASE_EXISTS = Conflict, "A case of the purpose is not over";
    CASE_NOT_FOUND = NotFound, "There is no such case";
    CASE_STATE = Conflict, "The case does not stand so that this can be done";
    DOCUMENT_NOT_READY = PreconditionFailed, "The document is not ready";
    REVIEW_CLAIMED = Conflict, "Somebody else has the case";
    REVIEW_NOT_CLAIMED = Conflict, "The caller has to claim the case first";
    REVIEW_NONE_WAITING = NotFound, "No case waits that the caller may decide";
    OWN_CASE = PermissionDenied, "Nobody decides about themselves";
    NOTE_INVALID = InvalidArgument, "The note breaks a rule";
    NOTE_LIMIT_REACHED = Conflict, "The case has as many notes as it can have";
}
