# What charts get: terraform/contract.schema.json is its shape, `cargo xtask tf-outputs <env>` fetches it. No value in it
# is secret: secrets are named, and read in the cluster.

locals {
  uses = { for service in module.access.services : service => jsondecode(file("${path.module}/../access/access.json"))[service] }

  settings = { for service, uses in local.uses : service => merge(
    length(uses.topics) == 0 ? {} : {
      KAFKA__BROKERS  = module.kafka.brokers
      KAFKA__SECURITY = "msk_iam"
      KAFKA__REGION   = var.region
    },
    length(uses.queues) == 0 ? {} : {
      SQS__REGION       = var.region
      SQS__QUEUE_PREFIX = module.names.queue_prefix
    },
    length(uses.buckets) == 0 ? {} : merge(
      { S3__REGION = var.region },
      { for purpose in keys(uses.buckets) : "S3__${upper(purpose)}_BUCKET" => module.buckets[purpose].bucket },
    ),
    service != "bff" ? {} : {
      HTTP__UPLOAD_ORIGIN = "https://s3.${var.region}.amazonaws.com"
    },
  ) }

  contract = {
    version     = 1
    environment = var.environment
    region      = var.region
    account_id  = var.account_id

    objectives = {
      rpo_minutes    = var.objectives.rpo_minutes
      rto_minutes    = var.objectives.rto_minutes
      residency      = var.residency
      replica_region = var.replica_region
      protected      = var.protected
    }

    cluster = {
      name          = module.eks.name
      endpoint      = module.eks.endpoint
      identity_mode = var.identity_mode
    }

    services = { for service, uses in local.uses : service => {
      namespace       = service
      service_account = service
      role_arn        = module.iam.role_arns[service]
      settings        = { for variable, value in local.settings[service] : "${upper(service)}__${variable}" => value }
      secrets = { for variable in keys(uses.secrets) : "${upper(service)}__${variable}" => {
        name     = module.secrets.names["${service}/${lower(replace(replace(variable, "__", "-"), "_", "-"))}"]
        arn      = module.secrets.arns["${service}/${lower(replace(replace(variable, "__", "-"), "_", "-"))}"]
        property = "value"
      } }
    } }

    components = { for name, component in local.components : name => {
      namespace       = component.namespace
      service_account = name
      role_arn        = module.iam.role_arns[name]
    } }

    bootstrap = {
      database_host             = module.database.address
      database_admin_secret_arn = module.database.admin_secret_arn
      databases                 = module.access.databases
      kafka_brokers             = module.kafka.brokers
      topics                    = module.topology.topics
    }

    buckets          = { for purpose, bucket in module.buckets : purpose => bucket.bucket }
    telemetry_bucket = module.telemetry_bucket.bucket
    queues           = { for queue in keys(module.topology.queues) : queue => "${module.names.queue_prefix}${queue}" }
    images           = length(module.registry) == 0 ? {} : module.registry[0].urls
    zone             = try(var.dns.zone, null)
    certificate_arn  = one(module.certificate[*].arn)
    alarm_topics     = module.observability.topic_arns
    outgoing_ips     = module.vpc.nat_ips
  }
}
