variable "bucket" {
  description = "Full name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 of a-z, 0-9 and '-'; a dot would break TLS."
  }
}

variable "region" {
  description = "Where the data is."
  type        = string
}

variable "account_id" {
  description = "The account for which services of AWS may deliver."
  type        = string
}

variable "data_class" {
  description = "What is in it, as the tag `data-class`."
  type        = string
}

variable "kms_key_arn" {
  description = "The key of its class. Null (S3's own keys) only for targets of S3's access logs, which cannot use another."
  type        = string
}

variable "versioned" {
  description = "Whether old versions are kept."
  type        = bool
}

variable "object_lock" {
  description = "Whether versions can be locked. There is no default retention: the services set it per version."
  type        = bool
  default     = false

  validation {
    condition     = var.versioned || !var.object_lock
    error_message = "object_lock needs versioned."
  }
}

variable "cors_origins" {
  description = "Origins whose pages put and get objects by signed URLs; none for no browsers."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "cors_origins must be https origins without a path, and no wildcards."
  }
}

variable "access_log_bucket" {
  description = "Bucket for S3's access logs; null for none, as for that bucket itself."
  type        = string
}

variable "deliveries" {
  description = "Services of AWS that write into it, and below which prefix: `{ \"logging.s3\" = \"s3/\" }`."
  type        = map(string)
  default     = {}
}

variable "events" {
  description = "Whether EventBridge is told of every object."
  type        = bool
  default     = false
}

variable "lifecycle_days" {
  description = <<-EOT
    After how many days: uploads in parts that were never finished go; objects move to Intelligent-Tiering (`archive`);
    objects go (`expire`); replaced versions go (`noncurrent`). Null is never.
  EOT
  type = object({
    abort_unfinished = optional(number, 7)
    archive          = optional(number)
    expire           = optional(number)
    noncurrent       = optional(number)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.lifecycle_days) : days == null ? true : days >= 1])
    error_message = "lifecycle_days must be 1 or more each."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
