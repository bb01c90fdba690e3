#![doc = include_str!("../README.md")]

mod data;
mod document;
mod error;
mod fonts;
mod locale;
mod money;
mod renderer;
pub mod sample;
mod templates;
mod text;
mod world;

pub use document::{Bill, BillLine, Document, Issuer, Kind, Receipt, Sums, TaxSum};
pub use error::{Error, Fault, LoadError};
pub use fonts::Fonts;
pub use locale::{Locale, NoLocale};
pub use money::{Currency, NoCurrency};
pub use renderer::Renderer;
