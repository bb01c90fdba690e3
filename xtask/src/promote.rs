//! `cargo xtask promote`: which released image an environment runs. A promotion is a commit that changes one file of
//! `gitops/envs`; this writes it, and checks one that somebody else wrote.

mod history;
mod image;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use self::history::History;
use self::image::Image;
use crate::charts::{ENVIRONMENTS, services};
use crate::paths;

/// What `promote` can be told.
#[derive(clap::Args)]
#[command(after_help = "\
An image enters at dev, by its tag and digest, and goes on from there: staging takes what dev runs, prod what staging runs.
Refused are
  - an environment skipped: what the environment before does not run;
  - a version lower than one that the environment already had, unless --back says that this is meant;
  - a tag that the environment had with another digest: it was moved.

  cargo xtask promote document dev --tag 1.4.0 --digest sha256:…
  cargo xtask promote document staging
  cargo xtask promote document prod --back      # what prod ran before
  cargo xtask promote --check origin/main       # what a pull request does")]
pub(crate) struct Args {
    /// The service, a folder of services/.
    #[arg(required_unless_present = "check")]
    service: Option<String>,
    /// The environment: dev, staging or prod.
    #[arg(required_unless_present = "check")]
    environment: Option<String>,
    /// A released version, for dev; elsewhere it has to be what the environment before runs.
    #[arg(long, requires = "digest")]
    tag: Option<String>,
    /// What the tag was when it was released: sha256: and 64 digits.
    #[arg(long, requires = "tag")]
    digest: Option<String>,
    /// Go back to what the environment ran before, although it is lower.
    #[arg(long)]
    back: bool,
    /// Write nothing: look whether what differs from this revision is one promotion that may be.
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["service", "environment", "tag", "digest"])]
    check: Option<String>,
}

/// Writes a promotion, or checks one.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = paths::root();
    if let Some(base) = &args.check {
        return check(&root, base, args.back);
    }
    let (Some(service), Some(environment)) = (&args.service, &args.environment) else {
        bail!("say which service and which environment");
    };
    let known = services(&root)?;
    ensure!(known.contains(service), "there is no service {service:?}; there are {}", known.join(", "));
    let place = place(environment)?;
    let file = file(environment, service);
    let history = History::read(&root, &file, "HEAD")?;
    let given = match (&args.tag, &args.digest) {
        (Some(tag), Some(digest)) => Some(Image::new(tag, digest)?),
        _ => None,
    };
    let before = before(place, service, |file| Image::read(&root.join(file)))?;
    let image = match (given, args.back, &before) {
        (Some(image), _, _) => image,
        (None, true, _) => {
            history.before().with_context(|| format!("{environment} ran nothing else before"))?.clone()
        }
        (None, false, Some((_, there))) => there.clone(),
        (None, false, None) => bail!("{environment} is where an image enters: say --tag and --digest"),
    };
    if image.is_released() && history.now() == Some(&image) {
        say!("{environment} runs {service} {} already", image.tag);
        return Ok(());
    }
    allowed(service, environment, &image, &history, before.as_ref(), args.back)?;
    std::fs::write(root.join(&file), image.text()).with_context(|| format!("cannot write {file}"))?;
    say!("{file}: {service} {} in {environment}", image.tag);
    say!("its commit: gitops: {service} {} in {environment}", image.tag);
    Ok(())
}

/// Where in the order of environments one is.
fn place(environment: &str) -> Result<usize> {
    let known = ENVIRONMENTS.iter().position(|known| *known == environment);
    known.with_context(|| {
        format!("there is no environment {environment:?}; there are {}", ENVIRONMENTS.join(", "))
    })
}

/// Where an environment says which image of a service it runs.
pub(crate) fn file(environment: &str, service: &str) -> String {
    format!("gitops/envs/{environment}/{service}.yaml")
}

/// Whether such a file is as it is written here: a tag, a digest, and nothing else.
pub(crate) fn is_written(text: &str) -> bool {
    Image::parse(text).is_ok_and(|image| image.text() == text)
}

/// What such a file has before anything was released.
pub(crate) fn nothing() -> String {
    Image::nothing().text()
}

/// What runs in the environment before the one at a place.
type Before = (&'static str, Image);

fn before(place: usize, service: &str, read: impl Fn(&str) -> Result<Image>) -> Result<Option<Before>> {
    let Some(place) = place.checked_sub(1) else { return Ok(None) };
    let name = ENVIRONMENTS[place];
    Ok(Some((name, read(&file(name, service))?)))
}

/// The rules.
fn allowed(
    service: &str,
    environment: &str,
    image: &Image,
    history: &History,
    before: Option<&Before>,
    back: bool,
) -> Result<()> {
    ensure!(
        image.is_released(),
        "nothing of {service} was released to {}",
        before.map_or(environment, |(name, _)| name)
    );
    if back {
        ensure!(
            history.had(image),
            "{environment} never ran {service} {} with this digest, so that there is no going back to it",
            image.tag
        );
        return Ok(());
    }
    if let Some((name, there)) = before {
        ensure!(
            there == image,
            "{service} {} may not skip {name}, which runs {}{}: promote it there first",
            image.tag,
            there.tag,
            if there.tag == image.tag { " with another digest" } else { "" },
        );
    }
    if let Some(moved) = history.all().find(|had| had.tag == image.tag && had.digest != image.digest) {
        bail!(
            "{environment} had {service} {} as {}: the tag was moved, release it under another",
            image.tag,
            moved.digest
        );
    }
    if let Some(highest) = history.all().filter(|had| had.is_released()).max_by_key(|had| had.version()) {
        ensure!(
            image.version() >= highest.version(),
            "{environment} already had {service} {}, and {} is lower; --back if that is meant",
            highest.tag,
            image.tag,
        );
    }
    Ok(())
}

/// Whether what differs from `base` is one promotion that the rules allow. Nothing of gitops/envs changed is fine too.
fn check(root: &Path, base: &str, back: bool) -> Result<()> {
    let changed = history::changed(root, base)?;
    let [file] = changed.as_slice() else {
        ensure!(
            changed.is_empty(),
            "one promotion at a time, so that one can be taken back: {}",
            changed.join(", ")
        );
        say!("no promotion");
        return Ok(());
    };
    let mut parts = file.trim_end_matches(".yaml").split('/').skip(2);
    let (Some(environment), Some(service)) = (parts.next(), parts.next()) else {
        bail!("{file}: is no environment's image of a service");
    };
    let place = place(environment)?;
    let image = Image::read(&root.join(file))?;
    let history = History::read(root, file, base)?;
    let before = before(place, service, |file| Image::at(root, base, file))?;
    allowed(service, environment, &image, &history, before.as_ref(), back)?;
    say!("{service} {} may go to {environment}", image.tag);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tag: &str, digit: char) -> Image {
        Image::new(tag, &format!("sha256:{}", digit.to_string().repeat(64))).unwrap()
    }

    fn refused(image: &Image, had: Vec<Image>, before: Option<&Image>, back: bool) -> String {
        let history = History::of(had);
        let before = before.map(|image| ("dev", image.clone()));
        let refused = allowed("document", "staging", image, &history, before.as_ref(), back);
        refused.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_the_environment_before_runs_may_go_on() {
        let new = image("1.10.0", 'a');
        assert_eq!(refused(&new, vec![image("1.9.0", 'b')], Some(&new), false), "");
        assert_eq!(refused(&new, vec![], Some(&new), false), "");
    }

    #[test]
    fn an_environment_is_not_skipped() {
        let said = refused(&image("1.2.0", 'a'), vec![], Some(&image("1.1.0", 'b')), false);
        assert!(said.contains("may not skip dev, which runs 1.1.0"), "{said}");
        let said = refused(&image("1.2.0", 'a'), vec![], Some(&image("1.2.0", 'b')), false);
        assert!(said.contains("with another digest"), "{said}");
    }

    #[test]
    fn a_lower_version_needs_to_be_meant() {
        let old = image("1.9.0", 'a');
        let had = || vec![image("1.10.0", 'b'), old.clone()];
        let said = refused(&old, had(), Some(&old), false);
        assert!(said.contains("already had document 1.10.0, and 1.9.0 is lower"), "{said}");
        assert_eq!(refused(&old, had(), Some(&image("1.10.0", 'b')), true), "");
        let said = refused(&image("1.8.0", 'c'), had(), None, true);
        assert!(said.contains("never ran"), "{said}");
    }

    #[test]
    fn a_file_has_tag_and_digest_and_nothing_else() {
        let text = image("1.0.0", 'a').text();
        assert!(is_written(&text) && is_written(&nothing()));
        for wrong in
            [text.replace("1.0.0", "latest"), format!("{text}  scaling:\n    min: 5\n"), String::new()]
        {
            assert!(!is_written(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_prerelease_is_lower_than_its_release() {
        let release = image("1.2.0", 'a');
        let before = image("1.2.0-rc.1", 'b');
        assert_eq!(refused(&release, vec![before.clone()], Some(&release), false), "");
        assert!(refused(&before, vec![release], Some(&before), false).contains("lower"));
    }

    /// A repository with these commits, each the images of dev and staging, and the working tree as the last has it.
    fn repository(name: &str, commits: &[(&Image, &Image)]) -> std::path::PathBuf {
        let root = paths::target().join("promote").join(name);
        let _ = std::fs::remove_dir_all(&root);
        let git = |args: &[&str]| {
            let mut git = std::process::Command::new("git");
            let identity = [
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.org",
                "-c",
                "commit.gpgsign=false",
                "-c",
                "alias.save=commit",
            ];
            crate::shell::output(git.args(identity).args(args).current_dir(&root)).unwrap();
        };
        for environment in ["dev", "staging"] {
            std::fs::create_dir_all(root.join("gitops/envs").join(environment)).unwrap();
        }
        git(&["init", "--quiet", "--initial-branch=main"]);
        for (number, (dev, staging)) in commits.iter().enumerate() {
            std::fs::write(root.join(file("dev", "document")), dev.text()).unwrap();
            std::fs::write(root.join(file("staging", "document")), staging.text()).unwrap();
            if number + 1 < commits.len() {
                git(&["add", "."]);
                git(&["save", "--quiet", "--message", "x"]);
            }
        }
        root
    }

    #[test]
    fn a_pull_request_is_one_promotion_that_may_be() {
        let (old, new) = (image("1.0.0", 'a'), image("1.1.0", 'b'));
        let forward = repository("forward", &[(&old, &old), (&new, &old), (&new, &new)]);
        check(&forward, "HEAD", false).unwrap();
        let two = repository("two", &[(&old, &old), (&new, &new)]);
        assert!(check(&two, "HEAD", false).unwrap_err().to_string().contains("one promotion at a time"));
        let skipped = repository("skipped", &[(&old, &old), (&old, &new)]);
        assert!(check(&skipped, "HEAD", false).unwrap_err().to_string().contains("may not skip dev"));
        let back = repository("back", &[(&old, &old), (&new, &old), (&old, &old)]);
        assert!(check(&back, "HEAD", false).unwrap_err().to_string().contains("is lower"));
        check(&back, "HEAD", true).unwrap();
        let nothing = repository("nothing", &[(&old, &old), (&old, &old)]);
        check(&nothing, "HEAD", false).unwrap();
    }

    #[test]
    fn a_moved_tag_and_nothing_at_all_are_refused() {
        let moved = image("1.2.0", 'a');
        let said = refused(&moved, vec![image("1.2.0", 'b')], Some(&moved), false);
        assert!(said.contains("was moved"), "{said}");
        let nothing = Image::nothing();
        assert!(
            refused(&nothing, vec![], Some(&nothing), false)
                .contains("nothing of document was released to dev")
        );
    }
}
