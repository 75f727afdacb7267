// Apache Qpid Broker-J as a test broker. Argument: the initial configuration; the store's folder is the property qpid.work_dir.
import java.util.HashMap;
import java.util.Map;
import org.apache.qpid.server.SystemLauncher;
import org.apache.qpid.server.model.SystemConfig;

public class QpidBroker {
  public static void main(String[] arguments) throws Exception {
    Map<String, Object> attributes = new HashMap<>();
    attributes.put(SystemConfig.TYPE, "Memory");
    attributes.put(SystemConfig.INITIAL_CONFIGURATION_LOCATION, arguments[0]);
    attributes.put(SystemConfig.STARTUP_LOGGED_TO_SYSTEM_OUT, true);
    new SystemLauncher().startup(attributes);
  }
}
