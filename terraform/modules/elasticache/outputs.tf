output "address" {
  description = "Host of the primary; it moves with a failover."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "url" {
  description = "`rediss://` URL with the password: the value of bff's `REDIS__URL`."
  value       = "rediss://:${random_password.auth.result}@${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
  sensitive   = true
}

output "arn" {
  description = "ARN of the replication group."
  value       = aws_elasticache_replication_group.this.arn
}
