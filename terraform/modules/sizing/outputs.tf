output "tier" {
  description = "`small` up to 10,000 people, `medium` up to 100,000, `large` beyond."
  value       = local.tier
}

output "nodes" {
  description = "Cluster nodes: `instance_types`, `min`, `max`."
  value       = local.sizes.nodes
}

output "database" {
  description = "PostgreSQL: `instance_class`, `storage_gib`, `storage_max_gib`."
  value       = local.sizes.database
}

output "cache" {
  description = "Valkey: `node_type`, `nodes`."
  value       = local.sizes.cache
}

output "kafka" {
  description = "Kafka: `instance_type`, `brokers`, `storage_gib`, `storage_max_gib`."
  value       = local.sizes.kafka
}
