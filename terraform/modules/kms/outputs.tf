output "arns" {
  description = "ARN of the key of each class."
  value       = { for class, key in aws_kms_key.this : class => key.arn }
}

output "replica_arns" {
  description = "ARN of the key in the second region, for the classes that have one."
  value       = { for class, key in aws_kms_replica_key.this : class => key.arn }
}
