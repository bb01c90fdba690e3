output "arn" {
  description = "ARN of the cluster; topics and groups have theirs below it."
  value       = aws_msk_cluster.this.arn
}

output "brokers" {
  description = "`KAFKA__BROKERS` for `KAFKA__SECURITY=msk_iam`."
  value       = aws_msk_cluster.this.bootstrap_brokers_sasl_iam
}

output "brokers_scram" {
  description = "`KAFKA__BROKERS` for `KAFKA__SECURITY=scram_tls`; empty where SCRAM is off."
  value       = var.scram ? aws_msk_cluster.this.bootstrap_brokers_sasl_scram : ""
}
