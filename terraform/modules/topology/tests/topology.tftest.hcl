run "the_list_has_what_every_deployment_needs" {
  assert {
    condition     = length(setsubtract(["guildhall-scan", "guildhall-mail"], keys(output.queues))) == 0
    error_message = "the queues of the worker's roles"
  }
  assert {
    condition     = output.buckets["evidence"].object_lock && output.buckets["evidence"].versioned && output.buckets["intake"].cors
    error_message = "evidence is locked, intake is open to browsers"
  }
  assert {
    condition     = alltrue([for topic in output.topics : topic.partitions >= 1 && topic.retention_days >= 14])
    error_message = "every topic has partitions and keeps events for two weeks"
  }
}
