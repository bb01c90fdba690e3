//! Fetching keys before a transaction, and using them inside.

use std::collections::{BTreeMap, HashMap, HashSet};

use clock::Clock;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ids::{Subject, Tenant};
use pg::{Db, Tx};
use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::cipher::{self, DataKey, Owner};
use crate::store::{self, Stored};
use crate::{Error, Kms};

/// Asked of the key-management service at once, for one call.
const AT_ONCE: usize = 16;
/// Of a subject's first key.
const FIRST: i32 = 1;

/// Subjects' keys, by way of a key-management service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub(crate) kms: Kms,
    pub(crate) clock: Clock,
    cache: Cache,
}

/// The keys of some subjects of a tenant, fetched before a transaction.
#[derive(Clone, Debug)]
pub struct Keys {
    subjects: Vec<Subject>,
    tenant: Tenant,
    keys: HashMap<Subject, BTreeMap<i32, DataKey>>,
}

/// The same as the database keeps them: found in a transaction that reads what they have sealed too, unwrapped after it.
#[derive(Clone, Debug)]
pub struct Wrapped {
    subjects: Vec<Subject>,
    tenant: Tenant,
    stored: Vec<Stored>,
}

/// Those of the keys that a transaction has seen alive, [`Keys::fetched`] apart. Belongs to that transaction: use it in no
/// other.
#[derive(Debug)]
pub struct Living<'k> {
    keys: &'k Keys,
    alive: HashSet<(Subject, i32)>,
}

impl Envelope {
    /// Keys are wrapped and unwrapped by `kms`.
    #[must_use]
    pub fn new(kms: Kms, clock: &Clock) -> Self {
        Self { kms, clock: clock.clone(), cache: Cache::new(clock) }
    }

    /// Fetches the keys that these subjects have, to open what they sealed. A subject may have none. Not inside a
    /// transaction: the key-management service may take its time.
    ///
    /// # Errors
    /// [`Error::Kms`], [`Error::Database`].
    pub async fn keys(&self, db: &Db, tenant: &Tenant, subjects: &[Subject]) -> Result<Keys, Error> {
        let of = subjects.to_vec();
        let wrapped = db.tenant(tenant, move |tx| Box::pin(async move { Wrapped::find(tx, of).await }));
        self.unwrap(wrapped.await?).await
    }

    /// The keys that a transaction has found, for which it did not wait. Not inside of it, as for [`Envelope::keys`].
    ///
    /// # Errors
    /// [`Error::Kms`].
    pub async fn unwrap(&self, wrapped: Wrapped) -> Result<Keys, Error> {
        self.unwrapped(&wrapped.tenant, &wrapped.subjects, wrapped.stored).await
    }

    /// The same, to seal for these subjects: makes a key for each that has none.
    ///
    /// # Errors
    /// [`Error::Erased`], [`Error::Kms`], [`Error::Database`].
    pub async fn keys_to_seal(&self, db: &Db, tenant: &Tenant, subjects: &[Subject]) -> Result<Keys, Error> {
        let of = subjects.to_vec();
        let stored = db.tenant(tenant, move |tx| Box::pin(async move { living(tx, &of).await }));
        let mut stored: Vec<Stored> = stored.await?;
        let has: HashSet<_> = stored.iter().map(|key| key.subject.clone()).collect();
        let new: HashSet<&Subject> = subjects.iter().filter(|subject| !has.contains(*subject)).collect();
        for subject in new {
            let owner = Owner { tenant, subject, generation: FIRST };
            let (key, wrapped) = self.kms.generate(owner).await?;
            self.cache.put(owner, &wrapped.bytes, key);
            let made = Stored {
                subject: subject.clone(),
                generation: FIRST,
                wrapped: wrapped.bytes,
                kek: wrapped.kek,
            };
            let now = self.clock.now();
            let of_subject = db.tenant(tenant, move |tx| {
                Box::pin(async move {
                    let subject = [made.subject.clone()];
                    store::alone(tx, &made.subject).await?;
                    living(tx, &subject).await?;
                    store::insert(tx, &made, now).await?;
                    // Whoever was first has made it.
                    Ok::<_, Error>(store::find(tx, &subject).await?)
                })
            });
            stored.extend(of_subject.await?);
        }
        self.unwrapped(tenant, subjects, stored).await
    }

    async fn unwrapped(
        &self,
        tenant: &Tenant,
        subjects: &[Subject],
        stored: Vec<Stored>,
    ) -> Result<Keys, Error> {
        let unwrapping = stored.into_iter().map(async |stored| {
            let owner = Owner { tenant, subject: &stored.subject, generation: stored.generation };
            let key = match self.cache.get(owner, &stored.wrapped) {
                Some(key) => key,
                None => {
                    let key = self.kms.unwrap(owner, &stored.kek, &stored.wrapped).await?;
                    self.cache.put(owner, &stored.wrapped, key.clone());
                    key
                }
            };
            Ok::<_, Error>((stored.subject, stored.generation, key))
        });
        let unwrapped: Vec<_> = stream::iter(unwrapping).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut keys: HashMap<Subject, BTreeMap<i32, DataKey>> = HashMap::new();
        for (subject, generation, key) in unwrapped {
            keys.entry(subject).or_default().insert(generation, key);
        }
        Ok(Keys { subjects: subjects.to_vec(), tenant: tenant.clone(), keys })
    }
}

/// The keys of these subjects, none of which may be erased.
async fn living(tx: &mut Tx, subjects: &[Subject]) -> Result<Vec<Stored>, Error> {
    if !store::buried(tx, subjects).await?.is_empty() {
        return Err(Error::Erased);
    }
    Ok(store::find(tx, subjects).await?)
}

impl Wrapped {
    /// The keys that these subjects have now. A subject may have none.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn find(tx: &mut Tx, subjects: Vec<Subject>) -> Result<Self, Error> {
        let stored = store::find(tx, &subjects).await?;
        Ok(Self { subjects, tenant: tx.tenant().clone(), stored })
    }
}

impl Keys {
    /// Those that lived when they were fetched, for an answer that is given at once: whoever erases a subject meanwhile
    /// does so after the answer.
    #[must_use]
    pub fn fetched(&self) -> Living<'_> {
        let keys = self.keys.iter();
        let alive =
            keys.flat_map(|(subject, keys)| keys.keys().map(|generation| (subject.clone(), *generation)));
        Living { keys: self, alive: alive.collect() }
    }

    /// Which of them live now, to open what they sealed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn read(&self, tx: &mut Tx) -> Result<Living<'_>, Error> {
        self.of(tx)?;
        Ok(Living { keys: self, alive: store::living(tx, &self.subjects).await?.into_iter().collect() })
    }

    /// The same, to seal: they live until the transaction ends, because whoever erases or buries one of the subjects waits for
    /// it.
    ///
    /// # Errors
    /// [`Error::Erased`] when one of the subjects was erased meanwhile; [`Error::NotFetched`] when one had no key;
    /// [`Error::Database`].
    pub async fn lock(&self, tx: &mut Tx) -> Result<Living<'_>, Error> {
        self.of(tx)?;
        let living =
            Living { keys: self, alive: store::lock(tx, &self.subjects).await?.into_iter().collect() };
        // A statement of its own: one that has waited for a lock sees what was there before it waited.
        if !store::buried(tx, &self.subjects).await?.is_empty() {
            return Err(Error::Erased);
        }
        for subject in &self.subjects {
            living.newest(subject)?;
        }
        Ok(living)
    }

    fn of(&self, tx: &Tx) -> Result<(), Error> {
        if *tx.tenant() == self.tenant { Ok(()) } else { Err(Error::NotFetched) }
    }
}

impl Living<'_> {
    /// Seals `plain` for a subject and a column, named `table.column`. Only after [`Keys::lock`] is it certain that it can
    /// be opened when the transaction has committed.
    ///
    /// # Errors
    /// [`Error::Erased`] when the subject has no key any more; [`Error::NotFetched`], [`Error::Cipher`].
    pub fn seal(&self, subject: &Subject, column: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let (generation, key) = self.newest(subject)?;
        cipher::seal(key, Owner { tenant: &self.keys.tenant, subject, generation }, column, plain)
    }

    /// Opens what was sealed for a subject and a column; `None` when its key was destroyed.
    ///
    /// # Errors
    /// [`Error::Altered`], [`Error::NotFetched`].
    pub fn open(
        &self,
        subject: &Subject,
        column: &str,
        sealed: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let (generation, text) = cipher::parse(sealed)?;
        let keys = self.of_subject(subject)?;
        if !self.lives(subject, generation) {
            return Ok(None);
        }
        let key = keys.and_then(|keys| keys.get(&generation)).ok_or(Error::NotFetched)?;
        let owner = Owner { tenant: &self.keys.tenant, subject, generation };
        Ok(Some(key.decrypt(&owner.bound_to(column), text)?))
    }

    /// [`Living::open`] of text.
    ///
    /// # Errors
    /// As [`Living::open`].
    pub fn open_text(&self, subject: &Subject, column: &str, sealed: &[u8]) -> Result<Option<String>, Error> {
        let Some(plain) = self.open(subject, column, sealed)? else { return Ok(None) };
        let text = std::str::from_utf8(&plain).map_err(|_| Error::Altered)?;
        Ok(Some(text.to_owned()))
    }

    fn newest(&self, subject: &Subject) -> Result<(i32, &DataKey), Error> {
        let keys = self.of_subject(subject)?.ok_or(Error::NotFetched)?;
        let newest = keys.iter().rfind(|(generation, _)| self.lives(subject, **generation));
        newest.map(|(generation, key)| (*generation, key)).ok_or(Error::Erased)
    }

    fn lives(&self, subject: &Subject, generation: i32) -> bool {
        self.alive.contains(&(subject.clone(), generation))
    }

    /// The subject's keys, `None` where it had none; an error when nobody asked for them.
    fn of_subject(&self, subject: &Subject) -> Result<Option<&BTreeMap<i32, DataKey>>, Error> {
        match self.keys.keys.get(subject) {
            Some(keys) => Ok(Some(keys)),
            None if self.keys.subjects.contains(subject) => Ok(None),
            None => Err(Error::NotFetched),
        }
    }
}
