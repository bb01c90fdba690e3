variable "name" {
  description = "Name of the list."
  type        = string
}

variable "region" {
  description = "Where the load balancer is; a list for CloudFront is in us-east-1 whatever this says."
  type        = string
}

variable "scope" {
  description = "`CLOUDFRONT`, or `REGIONAL` for an Application Load Balancer."
  type        = string

  validation {
    condition     = contains(["CLOUDFRONT", "REGIONAL"], var.scope)
    error_message = "scope must be CLOUDFRONT or REGIONAL."
  }
}

variable "requests_per_address" {
  description = "How many requests one address may make in five minutes; offices and schools share one."
  type        = number
  default     = 5000

  validation {
    condition     = var.requests_per_address >= 100
    error_message = "requests_per_address must be 100 or more."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
