// A JMS client (Apache Qpid JMS, which nobody here wrote): `send`, `receive`, `ask` and `answer`, as qpid-jms.spec.ts tells it.
// Prints one JSON text per line: what it has received, or "ready".

import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.StreamMessage;
import jakarta.jms.TextMessage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.qpid.jms.JmsConnectionFactory;

public class JmsPeer {
  private static final long WAIT_MS = 15_000;

  public static void main(String[] args) throws Exception {
    String mode = args[0];
    try (Connection connection = new JmsConnectionFactory(args[1]).createConnection(args[2], args[3])) {
      connection.start();
      Session session = connection.createSession(Session.AUTO_ACKNOWLEDGE);
      Queue queue = session.createQueue(args[4]);
      switch (mode) {
        case "send" -> send(session, queue, args[5]);
        case "receive" -> receive(session, queue, Integer.parseInt(args[5]));
        case "redeliver" -> redeliver(connection, queue);
        case "ask" -> ask(session, queue, args.length > 5 ? args[5] : null);
        case "answer" -> answer(session, queue, Integer.parseInt(args[5]));
        default -> throw new IllegalArgumentException(mode);
      }
    }
  }

  /** One of each kind of message, with each kind of property. */
  private static void send(Session session, Queue queue, String replyTo) throws JMSException {
    MessageProducer producer = session.createProducer(queue);
    TextMessage text = session.createTextMessage("Käse");
    text.setJMSType("order.placed");
    text.setJMSCorrelationID("jms-correlation");
    text.setJMSReplyTo(session.createQueue(replyTo));
    text.setStringProperty("JMSXGroupID", "group");
    text.setIntProperty("JMSXGroupSeq", 3);
    text.setStringProperty("tenant", "acme");
    text.setBooleanProperty("boolean", true);
    text.setByteProperty("byte", (byte) -1);
    text.setShortProperty("short", (short) -2);
    text.setIntProperty("int", -3);
    text.setLongProperty("long", Long.MIN_VALUE);
    text.setFloatProperty("float", 2.5f);
    text.setDoubleProperty("double", 0.1);
    producer.send(text, 2, 7, 600_000);
    BytesMessage bytes = session.createBytesMessage();
    bytes.writeBytes(new byte[] {0, 1, (byte) 0xff});
    producer.send(bytes);
    MapMessage map = session.createMapMessage();
    map.setString("item", "bread");
    map.setInt("count", 2);
    map.setDouble("price", 1.25);
    map.setBytes("raw", new byte[] {7});
    producer.send(map);
    StreamMessage stream = session.createStreamMessage();
    stream.writeInt(1);
    stream.writeString("two");
    stream.writeBoolean(false);
    producer.send(stream);
    producer.send(session.createObjectMessage(new ArrayList<>(List.of("a", "b"))));
    producer.send(session.createTextMessage(""));
    // RabbitMQ 4.0 ends the session at a message without a body ("function_clause").
    if (!queue.getQueueName().startsWith("/queues/")) producer.send(session.createMessage());
    print(Map.of("id", text.getJMSMessageID()));
  }

  private static void receive(Session session, Queue queue, int count) throws JMSException {
    MessageConsumer consumer = session.createConsumer(queue);
    for (int n = 0; n < count; n++) {
      Message message = consumer.receive(WAIT_MS);
      if (message == null) throw new IllegalStateException("only " + n + " of " + count + " messages came");
      print(described(message));
    }
  }

  /** Rolls the first message back once, and takes it then. */
  private static void redeliver(Connection connection, Queue queue) throws JMSException {
    Session session = connection.createSession(Session.SESSION_TRANSACTED);
    MessageConsumer consumer = session.createConsumer(queue);
    for (int n = 0; n < 2; n++) {
      Message message = consumer.receive(WAIT_MS);
      if (message == null) throw new IllegalStateException("nothing came in try " + n);
      print(Map.of("count", message.getIntProperty("JMSXDeliveryCount"), "redelivered", message.getJMSRedelivered()));
      if (n == 0) session.rollback();
      else session.commit();
    }
  }

  /** Asks with a text, with a map, and for what nobody knows. Without a queue for replies: through a temporary one. */
  private static void ask(Session session, Queue queue, String replies) throws JMSException {
    Destination replyTo = replies == null ? session.createTemporaryQueue() : session.createQueue(replies);
    MessageConsumer consumer = session.createConsumer(replyTo);
    MessageProducer producer = session.createProducer(queue);
    MapMessage map = session.createMapMessage();
    map.setInt("left", 1);
    map.setInt("right", 2);
    Map<String, Message> requests = new LinkedHashMap<>();
    requests.put("echo", session.createTextMessage("Käse"));
    requests.put("{\"cmd\":\"sum\"}", map);
    requests.put("nobody knows", session.createTextMessage("text"));
    for (Map.Entry<String, Message> request : requests.entrySet()) {
      request.getValue().setJMSType(request.getKey());
      request.getValue().setJMSReplyTo(replyTo);
      producer.send(request.getValue());
      Message reply = consumer.receive(WAIT_MS);
      if (reply == null) throw new IllegalStateException("no reply to " + request.getKey());
      boolean isCorrelated = request.getValue().getJMSMessageID().equals(reply.getJMSCorrelationID());
      print(Map.of("body", body(reply), "isCorrelated", isCorrelated, "properties", properties(reply)));
    }
  }

  private static void answer(Session session, Queue queue, int count) throws JMSException {
    MessageConsumer consumer = session.createConsumer(queue);
    MessageProducer producer = session.createProducer(null);
    print("ready");
    for (int n = 0; n < count; n++) {
      Message request = consumer.receive(WAIT_MS);
      if (request == null) throw new IllegalStateException("only " + n + " of " + count + " requests came");
      TextMessage reply = session.createTextMessage("seen: " + ((TextMessage) request).getText());
      String correlation = request.getJMSCorrelationID();
      reply.setJMSCorrelationID(correlation == null ? request.getJMSMessageID() : correlation);
      producer.send(request.getJMSReplyTo(), reply);
      print(Map.of("subject", String.valueOf(request.getJMSType()), "text", ((TextMessage) request).getText()));
    }
  }

  private static Map<String, Object> described(Message message) throws JMSException {
    Map<String, Object> line = new TreeMap<>();
    line.put("body", body(message));
    line.put("type", message.getJMSType());
    line.put("id", message.getJMSMessageID());
    line.put("correlation", message.getJMSCorrelationID());
    line.put("priority", message.getJMSPriority());
    line.put("isPersistent", message.getJMSDeliveryMode() == 2);
    line.put("expires", message.getJMSExpiration() > 0);
    line.put("redelivered", message.getJMSRedelivered());
    line.put("replyTo", message.getJMSReplyTo() instanceof Queue back ? back.getQueueName() : null);
    line.put("properties", properties(message));
    return line;
  }

  private static Map<String, Object> properties(Message message) throws JMSException {
    Map<String, Object> properties = new TreeMap<>();
    for (Object name : Collections.list(message.getPropertyNames())) {
      Object value = message.getObjectProperty((String) name);
      properties.put((String) name, value.getClass().getSimpleName() + " " + value);
    }
    return properties;
  }

  private static String body(Message message) throws JMSException {
    if (message instanceof TextMessage text) return "text " + text.getText();
    if (message instanceof ObjectMessage object) return "object " + object.getObject();
    if (message instanceof BytesMessage bytes) {
      byte[] all = new byte[(int) bytes.getBodyLength()];
      bytes.readBytes(all);
      return "bytes " + java.util.HexFormat.of().formatHex(all);
    }
    if (message instanceof MapMessage map) {
      Map<String, Object> entries = new TreeMap<>();
      for (Object name : Collections.list(map.getMapNames())) {
        Object value = map.getObject((String) name);
        entries.put((String) name, value instanceof byte[] raw ? java.util.HexFormat.of().formatHex(raw) : value);
      }
      return "map " + entries;
    }
    if (message instanceof StreamMessage stream) {
      List<Object> values = new ArrayList<>();
      try {
        while (true) values.add(stream.readObject());
      } catch (jakarta.jms.MessageEOFException end) {
        return "stream " + values;
      }
    }
    return "nothing";
  }

  private static void print(Object value) {
    System.out.println(json(value));
  }

  private static String json(Object value) {
    if (value instanceof Map<?, ?> map) {
      List<String> entries = new ArrayList<>();
      map.forEach((name, each) -> entries.add(json(name) + ":" + json(each)));
      return "{" + String.join(",", entries) + "}";
    }
    if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
    StringBuilder out = new StringBuilder("\"");
    for (char c : value.toString().toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }
}
