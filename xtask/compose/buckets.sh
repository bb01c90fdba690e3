#!/bin/sh
set -eu
s3() { aws --endpoint-url http://versitygw:7070 s3api "$@"; }
cors='{"CORSRules":[{"AllowedOrigins":["'$PORTAL'"],"AllowedMethods":["GET","HEAD","PUT"],"AllowedHeaders":["*"],
  "ExposeHeaders":["ETag","x-amz-checksum-sha256"],"MaxAgeSeconds":600}]}'
s3 head-bucket --bucket guildhall-intake 2>/dev/null || s3 create-bucket --bucket guildhall-intake
s3 put-bucket-cors --bucket guildhall-intake --cors-configuration "$cors"
s3 head-bucket --bucket guildhall-evidence 2>/dev/null || s3 create-bucket --bucket guildhall-evidence
s3 put-bucket-versioning --bucket guildhall-evidence --versioning-configuration Status=Enabled
s3 put-object-lock-configuration --bucket guildhall-evidence --object-lock-configuration ObjectLockEnabled=Enabled
s3 put-bucket-cors --bucket guildhall-evidence --cors-configuration "$cors"
s3 head-bucket --bucket guildhall-audit 2>/dev/null || s3 create-bucket --bucket guildhall-audit
s3 put-bucket-versioning --bucket guildhall-audit --versioning-configuration Status=Enabled
s3 put-object-lock-configuration --bucket guildhall-audit --object-lock-configuration ObjectLockEnabled=Enabled
s3 head-bucket --bucket guildhall-exports 2>/dev/null || s3 create-bucket --bucket guildhall-exports
s3 put-bucket-cors --bucket guildhall-exports --cors-configuration "$cors"
s3 head-bucket --bucket guildhall-replica 2>/dev/null || s3 create-bucket --bucket guildhall-replica
s3 put-bucket-versioning --bucket guildhall-replica --versioning-configuration Status=Enabled
