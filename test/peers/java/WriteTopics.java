import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes topics of one partition that hold what a decoder may get wrong. Arguments: brokers, then what to write:
 * transactions, open, codecs, times, compacted, small. Each topic has the name of what it holds.
 */
public final class WriteTopics {
    private static final long TIME = 1_700_000_000_000L;

    private final String brokers;
    private final Random random = new Random(20_260_101);
    private int written = 0;

    private WriteTopics(String brokers) {
        this.brokers = brokers;
    }

    public static void main(String[] args) throws Exception {
        WriteTopics topics = new WriteTopics(args[0]);
        for (String what : List.of(args).subList(1, args.length)) {
            topics.create(what);
            switch (what) {
                case "transactions" -> topics.transactions(what);
                case "open" -> topics.open(what);
                case "codecs" -> topics.codecs(what);
                case "times" -> topics.times(what);
                case "compacted" -> topics.compacted(what);
                case "small" -> topics.small(what);
                default -> throw new IllegalArgumentException(what);
            }
        }
        // Without closing producers: that would abort the transaction that has to stay open.
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private void create(String topic) throws Exception {
        Map<String, String> settings = switch (topic) {
            case "times" -> Map.of("message.timestamp.type", "LogAppendTime");
            case "compacted" -> Map.of(
                    "cleanup.policy", "compact", "segment.ms", "20", "min.cleanable.dirty.ratio", "0.0001");
            default -> Map.of("retention.ms", "-1");
        };
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(settings))).all().get();
        }
    }

    /** Four producers at once, and one outside of any transaction; users' keys that look like markers among them. */
    private void transactions(String topic) throws Exception {
        List<Writer> writers = new ArrayList<>();
        for (int i = 0; i < 4; i++) writers.add(new Writer(topic, Map.of("transactional.id", topic + i)));
        Writer outside = new Writer(topic, Map.of());
        for (int step = 0; step < 160; step++) {
            int choice = random.nextInt(6);
            Writer writer = choice < 4 ? writers.get(choice) : outside;
            if (writer != outside && !writer.open) writer.begin();
            for (int left = 1 + random.nextInt(3); left > 0; left--) writer.send(someKey(), text("transaction"));
            writer.producer.flush();
            if (writer != outside && random.nextInt(4) == 0) writer.end(random.nextBoolean());
        }
        for (Writer writer : writers) if (writer.open) writer.end(random.nextBoolean());
        outside.send(null, text("the last"));
        outside.producer.flush();
    }

    /** Ends with a transaction that is never ended, and records of others after its first. */
    private void open(String topic) throws Exception {
        Writer aborted = new Writer(topic, Map.of("transactional.id", topic + "-aborted"));
        Writer left = new Writer(topic, Map.of("transactional.id", topic + "-left", "transaction.timeout.ms", "900000"));
        Writer outside = new Writer(topic, Map.of());
        aborted.begin();
        aborted.flushed("a");
        outside.flushed("b");
        aborted.end(false);
        outside.flushed("c");
        aborted.begin();
        aborted.flushed("d");
        left.begin();
        left.flushed("e");
        outside.flushed("f");
        aborted.end(true);
        left.flushed("g");
        aborted.begin();
        aborted.flushed("h");
        aborted.end(false);
    }

    /** Every codec at two levels: batches of one record and of many, nulls, empty values, repeated headers, much and little to compress. */
    private void codecs(String topic) throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            for (Map<String, String> level : levels(codec)) {
                Map<String, String> settings = new HashMap<>(level);
                settings.put("compression.type", codec);
                Writer writer = new Writer(topic, settings);
                writer.flushed("alone in its batch, written with " + codec);
                writer.send(bytes("tombstone"), null);
                writer.send(null, new byte[0]);
                writer.send(new byte[0], text(codec));
                for (int i = 0; i < 4; i++) writer.send(bytes("k" + i), text(codec + " and once more " + codec));
                writer.send(bytes("noise"), noise(3_000));
                writer.send(bytes("long"), bytes("0123456789 ".repeat(9_000)));
                writer.send(bytes("headers"), bytes("v"), headers());
                writer.producer.flush();
                writer.send(bytes("longer than one block"), noise(200_000));
                writer.send(bytes("copies"), bytes(("abcdefghij" + codec).repeat(12_000)));
                writer.producer.flush();
            }
        }
    }

    private static List<Map<String, String>> levels(String codec) {
        return switch (codec) {
            case "gzip" -> List.of(Map.of(), Map.of("compression.gzip.level", "9"));
            case "lz4" -> List.of(Map.of(), Map.of("compression.lz4.level", "17"));
            case "zstd" -> List.of(Map.of(), Map.of("compression.zstd.level", "19"));
            default -> List.of(Map.of());
        };
    }

    private static RecordHeaders headers() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("trace", bytes("one")).add("kind", bytes("x")).add("trace", bytes("two")).add("none", null);
        headers.add("", bytes("no name")).add("grüße 🙂", bytes("unicode")).add("empty", new byte[0]);
        for (int i = 0; i < 70; i++) headers.add("again", bytes("value " + i));
        return headers;
    }

    /** Small batches in every codec, outside of and within transactions: what is fuzzed begins as one of them. */
    private void small(String topic) throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            for (boolean transactional : List.of(false, true)) {
                Map<String, String> settings = new HashMap<>(Map.of("compression.type", codec));
                if (transactional) settings.put("transactional.id", topic + codec);
                Writer writer = new Writer(topic, settings);
                for (int batch = 0; batch < 6; batch++) {
                    if (transactional) writer.begin();
                    for (int left = 1 + batch * 2; left > 0; left--) {
                        byte[] value = random.nextInt(3) == 0 ? noise(random.nextInt(60)) : text("value ".repeat(1 + batch * 6));
                        RecordHeaders headers = new RecordHeaders();
                        for (int more = random.nextInt(3); more > 0; more--) headers.add("trace", text("header"));
                        writer.send(someKey(), random.nextInt(9) == 0 ? null : value, headers);
                    }
                    writer.producer.flush();
                    if (transactional) writer.end(batch % 2 == 0);
                }
            }
        }
    }

    /** The broker's time in place of the producers', in two batches of several records. */
    private void times(String topic) throws Exception {
        Writer writer = new Writer(topic, Map.of());
        for (int batch = 0; batch < 2; batch++) {
            for (int i = 0; i < 3; i++) writer.send(bytes("k"), text("time"));
            writer.producer.flush();
        }
    }

    /**
     * Many producers, each with some keys that later ones overwrite: compaction leaves gaps within and between batches,
     * and of a producer's last batch the empty frame. The last record begins a segment, so that all others are cleaned.
     */
    private void compacted(String topic) throws Exception {
        for (int round = 0; round < 14; round++) {
            boolean transactional = round % 3 != 0;
            Writer writer =
                    new Writer(topic, transactional ? Map.of("transactional.id", topic + round) : Map.of());
            for (int batch = 0; batch < 3; batch++) {
                if (transactional) writer.begin();
                for (int i = 0; i < 6; i++) {
                    byte[] key = bytes("key" + random.nextInt(9));
                    writer.sendNow(key, random.nextInt(8) == 0 ? null : text("round " + round));
                }
                if (round == 3 && batch == 1) writer.sendNow(bytes("kept"), text("kept"));
                writer.producer.flush();
                if (transactional) writer.end(random.nextInt(3) > 0);
                Thread.sleep(30);
            }
        }
        Writer last = new Writer(topic, Map.of());
        for (int i = 0; i < 9; i++) last.sendNow(bytes("key" + i), text("the newest"));
        last.producer.flush();
        Thread.sleep(60);
        last.sendNow(bytes("active segment"), text("not cleaned"));
        last.producer.flush();
    }

    private byte[] someKey() {
        return switch (random.nextInt(6)) {
            case 0 -> new byte[] {0, 0, 0, 0}; // what an abort marker's key is
            case 1 -> new byte[] {0, 0, 0, 1}; // a commit's
            case 2 -> null;
            case 3 -> ByteBuffer.allocate(4).putInt(random.nextInt()).array();
            default -> bytes("key" + random.nextInt(10));
        };
    }

    private byte[] text(String text) {
        return bytes(text + " " + written);
    }

    private byte[] noise(int length) {
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        return noise;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    private final class Writer {
        private final String topic;
        private final KafkaProducer<byte[], byte[]> producer;
        private boolean open = false;

        Writer(String topic, Map<String, String> more) {
            this.topic = topic;
            Map<String, Object> settings = new HashMap<>(more);
            settings.put("bootstrap.servers", brokers);
            // Only flush makes batches, so that they are the same each time.
            settings.put("linger.ms", "600000");
            settings.put("delivery.timeout.ms", "700000");
            settings.put("batch.size", "1000000");
            settings.put("max.request.size", "1040000");
            producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
            if (more.containsKey("transactional.id")) producer.initTransactions();
        }

        void begin() {
            producer.beginTransaction();
            open = true;
        }

        void end(boolean commit) {
            if (commit) producer.commitTransaction();
            else producer.abortTransaction();
            open = false;
        }

        void flushed(String value) {
            send(null, bytes(value));
            producer.flush();
        }

        void send(byte[] key, byte[] value) {
            send(key, value, new RecordHeaders());
        }

        void send(byte[] key, byte[] value, RecordHeaders headers) {
            // Now and then before the batch's first.
            long time = TIME + written * 1_000L - (written % 5 == 0 ? 3_600_000L : 0);
            send(new ProducerRecord<>(topic, 0, time, key, value, headers));
        }

        void sendNow(byte[] key, byte[] value) {
            send(new ProducerRecord<>(topic, 0, System.currentTimeMillis(), key, value));
        }

        private void send(ProducerRecord<byte[], byte[]> record) {
            written++;
            producer.send(record, (metadata, error) -> {
                if (error == null || open) return;
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
            });
        }
    }
}
