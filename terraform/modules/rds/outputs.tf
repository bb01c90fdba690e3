output "address" {
  description = "Host of the primary."
  value       = aws_db_instance.this.address
}

output "arn" {
  description = "ARN of the primary."
  value       = aws_db_instance.this.arn
}

output "identifier" {
  description = "Identifier of the primary."
  value       = aws_db_instance.this.identifier
}

output "replica_addresses" {
  description = "Hosts of the read replicas."
  value       = aws_db_instance.replica[*].address
}

output "admin_secret_arn" {
  description = "Secret with the administrator's `username` and `password`, rotated by RDS; for the bootstrap Job."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "security_group_id" {
  description = "Security group of the database."
  value       = aws_security_group.this.id
}
