//! What Stripe calls us with: an event about a thing, on which our id is written where it is one of ours.

use serde::Deserialize;

use super::record::Metadata;
use crate::provider::About;

#[derive(Deserialize)]
struct Event {
    id: String,
    r#type: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    object: Option<Object>,
}

/// A session, an intent, a charge, a refund, a dispute, or anything else that the endpoint is told of.
#[derive(Default, Deserialize)]
struct Object {
    id: Option<String>,
    client_reference_id: Option<String>,
    /// Of a dispute, on which nothing of ours is written.
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// What a callback is about; `None` where it is no callback.
pub(crate) fn about(body: &[u8]) -> Option<About> {
    let Event { id, r#type: kind, data } = serde_json::from_slice(body).ok()?;
    let object = data.object.unwrap_or_default();
    let written = object.metadata.and_then(|metadata| metadata.payment);
    let payment = [written, object.client_reference_id].into_iter().flatten().find_map(|id| id.parse().ok());
    Some(About { event: Some(id), kind, reference: object.id, payment, charge: object.payment_intent })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OURS: &str = "019a0000-0000-7000-8000-000000000001";

    fn told(object: &Value) -> About {
        let body = json!({
            "id": "evt_1", "object": "event", "api_version": "2026-08-26.dahlia", "created": 1_796_018_400, "livemode": false,
            "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }, "type": "some.thing", "data": { "object": object },
        });
        about(body.to_string().as_bytes()).expect("a callback")
    }

    #[test]
    fn the_payment_is_named_by_whatever_carries_our_id() {
        for object in [
            json!({ "id": "cs_1", "object": "checkout.session", "client_reference_id": OURS, "metadata": {} }),
            json!({ "id": "cs_1", "object": "checkout.session", "client_reference_id": "theirs", "metadata": { "guildhall_payment": OURS } }),
            json!({ "id": "cs_1", "object": "payment_intent", "metadata": { "guildhall_payment": OURS, "other": "x" } }),
            json!({ "id": "cs_1", "object": "refund", "metadata": { "guildhall_payment": OURS, "guildhall_refund": OURS } }),
        ] {
            let about = told(&object);
            assert_eq!(about.payment.map(|id| id.to_string()).as_deref(), Some(OURS), "{object}");
            assert_eq!((about.event.as_deref(), about.reference.as_deref()), (Some("evt_1"), Some("cs_1")));
            assert_eq!(about.kind, "some.thing");
        }
    }

    #[test]
    fn a_dispute_names_the_charge() {
        let about =
            told(&json!({ "id": "du_1", "object": "dispute", "payment_intent": "pi_1", "metadata": {} }));
        assert_eq!((about.payment, about.charge.as_deref()), (None, Some("pi_1")));
        let of_none =
            told(&json!({ "id": "du_1", "object": "dispute", "payment_intent": null, "metadata": {} }));
        assert_eq!((of_none.payment, of_none.charge), (None, None));
    }

    #[test]
    fn what_is_not_ours_names_none() {
        for object in [
            json!({ "id": "ch_1", "object": "charge", "metadata": {} }),
            json!({ "id": "ch_1", "object": "charge", "metadata": null }),
            json!({ "id": "cs_1", "client_reference_id": "order 7", "metadata": { "guildhall_payment": "" } }),
            json!({ "object": "balance", "livemode": false }),
        ] {
            assert_eq!(told(&object).payment, None, "{object}");
        }
        let thin = br#"{"id": "evt_2", "object": "v2.core.event", "type": "v2.core.account.updated", "related_object": {"id": "acct_1"}}"#;
        assert_eq!(about(thin).expect("a callback").payment, None);
    }

    #[test]
    fn what_is_no_event_is_no_callback() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"id": "evt_1"}"#,
            r#"{"id": 5, "type": "x"}"#,
            r#"{"id": "evt_1", "type": "x", "data": 5}"#,
        ] {
            assert!(about(body.as_bytes()).is_none(), "{body}");
        }
    }
}
