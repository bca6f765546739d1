package peer;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Copies a topic to another with Kafka Streams, exactly_once_v2. The JVM stays warm from round to round. Each line on
 * standard input is a round, `application from to commitMs`; each line on standard output what it took, as JSON.
 */
public final class Copy {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final String brokers;
    private final String stateDirectory;
    private final Admin admin;

    private Copy(String brokers, String stateDirectory) {
        this.brokers = brokers;
        this.stateDirectory = stateDirectory;
        admin = Admin.create(Map.of("bootstrap.servers", brokers));
    }

    public static void main(String[] args) throws Exception {
        Copy copy = new Copy(args[0], args[1]);
        BufferedReader rounds = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("{\"ready\":true}");
        for (String line; (line = rounds.readLine()) != null;) {
            String[] round = line.split(" ");
            System.out.println(copy.run(round[0], round[1], round[2], round[3]));
        }
        // Clean-up must not keep the parent waiting.
        Runtime.getRuntime().halt(0);
    }

    /** The clock starts when the partitions have been assigned, and stops when the last offset is committed. */
    private String run(String application, String from, String to, String commitMs) throws Exception {
        Map<TopicPartition, Long> ends = endsOf(from);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(from).to(to);
        CountDownLatch assigned = new CountDownLatch(1);
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings(application, commitMs))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
                return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
            });
            streams.setStateListener((now, before) -> {
                if (now == KafkaStreams.State.RUNNING) assigned.countDown();
            });
            streams.start();
            assigned.await();
            long began = System.nanoTime();
            long cpu = SYSTEM.getProcessCpuTime();
            while (!committed(application, ends)) Thread.sleep(5);
            long ms = (System.nanoTime() - began) / 1_000_000;
            long cpuMs = (SYSTEM.getProcessCpuTime() - cpu) / 1_000_000;
            streams.close(Duration.ofSeconds(30));
            return "{\"taken\":{\"ms\":" + ms + ",\"cpuMs\":" + cpuMs + "}}";
        }
    }

    private Properties settings(String application, String commitMs) throws IOException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitMs);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return settings;
    }

    private Map<TopicPartition, Long> endsOf(String topic) throws Exception {
        Map<TopicPartition, OffsetSpec> latest = admin.describeTopics(java.util.List.of(topic))
                .allTopicNames().get().get(topic).partitions().stream()
                .collect(Collectors.toMap(p -> new TopicPartition(topic, p.partition()), p -> OffsetSpec.latest()));
        return admin.listOffsets(latest).all().get().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().offset()));
    }

    private boolean committed(String group, Map<TopicPartition, Long> ends) throws Exception {
        var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        return ends.entrySet().stream().allMatch(end -> {
            var offset = offsets.get(end.getKey());
            return offset != null && offset.offset() >= end.getValue();
        });
    }
}
