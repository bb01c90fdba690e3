//! The partitions that a member has, shared between its session and the client's callbacks.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka::rdkafka::message::Message;
use tokio::task::JoinHandle;

use crate::item::Item;
use crate::partition::{Partition, Place, Shared};

pub(crate) struct Assigned {
    topics: Vec<Arc<str>>,
    partitions: Mutex<Partitions>,
    /// An offset was stored since the last commit.
    pub(crate) uncommitted: AtomicBool,
}

#[derive(Default)]
struct Partitions {
    running: HashMap<Place, Partition>,
    /// Tasks of partitions that were taken away, until they are assigned again.
    ending: HashMap<Place, JoinHandle<()>>,
    paused: HashSet<Place>,
}

impl Assigned {
    pub(crate) fn new(topics: Vec<Arc<str>>) -> Self {
        Self { topics, partitions: Mutex::default(), uncommitted: AtomicBool::default() }
    }

    /// No code that holds the lock can panic half way through a change.
    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A partition's name, without copying it where the topic is one of those subscribed to.
    pub(crate) fn place(&self, topic: &str, partition: i32) -> Place {
        let known = self.topics.iter().find(|known| &***known == topic);
        (known.map_or_else(|| topic.into(), Arc::clone), partition)
    }

    /// Queues a record with its partition's task.
    pub(crate) fn push(&self, message: &impl Message, shared: &Arc<Shared>) {
        let place = self.place(message.topic(), message.partition());
        let item = Item::read(message, place.clone(), |type_| shared.mode.handles(type_));
        let mut partitions = self.lock();
        let Partitions { running, ending, .. } = &mut *partitions;
        let partition = running.entry(place).or_insert_with_key(|place| {
            Partition::start(place.clone(), Arc::clone(shared), ending.remove(place))
        });
        let weight = partition.push(item);
        shared.weight.fetch_add(weight, Ordering::SeqCst);
    }

    /// The partitions that hold much and are to be paused now.
    pub(crate) fn pause(&self) -> Vec<Place> {
        let mut partitions = self.lock();
        let Partitions { running, paused, .. } = &mut *partitions;
        let full = running.iter().filter(|(_, partition)| partition.pause());
        let full: Vec<Place> = full.map(|(place, _)| place.clone()).collect();
        paused.extend(full.iter().cloned());
        full
    }

    /// Whether the partition was paused, and is still ours to resume.
    pub(crate) fn resume(&self, place: &Place) -> bool {
        self.lock().paused.remove(place)
    }

    pub(crate) fn paused(&self) -> usize {
        self.lock().paused.len()
    }

    pub(crate) fn stop(&self, places: impl Iterator<Item = Place>) {
        let mut partitions = self.lock();
        partitions.ending.retain(|_, task| !task.is_finished());
        for place in places {
            partitions.paused.remove(&place);
            if let Some(partition) = partitions.running.remove(&place) {
                partitions.ending.insert(place, partition.stop());
            }
        }
    }

    pub(crate) fn stop_all(&self) -> Vec<JoinHandle<()>> {
        let mut partitions = self.lock();
        let running: Vec<_> = partitions.running.drain().map(|(_, partition)| partition.stop()).collect();
        running.into_iter().chain(partitions.ending.drain().map(|(_, task)| task)).collect()
    }
}
