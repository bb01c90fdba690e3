variable "name" {
  description = "Name of the proxy."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "region" {
  description = "Where it is."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets, two or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be of two zones or more."
  }
}

variable "client_security_groups" {
  description = "Who may connect: security groups by a name that says whose they are."
  type        = map(string)
}

variable "database_identifier" {
  description = "Identifier of the instance."
  type        = string
}

variable "database_security_group_id" {
  description = "Security group of the database; it has to let the proxy in."
  type        = string
}

variable "login_secret_arns" {
  description = "Secrets with `username` and `password` of the logins that may come this way, by login."
  type        = map(string)

  validation {
    condition     = length(var.login_secret_arns) > 0
    error_message = "login_secret_arns must have at least one."
  }
}

variable "secrets_kms_key_arn" {
  description = "The key of secrets."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
