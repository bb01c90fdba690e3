output "bucket" {
  description = "Name of the copy."
  value       = module.bucket.bucket
}

output "arn" {
  description = "ARN of the copy."
  value       = module.bucket.arn
}
