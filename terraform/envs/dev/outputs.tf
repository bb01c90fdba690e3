output "contract" {
  description = "What charts get, in the shape of terraform/contract.schema.json; `cargo xtask tf-outputs` fetches it."
  value       = module.platform.contract
}

output "costs" {
  description = "Estimate of what it costs a month, in USD by line."
  value       = module.platform.costs
}

output "name_servers" {
  description = "For the NS record of the zone in its parent."
  value       = module.platform.name_servers
}

output "origin_secret" {
  description = "Value of `x-origin-secret`, by which the gateway knows CloudFront."
  value       = module.platform.origin_secret
  sensitive   = true
}
