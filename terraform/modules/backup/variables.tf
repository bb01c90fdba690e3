variable "name" {
  description = "Name of vault and plan."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where backups are."
  type        = string
}

variable "replica_region" {
  description = "Where copies of them are; null for nowhere."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must be another region than region."
  }
}

variable "kms_key_arns" {
  description = "The keys of backups here and in the second region."
  type = object({
    here  = string
    there = optional(string)
  })

  validation {
    condition     = var.replica_region == null || var.kms_key_arns.there != null
    error_message = "kms_key_arns.there is needed with replica_region."
  }
}

variable "keep_days" {
  description = "How long a backup is kept; erasures take as long to be complete."
  type        = number
  default     = 35

  validation {
    condition     = var.keep_days >= 7 && var.keep_days <= 35
    error_message = "keep_days must be 7 to 35: longer would keep what was erased."
  }
}

variable "locked" {
  description = "Whether nobody may delete a backup before its time, nor keep one longer (governance: who may change the lock may)."
  type        = bool
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to."
  type        = list(string)
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
