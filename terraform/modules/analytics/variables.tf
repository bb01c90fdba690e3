variable "name" {
  description = "Before every name."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "region" {
  description = "Where the data is."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket of exports."
  type        = string
}

variable "access_log_bucket" {
  description = "Bucket for S3's access logs."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, three zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "subnet_ids must be of three zones: Redshift Serverless asks for them."
  }
}

variable "client_security_groups" {
  description = "Who may connect: security groups by a name that says whose they are."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "The key of exports."
  type        = string
}

variable "secrets_kms_key_arn" {
  description = "The key of secrets, for the administrator's password that Redshift keeps."
  type        = string
}

variable "max_capacity" {
  description = "Most units (RPU) that a busy hour may use; it bounds what a mistake costs."
  type        = number
  default     = 32

  validation {
    condition     = var.max_capacity >= 8 && var.max_capacity <= 512
    error_message = "max_capacity must be 8 to 512."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
