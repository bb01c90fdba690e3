# What proto/topology.toml lists. Terraform reads no TOML: `cargo xtask terraform --update` renews topology.json, and
# `cargo xtask tidy` refuses one that is not what the list says.

locals {
  list    = jsondecode(file("${path.module}/topology.json"))
  topics  = { for topic in local.list.topics : topic.name => topic }
  queues  = { for queue in local.list.queues : queue.name => queue }
  buckets = { for bucket in local.list.buckets : bucket.purpose => bucket }
}
