output "bucket" {
  description = "Name of the bucket of exports."
  value       = module.exports.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket of exports."
  value       = module.exports.arn
}
