output "costs" {
  description = "Estimate of what it costs a month, in USD by line: as it is, and sized for 10,000 and 100,000 people. See the module cost."
  value       = { for people, cost in module.cost : people => { users = people == "as it is" ? var.users : tonumber(people), lines = cost.lines, total = cost.total, prices = cost.prices } }
}

output "name_servers" {
  description = "For the NS record of the zone in its parent; empty where there is no zone."
  value       = try(module.dns[0].name_servers, [])
}

output "origin_secret" {
  description = "Value of `x-origin-secret`, by which the gateway knows CloudFront; null where there is none."
  value       = one(module.cdn[*].origin_secret)
  sensitive   = true
}

output "contract" {
  description = "What charts get, in the shape of terraform/contract.schema.json."
  value       = local.contract

  # What is promised has to follow from what is made.
  precondition {
    condition     = var.objectives.rpo_minutes > 15 || (local.two_region && var.backup_days >= 30)
    error_message = "An RPO of 15 minutes or less needs replica_region (documents follow within 15 minutes, the database's log within 5) and backup_days of 30 or more."
  }
  precondition {
    condition     = var.objectives.rto_minutes > 60 || (var.high_availability && local.two_region && var.nat == "per_zone")
    error_message = "An RTO of 60 minutes or less needs high_availability, replica_region and nat per_zone."
  }
  precondition {
    condition     = var.objectives.rpo_minutes >= 5
    error_message = "RDS saves its log every 5 minutes: an RPO below that is not kept."
  }
}
