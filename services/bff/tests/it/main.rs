//! The HTTP face, against real Redis and Kafka. The journeys through the services are in `tests/e2e`.

mod dead_letters;
mod erasures;
mod errors;
mod harness;
mod openapi;
mod policies;
mod redis_tls;
mod sessions;
