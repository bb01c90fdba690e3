output "statements" {
  description = "IAM statements of each service."
  value       = local.statements
}

output "secrets" {
  description = "For each service, by the variable that carries it: where the secret comes from (`database`, `cache`, `operator`), and of a database the login."
  value       = { for service, wants in local.access : service => wants.secrets }
}

output "services" {
  description = "Names of the services."
  value       = keys(local.access)
}

output "databases" {
  description = "Names of the services that have a database."
  value       = [for service, wants in local.access : service if anytrue([for secret in values(wants.secrets) : secret.from == "database"])]
}
