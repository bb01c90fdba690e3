//! A record with what was read from it, as a partition queues it.

use std::sync::Arc;

use kafka::{CloudEvent, Malformed, Record};

use crate::lane::{Arrival, Kind};

/// What a record weighs beside the bytes of its parts: its headers are pieces of memory of their own, twice.
const OVERHEAD: usize = 1_024;

/// A record that some handler may want.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) record: Record,
    /// `None` where no handler wants its type, which stops nothing however broken it is beyond that.
    pub(crate) event: Option<Result<CloudEvent, Malformed>>,
}

impl Item {
    /// Reads a record. By the type alone where no handler wants it, so that a group parks nothing that it would not have
    /// applied.
    pub(crate) fn read(record: Record, handles: impl Fn(&str) -> bool) -> Self {
        let wanted = record.header("ce_type").is_none_or(handles);
        let event = wanted.then(|| CloudEvent::parse(&record));
        Self { record, event }
    }

    /// Makes it ready for its partition's queue; `tenants` remembers the last tenant.
    pub(crate) fn arrival(self, tenants: &mut Option<Arc<str>>) -> Arrival<Arc<Self>> {
        let kind = match &self.event {
            None => Kind::Ignored,
            Some(Ok(_)) => Kind::Event,
            Some(Err(_)) => Kind::Alone,
        };
        let tenant = match (&self.event, &mut *tenants) {
            (None, _) => None,
            (Some(Ok(event)), Some(known)) if **known == *event.tenant.as_str() => Some(Arc::clone(known)),
            (Some(_), known) => {
                *known = self.record.header("ce_tenant").map(Arc::from);
                known.clone()
            }
        };
        Arrival {
            offset: self.record.offset,
            weight: weigh(&self.record),
            tenant,
            kind,
            record: Arc::new(self),
        }
    }
}

fn weigh(record: &Record) -> usize {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    // The payload is there twice, as the record's and as the event's.
    OVERHEAD + bytes(&record.key) + 2 * bytes(&record.payload)
}
