mock_provider "aws" {
  source = "../../mocks"
}

variables {
  bucket            = "guildhall-evidence-test-111122223333"
  region            = "eu-central-1"
  account_id        = "111122223333"
  data_class        = "documents"
  kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1"
  versioned         = true
  access_log_bucket = "guildhall-logs-test-111122223333"
  tags              = { project = "guildhall" }
}

run "evidence_is_closed_encrypted_and_locked" {
  variables {
    object_lock    = true
    cors_origins   = ["https://portal.example.org"]
    events         = true
    lifecycle_days = { archive = 30 }
  }
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "no way to the public"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "encrypted with the key of its class"
  }
  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "locked and versioned"
  }
  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Effect] == ["Deny", "Deny"]
    error_message = "the policy only forbids"
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_origins == toset(["https://portal.example.org"])
    error_message = "the portal's origin and no other"
  }
  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "archive"]).transition != null
    error_message = "old evidence is stored cheaper"
  }
}

run "a_bucket_for_logs_takes_what_its_services_deliver_for_this_account" {
  variables {
    bucket            = "guildhall-logs-test-111122223333"
    kms_key_arn       = null
    versioned         = false
    access_log_bucket = null
    deliveries        = { "logging.s3" = "s3/" }
    lifecycle_days    = { expire = 400 }
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "S3 writes access logs with its own keys only"
  }
  assert {
    condition = alltrue([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      s.Condition.StringEquals["aws:SourceAccount"] == "111122223333" if s.Effect == "Allow"
    ])
    error_message = "nobody delivers for another account"
  }
  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0 && length(aws_s3_bucket_cors_configuration.this) == 0 && length(aws_s3_bucket_notification.this) == 0
    error_message = "nothing that was not asked for"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    bucket         = "Evidence.Prod"
    versioned      = false
    object_lock    = true
    cors_origins   = ["*"]
    lifecycle_days = { expire = 0 }
  }
  expect_failures = [var.bucket, var.object_lock, var.cors_origins, var.lifecycle_days]
}
