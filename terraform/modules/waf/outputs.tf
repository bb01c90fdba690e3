output "arn" {
  description = "ARN of the list."
  value       = aws_wafv2_web_acl.this.arn
}
