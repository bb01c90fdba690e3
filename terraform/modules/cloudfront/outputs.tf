output "domain" {
  description = "CloudFront's own name of the distribution."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "origin_secret" {
  description = "Value of the header `x-origin-secret`, by which the gateway knows CloudFront."
  value       = random_password.origin.result
  sensitive   = true
}
