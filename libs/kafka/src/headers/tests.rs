use ids::{EventId, Tenant};
use proptest::prelude::*;
use rdkafka::Timestamp;
use rdkafka::message::{Headers as _, OwnedMessage};
use time::macros::datetime;

use super::*;

fn event() -> CloudEvent {
    CloudEvent {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        type_: "guildhall.document.ready.v1".to_owned(),
        source: "/guildhall/document".to_owned(),
        subject: "01890a5d-ac96-774b-bcce-b302099a8058".to_owned(),
        time: datetime!(2030-01-01 12:00:00.000123 UTC),
        tenant: "riverton".parse().unwrap(),
        dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        key: "01890a5d-ac96-774b-bcce-b302099a8058".to_owned(),
        payload: vec![0, 1, 255],
    }
}

fn record(event: &CloudEvent) -> Record {
    Record::from_message(&OwnedMessage::new(
        Some(event.payload.clone()),
        Some(event.key.clone().into_bytes()),
        "t".to_owned(),
        Timestamp::NotAvailable,
        3,
        42,
        Some(event.headers(Tracing::AsIs)),
    ))
}

fn set(record: &mut Record, name: &str, value: Option<&[u8]>) {
    let (_, slot) = record.headers.iter_mut().find(|(key, _)| key == name).unwrap();
    *slot = value.map(<[u8]>::to_vec);
}

#[test]
fn headers_are_the_binary_mode_of_cloudevents() {
    let headers = event().headers(Tracing::AsIs);
    let headers: Vec<_> =
        headers.iter().map(|h| (h.key, std::str::from_utf8(h.value.unwrap()).unwrap())).collect();
    assert_eq!(
        headers,
        [
            ("ce_specversion", "1.0"),
            ("ce_id", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("ce_type", "guildhall.document.ready.v1"),
            ("ce_source", "/guildhall/document"),
            ("ce_subject", "01890a5d-ac96-774b-bcce-b302099a8058"),
            ("ce_time", "2030-01-01T12:00:00.000123Z"),
            ("ce_tenant", "riverton"),
            ("ce_dataschema", "proto:guildhall.document.v1.DocumentReady"),
            ("content-type", "application/protobuf"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]
    );
}

#[test]
fn the_sending_span_takes_the_place_of_the_events_own() {
    let span = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    let mut with = record(&event());
    with.headers = Record::from_message(&OwnedMessage::new(
        None,
        None,
        String::new(),
        Timestamp::NotAvailable,
        0,
        0,
        Some(event().headers(Tracing::Through(span))),
    ))
    .headers;
    assert_eq!(CloudEvent::parse(&with).unwrap().traceparent.as_deref(), Some(span));
}

#[test]
fn what_is_missing_is_named() {
    for name in [
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_subject",
        "ce_time",
        "ce_tenant",
        "ce_dataschema",
        "content-type",
    ] {
        let mut without = record(&event());
        without.headers.retain(|(key, _)| key != name);
        assert_eq!(CloudEvent::parse(&without), Err(Malformed::Missing(name)));
        let mut null = record(&event());
        set(&mut null, name, None);
        assert_eq!(CloudEvent::parse(&null), Err(Malformed::Missing(name)));
        let mut twice = record(&event());
        let again = twice.headers.iter().find(|(key, _)| key == name).unwrap().clone();
        twice.headers.push(again);
        assert_eq!(CloudEvent::parse(&twice), Err(Malformed::Repeated(name)));
        let mut bytes = record(&event());
        set(&mut bytes, name, Some(&[0xff, 0xfe]));
        assert!(matches!(CloudEvent::parse(&bytes), Err(Malformed::Invalid { name: n, .. }) if n == name));
        let mut empty = record(&event());
        set(&mut empty, name, Some(b""));
        assert!(matches!(CloudEvent::parse(&empty), Err(Malformed::Invalid { name: n, .. }) if n == name));
    }
}

#[test]
fn what_breaks_a_rule_is_refused_without_quoting_it() {
    for (name, value) in [
        ("ce_specversion", "0.3"),
        ("ce_id", "550e8400-e29b-41d4-a716-446655440000"),
        ("ce_id", "ada@example.org"),
        ("ce_type", "a\nb"),
        ("ce_subject", &"x".repeat(513)),
        ("ce_time", "yesterday, ada@example.org"),
        ("ce_tenant", "River Ton"),
        ("content-type", "application/json"),
    ] {
        let mut wrong = record(&event());
        set(&mut wrong, name, Some(value.as_bytes()));
        let error = CloudEvent::parse(&wrong).unwrap_err();
        assert_eq!(error.reason(), "EVENT_HEADER_INVALID", "{name}");
        assert!(error.to_string().contains(name) && !error.to_string().contains(value), "{error}");
    }
}

#[test]
fn a_record_needs_key_and_payload() {
    for key in [None, Some(vec![]), Some(vec![0xff]), Some(b"a\nb".to_vec()), Some(vec![b'x'; 513])] {
        let wrong = Record { key, ..record(&event()) };
        assert_eq!(CloudEvent::parse(&wrong), Err(Malformed::Key));
    }
    assert_eq!(CloudEvent::parse(&Record { payload: None, ..record(&event()) }), Err(Malformed::Payload));
    // A message whose fields all have their defaults is zero bytes long.
    CloudEvent::parse(&Record { payload: Some(vec![]), ..record(&event()) }).unwrap();
}

#[test]
fn a_bad_traceparent_stops_nothing() {
    for bad in [
        "",
        "x",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
    ] {
        let mut wrong = record(&event());
        set(&mut wrong, "traceparent", Some(bad.as_bytes()));
        assert_eq!(CloudEvent::parse(&wrong).unwrap().traceparent, None, "{bad}");
    }
}

#[test]
fn unknown_headers_are_ignored() {
    let mut more = record(&event());
    more.headers.push(("ce_later".to_owned(), Some(vec![0xff])));
    more.headers.push(("other".to_owned(), None));
    assert_eq!(CloudEvent::parse(&more).unwrap(), event());
}

#[test]
fn a_payload_is_read_as_what_it_is_said_to_be() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Ready {
        #[prost(string, tag = "1")]
        document_id: String,
    }
    impl prost::Name for Ready {
        const NAME: &'static str = "DocumentReady";
        const PACKAGE: &'static str = "guildhall.document.v1";
    }
    let ready = Ready { document_id: "d".to_owned() };
    let mut event = event();
    event.payload = prost::Message::encode_to_vec(&ready);
    assert_eq!(event.decode::<Ready>().unwrap(), ready);
    event.payload = vec![0xff];
    assert!(matches!(event.decode::<Ready>(), Err(crate::DecodeError::Bytes(_))));
    event.dataschema = "proto:guildhall.document.v1.DocumentRejected".to_owned();
    assert!(matches!(event.decode::<Ready>(), Err(crate::DecodeError::Schema { .. })));
}

prop_compose! {
    fn events()(
        id in any::<[u8; 10]>(),
        millis in 0_u64..1 << 47,
        text in proptest::collection::vec("[^\\p{Cc}]{1,40}", 5),
        tenant in "[a-z0-9-]{1,63}",
        micros in 0_i64..4_000_000_000_000_000,
        traced in proptest::option::of(("[0-9a-f]{31}1", "1[0-9a-f]{15}", "[0-9a-f]{2}")),
        payload in proptest::collection::vec(any::<u8>(), 0..64),
    ) -> CloudEvent {
        let id = prop_id(millis, &id);
        let [type_, source, subject, dataschema, key] = text.try_into().unwrap();
        CloudEvent {
            id,
            type_,
            source,
            subject,
            time: OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap(),
            tenant: tenant.parse::<Tenant>().unwrap(),
            dataschema,
            traceparent: traced.map(|(trace, span, flags)| format!("00-{trace}-{span}-{flags}")),
            key,
            payload,
        }
    }
}

/// A UUIDv7 of given parts: version and variant at their places.
fn prop_id(millis: u64, random: &[u8; 10]) -> EventId {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let millis = format!("{millis:012x}");
    let random = hex(random);
    let text =
        format!("{}-{}-7{}-8{}-{}", &millis[..8], &millis[8..], &random[..3], &random[3..6], &random[6..18]);
    text.parse().unwrap()
}

proptest! {
    #[test]
    fn every_event_reads_back_as_it_was_written(event in events()) {
        prop_assert_eq!(CloudEvent::parse(&record(&event)).unwrap(), event);
    }

    #[test]
    fn no_record_can_make_parsing_panic(
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..8)),
        payload in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..8)),
        index in 0_usize..10,
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
    ) {
        let mut wild = record(&event());
        wild.headers[index].1 = value;
        wild.key = key;
        wild.payload = payload;
        let _ = CloudEvent::parse(&wild);
    }
}
