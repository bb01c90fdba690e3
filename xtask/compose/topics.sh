#!/bin/sh
set -eu
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.document.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.billing.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.payment.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.verification.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.notification.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.subject.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.work.v1 --partitions 12 --config retention.ms=1209600000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.document.v1.worker.dlq --partitions 1 --config retention.ms=2592000000
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --create --if-not-exists \
  --topic guildhall.work.v1.worker.dlq --partitions 1 --config retention.ms=2592000000
