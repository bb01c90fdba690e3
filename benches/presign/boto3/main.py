"""Signs as many uploads as it is told, and prints what one cost and what the last one was."""

import json
import resource
import sys
import time

import boto3
from botocore.config import Config

task = json.loads(sys.argv[1])
client = boto3.client(
    "s3",
    endpoint_url=task["endpoint"],
    region_name=task["region"],
    aws_access_key_id=task["access_key"],
    aws_secret_access_key=task["secret_key"],
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
    ),
)


def sign(number: int) -> str:
    return client.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": task["bucket"],
            "Key": f"bench/{number}",
            "ContentType": task["content_type"],
            "ContentLength": task["size"],
            "ChecksumSHA256": task["sha256"],
        },
        ExpiresIn=900,
        HttpMethod="PUT",
    )


for number in range(task["count"] // 5):
    sign(number)
cpu, start = time.process_time(), time.perf_counter()
url = ""
for number in range(1, task["count"] + 1):
    url = sign(number)
cpu, took = time.process_time() - cpu, time.perf_counter() - start
print(
    json.dumps(
        {
            "cpu_us_per_unit": cpu * 1e6 / task["count"],
            "per_second": task["count"] / took,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "url": url,
        }
    )
)
