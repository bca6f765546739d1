import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Prints what Kafka's own client reads of a topic, committed records only, up to the end: partition, key, value. Arguments: brokers, topic. */
class ReadCommitted {
  private static final long PATIENCE_NS = 60_000_000_000L;

  public static void main(String[] args) throws InterruptedException {
    try (var committed = consumer(args[0], "read_committed"); var all = consumer(args[0], "read_uncommitted")) {
      List<TopicPartition> partitions = committed.partitionsFor(args[1]).stream()
          .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
      Map<TopicPartition, Long> ends = committed.endOffsets(partitions);
      // A broker answers the end of a transaction before its markers are written.
      for (long until = System.nanoTime() + PATIENCE_NS; !ends.equals(all.endOffsets(partitions)); ends = committed.endOffsets(partitions)) {
        if (System.nanoTime() > until) throw new IllegalStateException("a transaction is open: " + ends);
        Thread.sleep(20);
      }
      Map<TopicPartition, Long> last = ends;
      committed.assign(partitions);
      committed.seekToBeginning(partitions);
      var out = new StringBuilder();
      while (partitions.stream().anyMatch(at -> committed.position(at) < last.get(at))) {
        for (var record : committed.poll(Duration.ofMillis(200))) {
          out.append("record\t").append(record.partition()).append('\t')
              .append(text(record.key())).append('\t').append(text(record.value())).append('\n');
        }
      }
      System.out.print(out);
    }
  }

  private static Consumer<byte[], byte[]> consumer(String brokers, String isolation) {
    Map<String, Object> config = Map.of(
        "bootstrap.servers", brokers,
        "isolation.level", isolation,
        "enable.auto.commit", "false",
        "key.deserializer", ByteArrayDeserializer.class,
        "value.deserializer", ByteArrayDeserializer.class);
    return new KafkaConsumer<>(config);
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "null" : Base64.getEncoder().encodeToString(bytes);
  }
}
