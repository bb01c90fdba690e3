//! Settings: `BOOTSTRAP__*`, and the databases' URLs under the names of the services that they are for.

use pg::Bootstrap;
use secrecy::SecretString;
use settings::Env;
use url::Url;

const SELF: &str = "BOOTSTRAP";
const DATABASE_URL: &str = "must be postgres://user:password@host:port/database";

/// Everything that it is told from outside.
#[derive(Debug)]
pub struct Config {
    /// `DB__ADMIN_URL`: may make roles and databases.
    pub admin_url: SecretString,
    /// A database of each of `SERVICES`.
    pub databases: Vec<Bootstrap>,
    /// `KAFKA__*`: where the brokers are.
    pub kafka: kafka::Settings,
    /// `TOPICS__REPLICAS`, 1 to 9, default 3: copies of each topic.
    pub replicas: i32,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
}

impl Config {
    /// Reads this process's variables.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn from_process() -> Result<Self, settings::Error> {
        Self::load(Env::from_process)
    }

    /// Reads variables by their service's prefix.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn load(env_of: impl Fn(&str) -> Env) -> Result<Self, settings::Error> {
        let mut env = env_of(SELF);
        let admin_url = env.var_with("DB__ADMIN_URL", database_url).required();
        let services = env.var_with("SERVICES", names).required();
        let replicas =
            env.var("TOPICS__REPLICAS").check("must be 1 to 9", |n| (1..=9).contains(n)).default(3);
        let kafka = kafka::Settings::load(&mut env);
        let telemetry = telemetry::Settings::load(&mut env);
        let mut problems = Vec::new();
        let mut databases = Vec::new();
        for service in services.iter().flatten() {
            match database(env_of(&service.to_uppercase()), service) {
                Ok(plan) => databases.push(plan),
                Err(error) => problems.extend(error.problems),
            }
        }
        let own = (|| {
            let (admin_url, _named) = (admin_url?, services?);
            Some((admin_url, kafka?, replicas?, telemetry?))
        })();
        match env.finish(own) {
            Ok((admin_url, kafka, replicas, telemetry)) if problems.is_empty() => {
                Ok(Self { admin_url, databases, kafka, replicas, telemetry })
            }
            Ok(_) => Err(settings::Error { problems }),
            Err(mut error) => {
                error.problems.extend(problems);
                Err(error)
            }
        }
    }
}

/// A service's logins have the passwords that it signs in with.
fn database(mut env: Env, service: &str) -> Result<Bootstrap, settings::Error> {
    let mut password = |variable: &str, role: &str| {
        let login = format!("{service}_{role}");
        env.var_with(variable, |text| password(text, &login, service)).required()
    };
    let app = password("DB__URL", "app");
    let system = password("DB__SYSTEM_URL", "system");
    let owner = password("DB__OWNER_URL", "owner");
    let plan = (|| {
        Some(Bootstrap {
            service: service.to_owned(),
            database: service.to_owned(),
            owner_password: owner?,
            app_password: app?,
            system_password: system?,
        })
    })();
    env.finish_part(plan)
}

/// The password of a login's URL, which has to be of that login and of that database.
fn password(text: &str, login: &str, database: &str) -> Result<SecretString, String> {
    let url = Url::parse(text).map_err(|_| DATABASE_URL.to_owned())?;
    if url.username() != login || url.path() != format!("/{database}") {
        return Err(format!("must be of the login {login} and the database {database}"));
    }
    let password = url.password().ok_or_else(|| DATABASE_URL.to_owned())?;
    // A URL has some characters escaped, the login's password is what they stand for.
    let bytes = decoded(password).ok_or_else(|| "must have a password that is UTF-8".to_owned())?;
    Ok(bytes.into())
}

/// `%41` as `A`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn database_url(text: &str) -> Result<SecretString, String> {
    let good =
        Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host());
    if good { Ok(text.into()) } else { Err(DATABASE_URL.to_owned()) }
}

fn names(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let good = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if names.iter().all(good) { Ok(names) } else { Err("must be services, separated by commas".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use settings::Problem;

    const GOOD: [(&str, &str); 6] = [
        ("BOOTSTRAP__DB__ADMIN_URL", "postgres://admin:secret@db/postgres"),
        ("BOOTSTRAP__SERVICES", "document"),
        ("BOOTSTRAP__KAFKA__BROKERS", "kafka:9092"),
        ("DOCUMENT__DB__URL", "postgres://document_app:a%40b@db/document"),
        ("DOCUMENT__DB__SYSTEM_URL", "postgres://document_system:b@db/document"),
        ("DOCUMENT__DB__OWNER_URL", "postgres://document_owner:c@db/document"),
    ];

    fn load(changed: &[(&str, &str)]) -> Result<Config, settings::Error> {
        let pairs =
            GOOD.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name)).chain(changed);
        let pairs: Vec<(&str, &str)> = pairs.copied().collect();
        Config::load(|service| Env::from_pairs(service, pairs.iter().copied()))
    }

    #[test]
    fn logins_get_the_passwords_that_services_sign_in_with() {
        let config = load(&[]).unwrap();
        assert_eq!(config.databases[0].app_password.expose_secret(), "a@b");
        assert_eq!(config.databases[0].owner_password.expose_secret(), "c");
        assert_eq!(config.replicas, 3);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let error = load(&[
            ("BOOTSTRAP__TOPICS__REPLICAS", "0"),
            ("BOOTSTRAP__SERVICES", "document,payment"),
            ("DOCUMENT__DB__URL", "postgres://document_owner:c@db/document"),
        ])
        .unwrap_err();
        let variables: Vec<&str> =
            error.problems.iter().map(|Problem { variable, .. }| variable.as_str()).collect();
        let wanted = [
            "BOOTSTRAP__TOPICS__REPLICAS",
            "DOCUMENT__DB__URL",
            "PAYMENT__DB__OWNER_URL",
            "PAYMENT__DB__SYSTEM_URL",
            "PAYMENT__DB__URL",
        ];
        assert_eq!(variables, wanted);
    }
}
