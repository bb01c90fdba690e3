output "address" {
  description = "Host of the proxy."
  value       = aws_db_proxy.this.endpoint
}

output "security_group_id" {
  description = "Security group of the proxy, for the database to let in."
  value       = aws_security_group.this.id
}
