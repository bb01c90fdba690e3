//! The HTTP face, against real Redis and Kafka. The journeys through the services are in `tests/e2e`.

mod audit;
mod dead_letters;
mod erasures;
mod errors;
mod exports;
mod harness;
mod openapi;
mod payments;
mod policies;
mod redis_tls;
mod sessions;
mod sharing;
