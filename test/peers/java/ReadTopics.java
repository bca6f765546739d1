import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints what KafkaConsumer gives of each topic's partition 0, read_committed and read_uncommitted, from every offset at
 * which one may start. Arguments: brokers, topics. JSON lines: a topic, its records, and by start the offsets that came.
 * Bytes, and the names of headers, are base64.
 */
public final class ReadTopics {
    private static final long WITHIN_MS = 30_000;

    public static void main(String[] args) {
        for (String topic : List.of(args).subList(1, args.length)) {
            for (String isolation : List.of("read_committed", "read_uncommitted")) read(args[0], topic, isolation);
        }
    }

    private static void read(String brokers, String topic, String isolation) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", brokers,
                "isolation.level", isolation,
                "auto.offset.reset", "none",
                "enable.auto.commit", "false",
                "fetch.max.wait.ms", "2");
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            long first = consumer.beginningOffsets(List.of(partition)).get(partition);
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            System.out.println("{\"topic\":\"" + topic + "\",\"isolation\":\"" + isolation + "\",\"first\":" + first
                    + ",\"end\":" + end + "}");
            Map<Long, String> records = new HashMap<>();
            for (long start = first; start <= end; start++) {
                consumer.seek(partition, start);
                List<Long> offsets = new ArrayList<>();
                for (long deadline = System.currentTimeMillis() + WITHIN_MS; consumer.position(partition) < end;) {
                    if (System.currentTimeMillis() > deadline) throw new IllegalStateException("stuck at " + start);
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        offsets.add(record.offset());
                        String now = json(record);
                        String before = records.put(record.offset(), now);
                        if (before == null) System.out.println("{\"record\":" + now + "}");
                        else if (!before.equals(now)) throw new IllegalStateException(before + " is now " + now);
                    }
                }
                System.out.println("{\"start\":" + start + ",\"offsets\":" + offsets + "}");
            }
        }
    }

    private static String json(ConsumerRecord<byte[], byte[]> record) {
        StringJoiner headers = new StringJoiner(",", "[", "]");
        for (Header header : record.headers()) {
            headers.add("[" + base64(header.key().getBytes(StandardCharsets.UTF_8)) + "," + base64(header.value()) + "]");
        }
        return "{\"offset\":" + record.offset() + ",\"timestamp\":" + record.timestamp() + ",\"key\":"
                + base64(record.key()) + ",\"value\":" + base64(record.value()) + ",\"headers\":" + headers + "}";
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? "null" : '"' + Base64.getEncoder().encodeToString(bytes) + '"';
    }
}
