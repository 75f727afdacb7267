// Apache ActiveMQ Classic as a test broker: AMQP 1.0 with and without TLS, users, a dead-letter queue per queue.
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.SslContext;
import org.apache.activemq.broker.region.policy.IndividualDeadLetterStrategy;
import org.apache.activemq.broker.region.policy.PolicyEntry;
import org.apache.activemq.broker.region.policy.PolicyMap;
import org.apache.activemq.filter.DestinationMapEntry;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.AuthorizationEntry;
import org.apache.activemq.security.AuthorizationPlugin;
import org.apache.activemq.security.DefaultAuthorizationMap;
import org.apache.activemq.security.SimpleAuthenticationPlugin;
import org.apache.activemq.security.TempDestinationAuthorizationEntry;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;

public class ActiveMq {
  /** Arguments: data folder, folder of certificates, AMQP port, AMQPS port, password of the key stores. */
  public static void main(String[] arguments) throws Exception {
    String data = arguments[0];
    String tls = arguments[1];
    char[] password = arguments[4].toCharArray();

    BrokerService broker = new BrokerService();
    broker.setBrokerName("activemq");
    broker.setUseJmx(false);
    broker.setUseShutdownHook(true);
    broker.setDataDirectory(data);
    broker.setSchedulerSupport(true);

    KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
    store.setDirectory(new File(data, "kahadb"));
    store.setJournalMaxFileLength(8 << 20);
    broker.setPersistenceAdapter(store);
    broker.getSystemUsage().getMemoryUsage().setLimit(256L << 20);
    broker.getSystemUsage().getStoreUsage().setLimit(4L << 30);
    broker.getSystemUsage().getTempUsage().setLimit(1L << 30);
    broker.getSystemUsage().getJobSchedulerUsage().setLimit(1L << 30);

    SimpleAuthenticationPlugin users =
        new SimpleAuthenticationPlugin(
            Arrays.asList(
                new AuthenticationUser("guest", "guest", "users"), new AuthenticationUser("nobody", "nobody", "nobodies")));
    users.setAnonymousAccessAllowed(true);
    users.setAnonymousGroup("users");
    broker.setPlugins(new BrokerPlugin[] {users, new AuthorizationPlugin(rights())});

    IndividualDeadLetterStrategy deadLetters = new IndividualDeadLetterStrategy();
    deadLetters.setQueuePrefix("DLQ.");
    deadLetters.setProcessNonPersistent(true);
    deadLetters.setProcessExpired(true);
    PolicyEntry everyQueue = new PolicyEntry();
    everyQueue.setQueue(">");
    everyQueue.setDeadLetterStrategy(deadLetters);
    everyQueue.setExpireMessagesPeriod(1000);
    everyQueue.setPrioritizedMessages(true);
    PolicyMap policies = new PolicyMap();
    policies.setPolicyEntries(Arrays.asList(everyQueue));
    broker.setDestinationPolicy(policies);

    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(keyStore(tls + "/server.p12", password), password);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(keyStore(tls + "/ca.p12", password));
    broker.setSslContext(new SslContext(keys.getKeyManagers(), trust.getTrustManagers(), null));

    String options =
        "transport.transformer=jms&transport.wireFormat.maxFrameSize=104857600&transport.wireFormat.idleTimeout=30000";
    broker.addConnector("amqp://127.0.0.1:" + arguments[2] + "?" + options);
    broker.addConnector("amqp+ssl://127.0.0.1:" + arguments[3] + "?transport.wantClientAuth=true&" + options);
    broker.start();
    broker.waitUntilStopped();
  }

  /** Users may do everything; nobody may follow the broker's advisories, which every connection does, and nothing else. */
  private static DefaultAuthorizationMap rights() throws Exception {
    AuthorizationEntry queues = entry(new AuthorizationEntry(), "users");
    queues.setQueue(">");
    AuthorizationEntry topics = entry(new AuthorizationEntry(), "users");
    topics.setTopic(">");
    AuthorizationEntry advisories = entry(new AuthorizationEntry(), "users,nobodies");
    advisories.setTopic("ActiveMQ.Advisory.>");
    List<DestinationMapEntry> entries = Arrays.asList(queues, topics, advisories);
    DefaultAuthorizationMap rights = new DefaultAuthorizationMap(entries);
    rights.setTempDestinationAuthorizationEntry(entry(new TempDestinationAuthorizationEntry(), "users"));
    return rights;
  }

  private static <E extends AuthorizationEntry> E entry(E entry, String groups) throws Exception {
    entry.setRead(groups);
    entry.setWrite(groups);
    entry.setAdmin(groups);
    return entry;
  }

  private static KeyStore keyStore(String file, char[] password) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream stream = new FileInputStream(file)) {
      store.load(stream, password);
    }
    return store;
  }
}
