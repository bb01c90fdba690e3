output "arn" {
  description = "ARN, known once the certificate was issued."
  value       = aws_acm_certificate_validation.this.certificate_arn
}
