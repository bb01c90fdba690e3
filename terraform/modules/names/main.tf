# What everything of an environment is called and tagged. No provider: names are the same in a test as in an account.

locals {
  prefix = "${var.project}-${var.environment}"
  partition = (
    startswith(var.region, "us-gov-") ? "aws-us-gov" :
    startswith(var.region, "cn-") ? "aws-cn" :
    "aws"
  )
}
