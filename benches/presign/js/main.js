// Signs as many uploads as it is told, and prints what one cost and what the last one was.
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const task = JSON.parse(process.argv[2]);
const client = new S3Client({
  endpoint: task.endpoint,
  region: task.region,
  forcePathStyle: true,
  credentials: { accessKeyId: task.access_key, secretAccessKey: task.secret_key },
  requestChecksumCalculation: "WHEN_REQUIRED",
});
const names = ["content-length", "content-type", "x-amz-checksum-sha256"];

const sign = (number) =>
  getSignedUrl(
    client,
    new PutObjectCommand({
      Bucket: task.bucket,
      Key: `bench/${number}`,
      ContentType: task.content_type,
      ContentLength: task.size,
      ChecksumSHA256: task.sha256,
    }),
    { expiresIn: 900, signableHeaders: new Set(names), unhoistableHeaders: new Set(names) },
  );

for (let number = 0; number < task.count / 5; number += 1) await sign(number);
const cpu = process.cpuUsage();
const start = process.hrtime.bigint();
let url = "";
for (let number = 1; number <= task.count; number += 1) url = await sign(number);
const took = Number(process.hrtime.bigint() - start) / 1e9;
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    cpu_us_per_unit: (used.user + used.system) / task.count,
    per_second: task.count / took,
    rss_mib: process.resourceUsage().maxRSS / 1024,
    url,
  }),
);
