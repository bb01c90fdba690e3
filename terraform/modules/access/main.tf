# Which service may do what with which queue, bucket and topic: access.json says it, this turns it into statements. Nothing
# that is not in access.json is permitted. No provider: what is granted can be read and tested without an account.

locals {
  access = jsondecode(file("${path.module}/access.json"))

  # arn:aws:kafka:region:account:cluster/name/uuid, and beside it topic/name/uuid/… and group/name/uuid/…
  kafka_topic = "${replace(var.kafka_cluster_arn, ":cluster/", ":topic/")}/${var.topic_prefix}"
  kafka_group = "${replace(var.kafka_cluster_arn, ":cluster/", ":group/")}/${var.topic_prefix}"

  queue_actions = {
    send    = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    receive = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"]
    redrive = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"]
  }

  object_actions = {
    upload = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    read   = ["s3:GetObject", "s3:GetObjectVersion"]
    store  = ["s3:GetObject", "s3:PutObject"]
    lock   = ["s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"]
    # Written once under a retention, in versions, and never deleted.
    keep = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention"]
    # Retention in governance mode may be lifted by erasure alone; compliance mode by nobody.
    delete = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
  }
  bucket_actions = {
    upload = ["s3:ListBucketMultipartUploads"]
    read   = ["s3:ListBucket"] # else a missing object is a 403
    store  = ["s3:ListBucket"]
    lock   = []
    keep   = ["s3:ListBucket", "s3:ListBucketVersions"]
    delete = ["s3:ListBucketVersions"]
  }

  topic_actions = {
    read  = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
    write = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
  }

  statements = { for service, wants in local.access : service => concat(
    [for queue, how in wants.queues : {
      Sid      = "Queue${replace(title(replace(queue, "/[^a-z0-9]/", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = distinct(flatten([for action in how : local.queue_actions[action] if action != "redrive"]))
      Resource = [var.queue_arns[queue]]
    }],
    # Whoever receives puts poison there; whoever redrives takes it out again.
    [for queue, how in wants.queues : {
      Sid      = "DeadLettersOf${replace(title(replace(queue, "/[^a-z0-9]/", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = contains(how, "redrive") ? local.queue_actions.redrive : local.queue_actions.send
      Resource = [var.dead_letter_arns[queue]]
    } if contains(how, "receive")],
    [for key in length(wants.queues) > 0 ? ["messages"] : [] : {
      Sid       = "KeyOfMessages"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [var.queue_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "sqs.${var.region}.amazonaws.com" } }
    }],
    [for purpose, how in wants.buckets : {
      Sid      = "ObjectsOf${title(purpose)}"
      Effect   = "Allow"
      Action   = sort(distinct(flatten([for action in how : local.object_actions[action]])))
      Resource = ["${var.bucket_arns[purpose]}/*"]
    }],
    [for purpose, how in wants.buckets : {
      Sid      = "Bucket${title(purpose)}"
      Effect   = "Allow"
      Action   = sort(distinct(flatten([for action in how : local.bucket_actions[action]])))
      Resource = [var.bucket_arns[purpose]]
    }],
    [for keys in length(wants.buckets) > 0 ? [distinct([for purpose in keys(wants.buckets) : var.bucket_key_arns[purpose]])] : [] : {
      Sid       = "KeysOfBuckets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = keys
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
    }],
    [for cluster in length(wants.topics) > 0 ? ["kafka"] : [] : {
      Sid      = "Kafka"
      Effect   = "Allow"
      Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"]
      Resource = [var.kafka_cluster_arn]
    }],
    [for topic, how in wants.topics : {
      Sid      = "Topic${replace(title(replace(topic, "/[^a-z0-9]/", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = sort(distinct(flatten([for action in how : local.topic_actions[action]])))
      Resource = ["${local.kafka_topic}${topic}"]
    }],
    [for group in wants.groups : {
      Sid      = "Group${replace(title(replace(group, "/[^a-z0-9]/", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
      Resource = ["${local.kafka_group}${group}"]
    }],
  ) }
}
