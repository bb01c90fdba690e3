output "bucket" {
  description = "Name, known once the bucket has its policy."
  value       = var.bucket

  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this, aws_s3_bucket_notification.this]
}

output "arn" {
  description = "ARN."
  value       = aws_s3_bucket.this.arn
}

output "domain" {
  description = "Regional domain name."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
