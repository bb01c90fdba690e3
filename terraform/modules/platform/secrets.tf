# What the services are told in secret. Logins of databases and the cache's password are made here; what comes from
# elsewhere (the OIDC provider, the mail server) is put in by people: docs/runbooks/first-apply.md.

locals {
  # "document/db-url" = { service = "document", variable = "DB__URL", from = "database", login = "app" }
  wanted = merge([for service, secrets in module.access.secrets : {
    for variable, secret in secrets : "${service}/${lower(replace(variable, "__", "-"))}" => merge(secret, { service = service, variable = variable })
  }]...)
  secret_names  = { for name, secret in local.wanted : name => replace(name, "_", "-") }
  logins        = { for name, secret in local.wanted : local.secret_names[name] => secret if secret.from == "database" }
  login_secrets = keys(local.logins)

  # The app's login may go through a pooler; session locks, LISTEN and migrations may not.
  login_hosts = { app = try(module.database_proxy[0].address, module.database.address), system = module.database.address, owner = module.database.address }

  values = merge(
    { for name, login in local.logins : name => jsonencode({
      username = "${login.service}_${login.login}"
      password = random_password.logins[name].result
      value    = "postgres://${login.service}_${login.login}:${random_password.logins[name].result}@${local.login_hosts[login.login]}:5432/${login.service}?sslmode=require"
    }) },
    { for name, secret in local.wanted : local.secret_names[name] => jsonencode({ value = module.cache.url }) if secret.from == "cache" },
  )
}

resource "random_password" "logins" {
  for_each = local.logins

  length  = 40
  special = false # it is part of a URL
  keepers = { rotation = var.secrets_rotation }
}

module "secrets" {
  source = "../secrets"

  name        = local.name
  account_id  = var.account_id
  region      = var.region
  replica     = local.two_region ? { region = var.replica_region, kms_key_arn = module.keys.replica_arns.secrets } : null
  kms_key_arn = module.keys.arns.secrets
  secrets = { for name, secret in local.wanted : local.secret_names[name] => (
    secret.from == "database" ? "Login ${secret.service}_${secret.login}: ${upper(secret.service)}__${secret.variable}" :
    secret.from == "cache" ? "The cache: ${upper(secret.service)}__${secret.variable}" :
    "By hand, the ${secret.is}: ${upper(secret.service)}__${secret.variable}"
  ) }
  known      = [for name, secret in local.wanted : local.secret_names[name] if secret.from != "operator"]
  values     = local.values
  generation = tonumber(var.secrets_rotation)
  tags       = local.tags
}
