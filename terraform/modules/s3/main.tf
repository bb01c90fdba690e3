# One bucket, closed: no public access by any way, TLS only, encrypted, owned by the account.

locals {
  tls_only = [
    {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    },
    {
      Sid       = "ModernTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    },
  ]

  deliveries = [for service, prefix in var.deliveries : {
    Sid       = "Deliver${replace(title(replace(service, "/[^a-z]/", " ")), " ", "")}"
    Effect    = "Allow"
    Principal = { Service = "${service}.amazonaws.com" }
    Action    = ["s3:GetBucketAcl", "s3:PutObject"]
    Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/${prefix}*"]
    Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
  }]
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144: what needs a copy in a second region gets it from the module s3_replica
  #checkov:skip=CKV_AWS_21: the caller says; what is kept is versioned, uploads before their verdict and telemetry are not
  #checkov:skip=CKV2_AWS_62: events go to EventBridge, where something listens
  region              = var.region
  bucket              = var.bucket
  object_lock_enabled = var.object_lock
  force_destroy       = false
  tags                = merge(var.tags, { Name = var.bucket, data-class = var.data_class })
}

resource "aws_s3_bucket_public_access_block" "this" {
  region                  = var.region
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    # A bucket that never had versions stays without: "Suspended" would be another state.
    status = var.versioned ? "Enabled" : "Disabled"
  }
}

resource "aws_s3_bucket_policy" "this" {
  region = var.region
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.tls_only, local.deliveries) })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_cors_configuration" "this" {
  count = length(var.cors_origins) > 0 ? 1 : 0

  region = var.region
  bucket = aws_s3_bucket.this.id

  cors_rule {
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "HEAD", "PUT"]
    # What an upload's signature fixes.
    allowed_headers = ["content-type", "x-amz-checksum-sha256"]
    expose_headers  = ["etag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300: the first rule does; its days are a default that checkov does not work out
  region = var.region
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "unfinished"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.lifecycle_days.abort_unfinished
    }
  }

  dynamic "rule" {
    for_each = var.lifecycle_days.archive == null ? [] : [var.lifecycle_days.archive]

    content {
      id     = "archive"
      status = "Enabled"

      filter {}

      transition {
        days          = rule.value
        storage_class = "INTELLIGENT_TIERING"
      }
    }
  }

  dynamic "rule" {
    for_each = var.lifecycle_days.expire == null ? [] : [var.lifecycle_days.expire]

    content {
      id     = "expire"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.versioned ? ["versions"] : []

    content {
      id     = "versions"
      status = "Enabled"

      filter {}

      expiration {
        expired_object_delete_marker = true
      }

      dynamic "noncurrent_version_expiration" {
        for_each = var.lifecycle_days.noncurrent == null ? [] : [var.lifecycle_days.noncurrent]

        content {
          noncurrent_days = noncurrent_version_expiration.value
        }
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  count = var.access_log_bucket == null ? 0 : 1

  region        = var.region
  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_log_bucket
  target_prefix = "s3/${var.bucket}/"
}

resource "aws_s3_bucket_notification" "this" {
  count = var.events ? 1 : 0

  region      = var.region
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}
