output "prefix" {
  description = "Before every name: `<project>-<environment>`."
  value       = local.prefix
}

output "queue_prefix" {
  description = "Before every queue's name of proto/topology.toml; the services' `SQS__QUEUE_PREFIX`."
  value       = "${var.environment}-"
}

output "bucket_suffix" {
  description = "Behind every bucket's name of proto/topology.toml."
  value       = "-${var.environment}-${var.account_id}"
}

output "partition" {
  description = "`aws`, `aws-us-gov` or `aws-cn`."
  value       = local.partition
}

output "tags" {
  description = "On everything that can have tags."
  value = {
    project     = var.project
    environment = var.environment
    owner       = var.owner
    managed-by  = "terraform"
  }
}
