variable "name" {
  description = "Before every name."
  type        = string
}

variable "account_id" {
  description = "The account whose flow logs are written."
  type        = string
}

variable "region" {
  description = "Where it is."
  type        = string
}

variable "zones" {
  description = "Availability zones, three of the region."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3 && alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "zones must be three different zones of the region: a quorum of brokers and databases survives the loss of one."
  }
}

variable "cidr" {
  description = "Address block, a /16 to /20."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "cidr must be an IPv4 block of /16 to /20."
  }
}

variable "nat" {
  description = "`single` NAT gateway, or one `per_zone`: with a single one the loss of its zone cuts all calls to the internet."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["single", "per_zone"], var.nat)
    error_message = "nat must be single or per_zone."
  }
}

variable "interface_endpoints" {
  description = "Whether AWS's services are reached without the internet (S3 always is). They cost per zone and hour; without them calls go by the NAT gateway, over TLS."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "The key of logs."
  type        = string
}

variable "flow_log_days" {
  description = "How long flow logs are kept, in days."
  type        = number
  default     = 365
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
