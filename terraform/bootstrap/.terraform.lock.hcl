# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/hashicorp/aws" {
  version     = "6.25.0"
  constraints = "~> 6.25"
  hashes = [
    "h1:Fe71ENsQDdAQXa9UPoOsi8syoAAzhp5tYs+LHdpvOeU=",
  ]
}
