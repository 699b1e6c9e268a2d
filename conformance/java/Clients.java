import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * The official Java client against the server of CONTRACT.md, at $SERVER: each
 * case over polling, over WebSocket and across the upgrade. The argument is the
 * client's version: 1.x speaks the protocol of Socket.IO 2.x, which has no auth.
 */
public final class Clients {
  private static final String SERVER = System.getenv("SERVER");
  private static final int PATIENCE = 15; // seconds
  private static final Map<String, String[]> MODES = new TreeMap<>(Map.of(
      "polling", new String[] {"polling"},
      "websocket", new String[] {"websocket"},
      "upgrade", new String[] {"polling", "websocket"}));
  private static boolean old;
  private static final HttpClient http = HttpClient.newHttpClient();

  private final String[] transports;
  private final List<Socket> sockets = new ArrayList<>();

  private Clients(String[] transports) {
    this.transports = transports;
  }

  private interface Case {
    void run(Clients clients) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    old = args[0].startsWith("1.");
    Map<String, Case> cases = new TreeMap<>();
    cases.put("events", Clients::events);
    cases.put("acknowledgements", Clients::acknowledgements);
    cases.put("nested binary", Clients::nestedBinary);
    cases.put("order across the upgrade", Clients::order);
    cases.put("namespaces", Clients::namespaces);
    cases.put("rooms", Clients::rooms);
    cases.put("refusals", Clients::refusals);
    cases.put("kicks", Clients::kicks);
    cases.put("leaving", Clients::leaving);
    cases.put("heartbeats", Clients::heartbeats);
    cases.put("restart after a shutdown", clients -> clients.restart(() -> control("POST", "shutdown")));
    cases.put("restart after a crash", clients -> clients.restart(Clients::kill));
    int passed = 0;
    int failed = 0;
    for (Map.Entry<String, String[]> mode : MODES.entrySet()) {
      for (Map.Entry<String, Case> one : cases.entrySet()) {
        Clients clients = new Clients(mode.getValue());
        try {
          one.getValue().run(clients);
          passed++;
        } catch (Exception | AssertionError e) {
          failed++;
          System.out.println("FAILED: " + mode.getKey() + ", " + one.getKey());
          e.printStackTrace(System.out);
        } finally {
          for (Socket socket : clients.sockets) {
            socket.disconnect();
          }
        }
      }
    }
    System.out.println("Java client " + args[0] + ":");
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }

  /** Heard is a queue of the arguments of each such event. */
  private static final class Heard {
    private final BlockingQueue<Object[]> queue = new LinkedBlockingQueue<>();
    private final String event;

    Heard(Socket socket, String event) {
      this.event = event;
      socket.on(event, args -> queue.add(args));
    }

    Object[] next() throws InterruptedException {
      Object[] args = queue.poll(PATIENCE, TimeUnit.SECONDS);
      if (args == null) {
        throw new AssertionError("no " + event + " within " + PATIENCE + " s");
      }
      return args;
    }
  }

  /** Makes a socket, on a connection of its own, that is not connected. */
  private Socket socket(String namespace, String... auth) throws Exception {
    IO.Options options = new IO.Options();
    options.forceNew = true;
    options.transports = transports;
    options.reconnectionDelay = 50;
    options.reconnectionDelayMax = 300;
    if (auth.length > 0) {
      authOf(options, auth);
    }
    Socket socket = IO.socket(URI.create(SERVER + namespace), options);
    sockets.add(socket);
    return socket;
  }

  /** The field came with 2.0; this file compiles against both. */
  private static void authOf(IO.Options options, String... auth) throws Exception {
    Map<String, String> all = new TreeMap<>();
    for (int i = 0; i < auth.length; i += 2) {
      all.put(auth[i], auth[i + 1]);
    }
    IO.Options.class.getField("auth").set(options, all);
  }

  private Socket connected(String namespace, String... auth) throws Exception {
    Socket socket = socket(namespace, auth);
    Heard connect = new Heard(socket, Socket.EVENT_CONNECT);
    socket.connect();
    connect.next();
    return socket;
  }

  private static Object[] call(Socket socket, String event, Object... args) throws Exception {
    BlockingQueue<Object[]> answers = new LinkedBlockingQueue<>();
    socket.emit(event, args, answers::add);
    Object[] answer = answers.poll(PATIENCE, TimeUnit.SECONDS);
    if (answer == null) {
      throw new AssertionError("no ack for " + event + " within " + PATIENCE + " s");
    }
    return answer;
  }

  private static String control(String method, String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(SERVER + "/control/" + path))
        .method(method, HttpRequest.BodyPublishers.noBody()).build();
    return http.send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  private static String kill() throws Exception {
    long pid = Long.parseLong(Files.readString(Path.of(System.getenv("PIDFILE"))).trim());
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    return "";
  }

  private static void equal(Object got, Object wanted) {
    if (!plain(got).equals(plain(wanted))) {
      throw new AssertionError("got " + plain(got) + ", wanted " + plain(wanted));
    }
  }

  /** What values are, such that equal ones have equal texts. */
  private static String plain(Object value) {
    try {
      if (value instanceof byte[] bytes) {
        return "bytes(" + bytes.length + "," + Arrays.hashCode(bytes) + ")";
      } else if (value instanceof Object[] array) {
        return plain(Arrays.asList(array));
      } else if (value instanceof List<?> list) {
        List<String> all = new ArrayList<>();
        for (Object one : list) {
          all.add(plain(one));
        }
        return all.toString();
      } else if (value instanceof JSONArray array) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
          all.add(plain(array.get(i)));
        }
        return all.toString();
      } else if (value instanceof JSONObject object) {
        Map<String, String> all = new TreeMap<>();
        for (java.util.Iterator<?> keys = object.keys(); keys.hasNext();) {
          String key = (String) keys.next();
          all.put(key, plain(object.get(key)));
        }
        return all.toString();
      }
      return value instanceof Number n ? String.valueOf(n.doubleValue()) : String.valueOf(value);
    } catch (org.json.JSONException e) {
      throw new AssertionError(e);
    }
  }

  /** Bytes of every value, more than fit into one line of base64. */
  private static byte[] bytes(int n) {
    byte[] all = new byte[n];
    for (int i = 0; i < n; i++) {
      all[i] = (byte) (i * 7);
    }
    return all;
  }

  private static JSONObject nested() throws Exception {
    return new JSONObject()
        .put("name", "ü€😀")
        .put("deep", new JSONArray().put(bytes(3)).put(new JSONObject().put("b", bytes(3000))))
        .put("n", 1.5)
        .put("yes", true);
  }

  private void events() throws Exception {
    Socket socket = connected("/");
    Heard echo = new Heard(socket, "echo");
    for (Object[] args : new Object[][] {
        {}, {1}, {"a", new JSONObject().put("b", "ü€😀\u001e\u2028"), 2.5}, {nested(), bytes(1), "text"},
        {"€".repeat(100_000), bytes(150_000)}}) {
      socket.emit("echo", args);
      equal(echo.next(), args);
    }
    Heard message = new Heard(socket, "message");
    socket.send("text", 1);
    equal(message.next(), new Object[] {"text", 1});
  }

  private void acknowledgements() throws Exception {
    Socket socket = connected("/");
    equal(call(socket, "echo-ack", "a", nested()), new Object[] {"a", nested()});
    socket.on("question", args -> ((Ack) args[args.length - 1]).call(args[0], bytes(200)));
    equal(((JSONObject) call(socket, "ask", nested(), 10_000)[0]).get("answer"), nested());
    BlockingQueue<String> order = new LinkedBlockingQueue<>();
    socket.emit("slow", new Object[] {300}, args -> order.add("slow " + args[0]));
    socket.emit("echo-ack", new Object[] {"fast"}, args -> order.add("" + args[0]));
    equal(order.poll(PATIENCE, TimeUnit.SECONDS), "fast");
    equal(order.poll(PATIENCE, TimeUnit.SECONDS), "slow done");
  }

  private void nestedBinary() throws Exception {
    Socket socket = connected("/");
    equal(call(socket, "binary", nested(), bytes(57), bytes(58))[0],
        new JSONObject().put("buffers", 4).put("bytes", 3 + 3000 + 57 + 58));
    Heard blob = new Heard(socket, "blob");
    for (int n : new int[] {1, 100_000}) {
      socket.emit("blob", n);
      byte[][] parts = new byte[3][n];
      for (int i = 0; i < 3; i++) {
        Arrays.fill(parts[i], (byte) (i + 1));
      }
      JSONObject object = new JSONObject().put("name", "blob")
          .put("parts", new JSONArray().put(parts[0]).put(new JSONObject().put("deep", parts[1])));
      equal(blob.next(), new Object[] {object, parts[2]});
    }
  }

  private void order() throws Exception {
    Socket socket = socket("/stream");
    Heard tick = new Heard(socket, "tick");
    Heard connect = new Heard(socket, Socket.EVENT_CONNECT);
    socket.connect();
    connect.next();
    for (int i = 0; i < 200; i++) {
      socket.emit("tock", i);
    }
    JSONObject result = (JSONObject) call(socket, "stop")[0];
    equal(result.get("ordered"), true);
    equal(result.get("count"), 200);
    for (int i = 0; i < result.getInt("ticks"); i++) {
      equal(tick.next()[0], i);
    }
  }

  private void namespaces() throws Exception {
    Socket main = connected("/");
    for (String namespace : new String[] {"/", "/chat", "/dynamic-1"}) {
      Socket socket = namespace.equals("/") ? main : main.io().socket(namespace);
      sockets.add(socket);
      if (!socket.connected()) {
        Heard connect = new Heard(socket, Socket.EVENT_CONNECT);
        socket.connect();
        connect.next();
      }
      JSONObject who = (JSONObject) call(socket, "whoami")[0];
      equal(who.get("namespace"), namespace);
      equal(who.get("id"), socket.id());
      Heard echo = new Heard(socket, "echo");
      socket.emit("echo", namespace, bytes(100));
      equal(echo.next(), new Object[] {namespace, bytes(100)});
    }
    if (!old) {
      Socket admin = connected("/admin", "token", "secret");
      equal(((JSONObject) call(admin, "whoami")[0]).get("auth"), new JSONObject().put("token", "secret"));
    }
  }

  private void rooms() throws Exception {
    String room = UUID.randomUUID().toString();
    String other = UUID.randomUUID().toString();
    Socket one = connected("/chat");
    Socket two = connected("/chat");
    for (Socket socket : new Socket[] {one, two}) {
      equal(call(socket, "join", room)[0], true);
    }
    call(two, "join", other);
    List<String> both = new ArrayList<>(List.of(room, other));
    both.sort(null);
    equal(call(two, "rooms")[0], both);
    Heard toOne = new Heard(one, "said");
    Heard toTwo = new Heard(two, "said");
    JSONArray none = new JSONArray();
    JSONObject audience = new JSONObject().put("from", "namespace").put("to", new JSONArray().put(room)).put("except", none);
    call(one, "say", audience, "both");
    call(one, "say", audience.put("except", new JSONArray().put(other)), "one");
    call(one, "say", audience.put("except", none).put("from", "socket"), "two");
    call(two, "leave", room);
    call(one, "say", audience.put("from", "namespace"), "one again");
    for (String text : new String[] {"both", "one", "one again"}) {
      equal(toOne.next()[0], text);
    }
    for (String text : new String[] {"both", "two"}) {
      equal(toTwo.next()[0], text);
    }
    two.on("question", args -> ((Ack) args[args.length - 1]).call("yes " + args[0]));
    equal(call(one, "ask-room", other, "?", 10_000)[0],
        new JSONObject().put("answers", new JSONArray().put("yes ?")).put("missing", false));
  }

  private void refusals() throws Exception {
    Map<String, JSONObject> wanted = new TreeMap<>(Map.of(
        "/closed", new JSONObject().put("message", "closed"),
        "/nothing", new JSONObject().put("message", "Invalid namespace"),
        "/admin", new JSONObject().put("message", "not authorized").put("data",
            new JSONObject().put("code", "E_AUTH").put("need", new JSONArray().put("token")))));
    if (old) {
      wanted.remove("/admin"); // 1.x drops a refusal whose data is not a text
    }
    for (Map.Entry<String, JSONObject> one : wanted.entrySet()) {
      Socket socket = socket(one.getKey());
      Heard refused = new Heard(socket, old ? "error" : "connect_error");
      socket.connect();
      equal(refused.next()[0], old ? one.getValue().get("message") : one.getValue());
      equal(socket.connected(), false);
    }
    if (!old) {
      connected("/admin", "token", "secret");
    }
  }

  private void kicks() throws Exception {
    for (boolean whole : new boolean[] {false, true}) {
      Socket socket = connected("/chat");
      String id = socket.id();
      Heard gone = new Heard(socket, Socket.EVENT_DISCONNECT);
      socket.emit("kick", whole);
      equal(gone.next()[0], "io server disconnect");
      equal(control("GET", "reason?id=" + URI.create(id.replace("#", "%23"))), "server namespace disconnect");
    }
  }

  private void leaving() throws Exception {
    Socket socket = connected("/chat");
    String id = socket.id().replace("#", "%23");
    socket.disconnect();
    equal(control("GET", "reason?id=" + id), "client namespace disconnect");
  }

  private void heartbeats() throws Exception {
    Socket socket = connected("/"); // pings come every second
    equal(call(socket, "slow", 2500)[0], "done");
  }

  private interface End {
    String run() throws Exception;
  }

  private void restart(End end) throws Exception {
    Socket socket = connected("/chat");
    String id = socket.id();
    Heard gone = new Heard(socket, Socket.EVENT_DISCONNECT);
    Heard back = new Heard(socket, Socket.EVENT_CONNECT);
    end.run();
    gone.next();
    back.next();
    equal(id.equals(socket.id()), false);
    Heard echo = new Heard(socket, "echo");
    socket.emit("echo", "back", bytes(100));
    equal(echo.next(), new Object[] {"back", bytes(100)});
  }
}
