variables {
  region            = "eu-central-1"
  queue_arns        = { guildhall-scan = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-scan", guildhall-mail = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-mail", guildhall-preview = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-preview", guildhall-integrity = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-integrity", guildhall-pdf = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-pdf" }
  dead_letter_arns  = { guildhall-scan = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-scan-dlq", guildhall-mail = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-mail-dlq", guildhall-preview = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-preview-dlq", guildhall-integrity = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-integrity-dlq", guildhall-pdf = "arn:aws:sqs:eu-central-1:111122223333:t-guildhall-pdf-dlq" }
  bucket_arns       = { intake = "arn:aws:s3:::intake", evidence = "arn:aws:s3:::evidence", replica = "arn:aws:s3:::replica", audit = "arn:aws:s3:::audit", exports = "arn:aws:s3:::exports" }
  bucket_key_arns   = { intake = "arn:aws:kms:eu-central-1:111122223333:key/d", evidence = "arn:aws:kms:eu-central-1:111122223333:key/d", replica = "arn:aws:kms:eu-central-1:111122223333:key/d", audit = "arn:aws:kms:eu-central-1:111122223333:key/a", exports = "arn:aws:kms:eu-central-1:111122223333:key/d" }
  queue_key_arn     = "arn:aws:kms:eu-central-1:111122223333:key/m"
  kafka_cluster_arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/guildhall-test/0-1"
  topic_prefix      = "t-"
}

run "each_service_gets_just_its_own" {
  assert {
    condition = alltrue(flatten([for service, statements in output.statements : [
      for statement in statements : !contains(statement.Action, "*") && !contains(statement.Resource, "*")
    ]]))
    error_message = "no wildcard for anybody"
  }
  assert {
    condition     = length([for s in output.statements["bff"] : s if startswith(s.Sid, "Queue") || startswith(s.Sid, "Objects")]) == 0
    error_message = "bff touches neither queues nor buckets"
  }
  assert {
    condition     = join(",", one([for s in output.statements["document"] : s.Action if s.Sid == "QueueGuildhallScan"])) == "sqs:GetQueueUrl,sqs:SendMessage"
    error_message = "document sends jobs and receives none"
  }
  assert {
    condition     = [for service, statements in output.statements : service if anytrue([for s in statements : contains(s.Action, "s3:BypassGovernanceRetention")])] == ["document"]
    error_message = "nobody but document, which erases, lifts a retention"
  }
  assert {
    condition     = contains(one([for s in output.statements["document"] : s.Action if s.Sid == "ObjectsOfReplica"]), "s3:DeleteObjectVersion")
    error_message = "with what is erased goes its second copy"
  }
  assert {
    condition     = !anytrue([for s in output.statements["worker"] : contains(s.Action, "s3:DeleteObject")])
    error_message = "the worker deletes nothing"
  }
  assert {
    condition     = one([for s in output.statements["notification"] : s.Resource if s.Sid == "GroupNotification"]) == ["arn:aws:kafka:eu-central-1:111122223333:group/guildhall-test/0-1/t-notification"]
    error_message = "a group of one's own, with the prefix"
  }
  assert {
    condition     = one([for s in output.statements["notification"] : s.Resource if s.Sid == "TopicGuildhallNotificationV1"]) == ["arn:aws:kafka:eu-central-1:111122223333:topic/guildhall-test/0-1/t-guildhall.notification.v1"]
    error_message = "a topic by its name, with the prefix"
  }
}

run "who_has_a_database_and_which_secrets" {
  assert {
    condition     = toset(output.databases) == toset(["document", "notification", "payment", "verification"])
    error_message = "bff and worker have none"
  }
  assert {
    condition     = output.secrets["bff"]["REDIS__URL"].from == "cache" && output.secrets["document"]["DB__OWNER_URL"].login == "owner"
    error_message = "secrets by the variable that carries them"
  }
}

run "a_cluster_is_named_by_its_arn" {
  command = plan
  variables {
    kafka_cluster_arn = "guildhall-test"
  }
  expect_failures = [var.kafka_cluster_arn]
}
