import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Debezium's asynchronous engine with its outbox EventRouter over the table `outbox`, writing to Kafka as Debezium
 * Server's own Kafka sink does: a batch is sent, all of it awaited, then marked.
 *
 * Arguments: host port user password database brokers offsets-file.
 */
public final class Relay {
    public static void main(String[] args) throws Exception {
        KafkaProducer<byte[], byte[]> producer = producer(args[5]);
        DebeziumEngine<RecordChangeEvent<SourceRecord>> engine =
            DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
                .using(settings(args))
                .using((success, message, error) -> {
                    if (!success) {
                        System.err.println("engine ended: " + message);
                        if (error != null) {
                            error.printStackTrace();
                        }
                        System.exit(1);
                    }
                })
                .notifying((records, committer) -> handle(producer, records, committer))
                .build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                engine.close();
            } catch (Exception error) {
                System.err.println("close: " + error);
            }
        }));
        engine.run();
    }

    private static void handle(
        KafkaProducer<byte[], byte[]> producer,
        List<RecordChangeEvent<SourceRecord>> records,
        DebeziumEngine.RecordCommitter<RecordChangeEvent<SourceRecord>> committer
    ) throws InterruptedException {
        CountDownLatch acknowledged = new CountDownLatch(records.size());
        AtomicReference<Exception> failure = new AtomicReference<>();
        for (RecordChangeEvent<SourceRecord> event : records) {
            SourceRecord from = event.record();
            // Heartbeats and tombstones have no value.
            if (from.value() == null) {
                acknowledged.countDown();
                continue;
            }
            ProducerRecord<byte[], byte[]> to = new ProducerRecord<>(from.topic(), bytes(from.key()), bytes(from.value()));
            for (Header header : from.headers()) {
                to.headers().add("ce_" + header.key(), bytes(header.value()));
            }
            producer.send(to, (metadata, error) -> {
                if (error != null) {
                    failure.set(error);
                }
                acknowledged.countDown();
            });
        }
        acknowledged.await();
        if (failure.get() != null) {
            throw new RuntimeException(failure.get());
        }
        for (RecordChangeEvent<SourceRecord> event : records) {
            committer.markProcessed(event);
        }
        committer.markBatchFinished();
    }

    private static byte[] bytes(Object value) {
        if (value == null) {
            return null;
        }
        if (value instanceof byte[] array) {
            return array;
        }
        if (value instanceof ByteBuffer buffer) {
            byte[] array = new byte[buffer.remaining()];
            buffer.duplicate().get(array);
            return array;
        }
        return value.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static KafkaProducer<byte[], byte[]> producer(String brokers) {
        Properties settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        settings.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, "5");
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, "131072");
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, "67108864");
        return new KafkaProducer<>(settings);
    }

    private static Properties settings(String[] args) {
        Properties settings = new Properties();
        settings.put("name", "outbox");
        settings.put("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        settings.put("offset.storage", "org.apache.kafka.connect.storage.FileOffsetBackingStore");
        settings.put("offset.storage.file.filename", args[6]);
        settings.put("offset.flush.interval.ms", "1000");
        settings.put("database.hostname", args[0]);
        settings.put("database.port", args[1]);
        settings.put("database.user", args[2]);
        settings.put("database.password", args[3]);
        settings.put("database.dbname", args[4]);
        settings.put("topic.prefix", "debezium");
        settings.put("plugin.name", "pgoutput");
        settings.put("slot.name", "debezium");
        settings.put("publication.name", "debezium");
        settings.put("publication.autocreate.mode", "disabled");
        settings.put("table.include.list", "public.outbox");
        settings.put("snapshot.mode", "no_data");
        settings.put("binary.handling.mode", "bytes");
        settings.put("tombstones.on.delete", "false");
        settings.put("skipped.operations", "u,d,t");
        // Tuned: larger batches for throughput, no half-second sleep between polls.
        settings.put("max.batch.size", "8192");
        settings.put("max.queue.size", "32768");
        settings.put("poll.interval.ms", "5");
        settings.put("transforms", "outbox");
        settings.put("transforms.outbox.type", "io.debezium.transforms.outbox.EventRouter");
        settings.put("transforms.outbox.table.field.event.id", "id");
        settings.put("transforms.outbox.table.field.event.key", "key");
        settings.put("transforms.outbox.table.field.event.payload", "payload");
        settings.put("transforms.outbox.route.by.field", "destination");
        settings.put("transforms.outbox.route.topic.replacement", "${routedByValue}");
        settings.put(
            "transforms.outbox.table.fields.additional.placement",
            "type:header,subject:header,tenant:header,dataschema:header,traceparent:header,time:header"
        );
        return settings;
    }
}
