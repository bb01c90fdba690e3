variable "name" {
  description = "Before every name."
  type        = string
}

variable "account_id" {
  description = "The account of both buckets."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where the source is."
  type        = string
}

variable "replica_region" {
  description = "Where the copy is."
  type        = string

  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must be another region than region."
  }
}

variable "source_bucket" {
  description = "Name of the source; it must be versioned and tell EventBridge of its objects."
  type        = string
}

variable "source_arn" {
  description = "ARN of the source."
  type        = string
}

variable "replica_bucket" {
  description = "Name of the copy."
  type        = string
}

variable "data_class" {
  description = "What is in it, as the tag `data-class`."
  type        = string
}

variable "object_lock" {
  description = "Whether versions can be locked; as in the source, or replication is refused."
  type        = bool
}

variable "kms_key_arns" {
  description = "The keys of source and copy, and of messages in the region of the copy."
  type = object({
    source           = string
    replica          = string
    messages_replica = string
  })
}

variable "alarm_topic_arns" {
  description = "SNS topics of the source's region that alarms go to."
  type        = list(string)
}

variable "subscribers" {
  description = "Who is told of alarms in the region of the copy: addresses or https URLs."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
