output "topics" {
  description = "Kafka topics by name: `partitions`, `retention_days`. The bootstrap Job makes them; Terraform permits them."
  value       = local.topics
}

output "queues" {
  description = "Queues by name, without prefix: `visibility_seconds`, `max_receive_count`, `retention_days`."
  value       = local.queues
}

output "buckets" {
  description = "Buckets by purpose: `name`, `versioned`, `object_lock`, `cors`."
  value       = local.buckets
}
