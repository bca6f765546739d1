import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints what Kafka's own client reads of a topic while it is written, committed records only: partition and value. When a line
 * comes in it reads to the end of the topic, and stops. Arguments: brokers, topic.
 */
class FollowCommitted {
  private static volatile boolean finishing = false;

  public static void main(String[] args) {
    var waiting = new Thread(FollowCommitted::waitForLine);
    waiting.setDaemon(true);
    waiting.start();
    Map<String, Object> config = Map.of(
        "bootstrap.servers", args[0],
        "isolation.level", "read_committed",
        "enable.auto.commit", "false",
        "auto.offset.reset", "none",
        "key.deserializer", ByteArrayDeserializer.class,
        "value.deserializer", ByteArrayDeserializer.class);
    try (var consumer = new KafkaConsumer<byte[], byte[]>(config)) {
      List<TopicPartition> partitions = consumer.partitionsFor(args[1]).stream()
          .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
      consumer.assign(partitions);
      // Offsets, not "the beginning": a position that the broker doesn't have is an error, not a jump.
      for (var partition : partitions) consumer.seek(partition, 0);
      Map<TopicPartition, Long> ends = null;
      while (ends == null || !isThrough(consumer, ends)) {
        if (ends == null && finishing) ends = consumer.endOffsets(partitions);
        var out = new StringBuilder();
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          out.append(record.partition()).append('\t')
              .append(new String(record.value(), StandardCharsets.UTF_8)).append('\n');
        }
        System.out.print(out);
        System.out.flush();
      }
    }
  }

  /** Also where whoever wanted to know is gone: input has ended then. */
  private static void waitForLine() {
    try {
      System.in.read();
    } catch (java.io.IOException error) {
      System.err.println(error);
    }
    finishing = true;
  }

  private static boolean isThrough(Consumer<?, ?> consumer, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
  }
}
