//! The HTTP face, against real Redis and Kafka. The journeys through the services are in `tests/e2e`.

mod errors;
mod harness;
mod openapi;
mod redis_tls;
mod sessions;
