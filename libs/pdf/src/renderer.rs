//! From a document to a PDF.

use std::path::Path;
use std::sync::Arc;

use ids::Tenant;
use time::OffsetDateTime;
use typst::diag::{Severity, SourceDiagnostic, Warned};
use typst::ecow::EcoVec;
use typst::foundations::{Bytes, Datetime, Smart};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt as _, WorldExt as _};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::templates::{self, Templates};
use crate::world::Sealed;
use crate::{Document, Error, Fault, Fonts, LoadError, Locale, data, sample};

/// Renders documents. Cheap to clone; one serves all threads.
#[derive(Clone)]
pub struct Renderer(Arc<Inner>);

struct Inner {
    library: LazyHash<Library>,
    fonts: Fonts,
    templates: Templates,
    standards: PdfStandards,
}

/// The compiler remembers what it has made, to make less of the next document: what is of the templates is used by each, what is of
/// one document never again. What so many documents have not used is forgotten.
const KEPT: usize = 8;

impl Renderer {
    /// With the templates in the binary.
    #[must_use]
    pub fn new(fonts: Fonts) -> Self {
        Self::of(fonts, Templates::built_in())
    }

    /// With `<folder>/<tenant>/layout.typ`, `bill.typ` and `receipt.typ` instead of those in the binary for the tenants that
    /// have them. Each is checked with samples.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn with_overrides(fonts: Fonts, folder: &Path) -> Result<Self, LoadError> {
        let renderer = Self::of(fonts, Templates::read(folder)?);
        let samples = sample::all();
        for tenant in renderer.0.templates.tenants() {
            let mut faults = Vec::new();
            for (_, locale, document) in &samples {
                let Err(error) = renderer.make(tenant, *locale, document, Strictness::Check) else {
                    continue;
                };
                match error {
                    Error::Template(found) => faults.extend(found),
                    other => faults.push(Fault { file: String::new(), line: 0, message: other.to_string() }),
                }
            }
            if !faults.is_empty() {
                let mut told: Vec<Fault> = Vec::new();
                for fault in faults {
                    if !told.contains(&fault) {
                        told.push(fault);
                    }
                }
                return Err(LoadError::Refused { tenant: tenant.to_string(), faults: told });
            }
        }
        Ok(renderer)
    }

    /// A PDF of the document: PDF/A-2b and PDF/UA-1. It takes milliseconds of computing and waits for nothing; call it from a
    /// thread that may block.
    ///
    /// # Errors
    /// [`Error`].
    pub fn render(&self, tenant: &Tenant, locale: Locale, document: &Document) -> Result<Vec<u8>, Error> {
        self.make(tenant, locale, document, Strictness::Render)
    }

    fn of(fonts: Fonts, templates: Templates) -> Self {
        // Header cells of rows are a feature that has to be asked for.
        let library = Library::builder().with_features([Feature::A11yExtras].into_iter().collect()).build();
        let standards =
            PdfStandards::new(&[PdfStandard::A_2b, PdfStandard::Ua_1]).expect("both are of PDF 1.7");
        Self(Arc::new(Inner { library: LazyHash::new(library), fonts, templates, standards }))
    }

    fn make(
        &self,
        tenant: &Tenant,
        locale: Locale,
        document: &Document,
        strictness: Strictness,
    ) -> Result<Vec<u8>, Error> {
        let Inner { library, fonts, templates, standards } = &*self.0;
        let data = data::of(document, locale, fonts)?;
        let data = serde_json::to_vec(&data).map_err(|error| whole(error.to_string()))?;
        let world = Sealed {
            library,
            fonts,
            files: templates.of(tenant),
            main: templates::main(document.kind()),
            data: Bytes::new(data),
        };
        let options = PdfOptions {
            ident: Smart::Custom(format!("{tenant}/{}/{}", document.name(), locale.as_str())),
            creator: Smart::Custom(Some("Guildhall".to_owned())),
            timestamp: timestamp(document.moment()),
            standards: standards.clone(),
            ..PdfOptions::default()
        };
        let Warned { output, warnings } = typst::compile::<PagedDocument>(&world);
        let made = match strictness {
            Strictness::Check if !warnings.is_empty() => Err(warnings),
            Strictness::Check | Strictness::Render => {
                output.and_then(|pages| typst_pdf::pdf(&pages, &options))
            }
        };
        let made = made.map_err(|found| Error::Template(self.faults(tenant, &world, &found)));
        typst::comemo::evict(KEPT);
        made
    }

    fn faults(&self, tenant: &Tenant, world: &Sealed<'_>, found: &EcoVec<SourceDiagnostic>) -> Vec<Fault> {
        let is_error = |fault: &&SourceDiagnostic| fault.severity == Severity::Error;
        let errors = found.iter().any(|fault| is_error(&fault));
        found
            .iter()
            .filter(|fault| !errors || is_error(fault))
            .map(|fault| {
                let span = fault.span;
                let file = span.id();
                let line = file
                    .and_then(|file| typst::World::source(world, file).ok())
                    .zip(world.range(span))
                    .and_then(|(source, range)| source.lines().byte_to_line(range.start));
                let hints = fault.hints.iter().map(|hint| format!(" ({})", hint.v));
                Fault {
                    file: file.map(|file| self.0.templates.name(tenant, file)).unwrap_or_default(),
                    line: line.map_or(0, |line| line + 1),
                    message: std::iter::once(fault.message.to_string()).chain(hints).collect(),
                }
            })
            .collect()
    }
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("fonts", &self.0.fonts).finish_non_exhaustive()
    }
}

/// What a template must stand.
#[derive(Clone, Copy)]
enum Strictness {
    /// Nothing is to be warned of.
    Check,
    /// There is a PDF.
    Render,
}

fn whole(message: String) -> Error {
    Error::Template(vec![Fault { file: String::new(), line: 0, message }])
}

fn timestamp(moment: OffsetDateTime) -> Option<Timestamp> {
    let (date, time) = (moment.date(), moment.time());
    let datetime = Datetime::from_ymd_hms(
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )?;
    Timestamp::new_local(datetime, moment.offset().whole_minutes().into())
}
