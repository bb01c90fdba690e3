output "topic_arns" {
  description = "ARN of the topic of each severity."
  value       = { for severity, topic in aws_sns_topic.this : severity => topic.arn }
}

output "prometheus_endpoint" {
  description = "Endpoint of managed Prometheus; empty where there is none."
  value       = try(aws_prometheus_workspace.this[0].prometheus_endpoint, "")
}

output "prometheus_arn" {
  description = "ARN of managed Prometheus; null where there is none."
  value       = one(aws_prometheus_workspace.this[*].arn)
}
