//! What a service gives to have a chain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use blobs::Blobs;
use clock::Clock;
use consumer::Inbox;
use evidence::{Chain, PublicKeys, Signer};
use ids::Tenant;
use pg::Db;

/// What is needed to read and verify a service's chains. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Books {
    /// The service's database.
    pub db: Db,
    /// Where the checkpoints are.
    pub blobs: Blobs,
    /// Whose checkpoints are believed.
    pub keys: PublicKeys,
    /// The service whose events they are.
    pub service: String,
}

/// A service's chains, and who signs their checkpoints. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail {
    /// What is kept.
    pub books: Books,
    pub(crate) clock: Clock,
    pub(crate) signer: Signer,
    /// Chains that could not be sealed when it was last tried, and why.
    pub(crate) unsealed: Arc<Mutex<BTreeMap<Tenant, String>>>,
}

impl Books {
    /// The chain of a tenant.
    #[must_use]
    pub fn chain(&self, tenant: &Tenant) -> Chain {
        Chain { service: self.service.clone(), tenant: tenant.clone() }
    }
}

impl Trail {
    /// The chains of `service`, in its database and the audit bucket of `blobs`.
    #[must_use]
    pub fn new(db: &Db, blobs: &Blobs, clock: &Clock, settings: &evidence::Settings, service: &str) -> Self {
        let (keys, service) = (settings.keys.clone(), service.to_owned());
        let books = Books { db: db.clone(), blobs: blobs.clone(), keys, service };
        let (clock, signer) = (clock.clone(), settings.signer.clone());
        Self { books, clock, signer, unsealed: Arc::default() }
    }

    /// Who signs checkpoints and exports.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Who appends every event of the service's own `topics` to its tenant's chain, as group `<service>-audit`.
    ///
    /// # Errors
    /// When the connection to Kafka cannot be prepared.
    pub fn inbox(&self, kafka: &kafka::Settings, topics: &[&str]) -> Result<Inbox, consumer::Error> {
        let (service, group) = (self.books.service.clone(), format!("{}-audit", self.books.service));
        let inbox = consumer::inbox(&self.books.db, kafka, &self.clock, &group, topics)?;
        Ok(inbox.on_every_batch(move |tx, events| {
            let service = service.clone();
            Box::pin(async move { crate::append(tx, &service, events).await })
        }))
    }
}
