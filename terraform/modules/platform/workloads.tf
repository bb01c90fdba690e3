# Who may do what: the services by access.json, the cluster's components by what they are for.

module "access" {
  source = "../access"

  region            = var.region
  queue_arns        = module.queues.arns
  dead_letter_arns  = module.queues.dead_letter_arns
  bucket_arns       = { for purpose, bucket in module.buckets : purpose => bucket.arn }
  bucket_key_arns   = { for purpose, class in local.bucket_class : purpose => module.keys.arns[class] }
  queue_key_arn     = module.keys.arns.messages
  kafka_cluster_arn = module.kafka.arn
}

locals {
  kafka_topics = replace(module.kafka.arn, ":cluster/", ":topic/")
  kafka_groups = replace(module.kafka.arn, ":cluster/", ":group/")

  read_secrets = { for who, arns in {
    external-secrets = concat(values(module.secrets.arns), [module.database.admin_secret_arn])
    bootstrap        = concat([module.database.admin_secret_arn], [for name, arn in module.secrets.arns : arn if contains(local.login_secrets, name)])
    } : who => [
    { Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], Resource = arns },
    {
      Sid       = "KeyOfSecrets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [module.keys.arns.secrets]
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
    },
  ] }

  write_telemetry = { for who in ["loki", "tempo"] : who => [
    { Sid = "Objects", Effect = "Allow", Action = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], Resource = ["${module.telemetry_bucket.arn}/${who}/*"] },
    { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [module.telemetry_bucket.arn], Condition = { StringLike = { "s3:prefix" = ["${who}/*"] } } },
    {
      Sid       = "KeyOfLogs"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [module.keys.arns.logs]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
    },
  ] }

  write_dns = [for zone in module.dns : [
    { Sid = "Records", Effect = "Allow", Action = ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"], Resource = [zone.arn] },
    { Sid = "Find", Effect = "Allow", Action = ["route53:ListHostedZones", "route53:ListHostedZonesByName"], Resource = ["*"] },
    { Sid = "Wait", Effect = "Allow", Action = ["route53:GetChange"], Resource = ["arn:${local.partition}:route53:::change/*"] },
  ]]

  # Names and certificates of what runs in the cluster, where there is a zone.
  dns_components = { for name in var.dns == null ? [] : ["cert-manager", "external-dns"] : name => { namespace = "platform", statements = local.write_dns[0] } }

  components = merge(local.dns_components, {
    # Makes databases, logins and topics before the services are first migrated.
    bootstrap = { namespace = "platform", statements = concat(local.read_secrets.bootstrap, [
      { Sid = "Kafka", Effect = "Allow", Action = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"], Resource = [module.kafka.arn] },
      {
        Sid    = "Topics"
        Effect = "Allow"
        Action = [
          "kafka-cluster:AlterTopicDynamicConfiguration", "kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic",
          "kafka-cluster:DescribeTopicDynamicConfiguration",
        ]
        Resource = [for topic in keys(module.topology.topics) : "${local.kafka_topics}/${topic}"]
      },
    ]) }
    external-secrets = { namespace = "platform", statements = local.read_secrets["external-secrets"] }
    # Scales workers by what waits.
    keda = { namespace = "platform", statements = [
      { Sid = "Queues", Effect = "Allow", Action = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"], Resource = values(module.queues.arns) },
      { Sid = "Kafka", Effect = "Allow", Action = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"], Resource = [module.kafka.arn] },
      { Sid = "Topics", Effect = "Allow", Action = ["kafka-cluster:DescribeTopic"], Resource = [for topic in keys(module.topology.topics) : "${local.kafka_topics}/${topic}"] },
      { Sid = "Groups", Effect = "Allow", Action = ["kafka-cluster:DescribeGroup"], Resource = ["${local.kafka_groups}/*"] },
    ] }
    loki  = { namespace = "observability", statements = local.write_telemetry.loki }
    tempo = { namespace = "observability", statements = local.write_telemetry.tempo }
  })
}

module "iam" {
  source = "../iam"

  name                     = local.name
  account_id               = var.account_id
  region                   = var.region
  identity_mode            = var.identity_mode
  cluster_name             = module.eks.name
  cluster_arn              = module.eks.arn
  oidc_provider_arn        = module.eks.oidc_provider_arn
  oidc_issuer              = module.eks.oidc_issuer
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
  workloads = merge(
    { for service, statements in module.access.statements : service => { namespace = service, service_account = service, statements = jsonencode(statements) } },
    { for name, component in local.components : name => { namespace = component.namespace, service_account = name, statements = jsonencode(component.statements) } },
  )
}
