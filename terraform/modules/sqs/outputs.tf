output "arns" {
  description = "ARN of each queue, by its name without prefix."
  value       = { for queue, resource in aws_sqs_queue.this : queue => resource.arn }
}

output "dead_letter_arns" {
  description = "ARN of each queue's dead-letter queue, by the queue's name without prefix."
  value       = { for queue, resource in aws_sqs_queue.dead_letters : queue => resource.arn }
}
