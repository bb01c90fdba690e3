variable "region" {
  description = "Region of queues and buckets, for the condition that keys are used through SQS and S3 only."
  type        = string
}

variable "queue_arns" {
  description = "ARN of each queue by its name without prefix."
  type        = map(string)
}

variable "dead_letter_arns" {
  description = "ARN of each queue's dead-letter queue."
  type        = map(string)
}

variable "bucket_arns" {
  description = "ARN of each bucket by purpose."
  type        = map(string)
}

variable "bucket_key_arns" {
  description = "ARN of the key of each bucket, by purpose."
  type        = map(string)
}

variable "queue_key_arn" {
  description = "ARN of the key of messages."
  type        = string
}

variable "kafka_cluster_arn" {
  description = "ARN of the MSK cluster; topics and groups have theirs below it."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.kafka_cluster_arn))
    error_message = "kafka_cluster_arn must be the ARN of an MSK cluster."
  }
}

variable "topic_prefix" {
  description = "Before every topic and group; the services' `KAFKA__TOPIC_PREFIX`."
  type        = string
  default     = ""
}
