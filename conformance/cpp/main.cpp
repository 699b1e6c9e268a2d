// socket.io-client-cpp against the server of CONTRACT.md, at $SERVER. WebSocket
// is the client's only way.

#include "client.h"

#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>

static const std::string SERVER = getenv("SERVER") ? getenv("SERVER") : "";

// control sends a request to the server's plain HTTP endpoints, and returns the body.
static std::string control(const std::string &method, const std::string &path) {
  const auto host = SERVER.substr(sizeof("http://") - 1);
  const auto colon = host.find(':');
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.substr(0, colon).c_str(), host.substr(colon + 1).c_str(), &wanted, &found)) throw Failure("no address");
  const int line = socket(found->ai_family, SOCK_STREAM, 0);
  const int failed = connect(line, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  const auto request = method + " /control/" + path + " HTTP/1.0\r\nHost: " + host + "\r\n\r\n";
  if (failed || write(line, request.data(), request.size()) < 0) throw Failure("no control");
  std::string answer;
  char piece[4096];
  for (ssize_t n; (n = read(line, piece, sizeof piece)) > 0;) answer.append(piece, n);
  close(line);
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

static void crash() {
  pid_t pid = 0;
  std::ifstream(getenv("PIDFILE")) >> pid;
  if (pid <= 1 || kill(pid, SIGKILL)) throw Failure("no server to kill");
}

// unique is a name that no other case has.
static std::string unique(const std::string &what) {
  static std::atomic<int> count{0};
  return what + ' ' + std::to_string(getpid()) + ' ' + std::to_string(count++);
}

static message::ptr quoted(const std::string &text) { return sio::string_message::create(text); }

static void echoes(Client &client, const Args &values) {
  client.emit("echo", values);
  equal("echo", text(client.next("echo")), text(values));
}

static void events() {
  Client client(SERVER, "/");
  client.join();
  for (auto array : {"[]", "[1]", "[\"a\",{\"b\":\"ü€😀\\u001e\\u2028\",\"deep\":[{\"c\":[null,true]}]},2.5]", "[{}]", "[[]]", "[-7]"})
    echoes(client, args(array));
  std::string large;
  for (int i = 0; i < 100000; i++) large += "€";
  echoes(client, {quoted(large)});
}

// The client takes binary from a WebSocket only if its first byte is 4, which
// Engine.IO 3 put there; it loses an event that has other binary.
static void binary_values() {
  Client client(SERVER, "/");
  client.join();
  const std::string zeros(1000, '\0'), taken("\4\0\xff\n", 4), large(100000, '\4');
  const Args all = {object({{"name", quoted("ü")}, {"deep", object({{"b", binary(zeros)}})}}), binary("abc"), binary(taken)};
  equal("binary", text(client.call("binary", all)), text(args("[{\"buffers\":3,\"bytes\":1007}]")));
  equal("large", text(client.call("binary", {binary(std::string(100000, '\x1e'))})), text(args("[{\"buffers\":1,\"bytes\":100000}]")));
  echoes(client, {binary(taken), object({{"deep", object({{"b", binary(large)}})}}), quoted("text")});
  equal("ack", text(client.call("echo-ack", {quoted("a"), binary(taken)})), text(Args{quoted("a"), binary(taken)}));
  client.emit("echo", {binary(zeros)}); // lost
  echoes(client, {quoted("after")});
}

static void acknowledgements() {
  Client client(SERVER, "/");
  client.join();
  equal("echo-ack", text(client.call("echo-ack", args("[\"a\",{\"b\":[1.5]}]"))), text(args("[\"a\",{\"b\":[1.5]}]")));
  // They overtake one another: each finds its own callback.
  auto slow = client.ask("slow", args("[2000]")), fast = client.ask("echo-ack", args("[\"fast\"]"));
  equal("fast", text(fast->wait("fast")), text(args("[\"fast\"]")));
  if (slow->come()) throw Failure("the slow one came first");
  equal("slow", text(slow->wait("slow")), text(args("[\"done\"]")));
  // The client answers each question of the server's with its arguments.
  for (auto question : {json("{\"a\":[1]}"), binary("\4xyz")})
    equal("ask", text(client.call("ask", {question, json("10000")})), text(Args{object({{"answer", question}})}));
}

static void order() {
  Client client(SERVER, "/stream");
  client.join();
  for (int i = 0; i < 200; i++) client.emit("tock", {sio::int_message::create(i)});
  auto result = client.call("stop", {}).at(0)->get_map();
  equal("ordered", text(result["ordered"]) + text(result["count"]), "true200");
  for (int i = 0; i < result["ticks"]->get_int(); i++) equal("tick", text(client.next("tick")), text(Args{sio::int_message::create(i)}));
}

static void namespaces() {
  const auto auth = json("{\"token\":\"secret\",\"deep\":{\"n\":[1]}}");
  for (auto name : {"/", "/chat", "/dynamic-1", "/admin"}) {
    Client client(SERVER, name, auth);
    auto who = client.join().call("whoami", {}).at(0)->get_map();
    equal("namespace", text(who["namespace"]) + text(who["auth"]), '"' + std::string(name) + '"' + text(auth));
  }
}

static void rooms() {
  const auto room = unique("room"), other = unique("other");
  Client one(SERVER, "/chat", object({{"room", quoted(room)}})), two(SERVER, "/chat");
  one.join();
  two.join();
  equal("join", text(two.call("join", {quoted(room)})), "[true,]");
  equal("join", text(two.call("join", {quoted(other)})), "[true,]");
  equal("rooms", text(two.call("rooms", {})), text(Args{json("[\"" + other + "\",\"" + room + "\"]")}));
  const auto say = [&](const std::string &from, const std::string &except, const std::string &what) {
    const auto to = json("[\"" + room + "\"]");
    const auto audience = object({{"from", quoted(from)}, {"to", to}, {"except", json(except)}});
    equal("say", text(one.call("say", {audience, quoted(what)})), "[true,]");
  };
  say("namespace", "[]", "both");
  say("namespace", "[\"" + other + "\"]", "one");
  say("socket", "[]", "two");
  equal("leave", text(two.call("leave", {quoted(room)})), "[true,]");
  say("namespace", "[]", "one again");
  for (auto want : {"both", "one", "one again"}) equal("said", text(one.next("said")), text(Args{quoted(want)}));
  for (auto want : {"both", "two"}) equal("said", text(two.next("said")), text(Args{quoted(want)}));
}

// A socket that is refused stays for 20 s, whatever the application does: it
// tries again with another client, whose auth is its own.
static void refusals() {
  const auto auth = json("{\"token\":\"wrong\"}");
  const std::map<std::string, std::string> all = {
      {"/admin", "{\"message\":\"not authorized\",\"data\":{\"code\":\"E_AUTH\",\"need\":[\"token\"]}}"},
      {"/closed", "{\"message\":\"closed\"}"},
      {"/nothing", "{\"message\":\"Invalid namespace\"}"},
  };
  for (auto &one : all) {
    Client client(SERVER, one.first, auth);
    equal(one.first, text(client.next("(refused)")), text(Args{json(one.second)}));
  }
  Client(SERVER, "/admin", json("{\"token\":\"secret\"}")).join();
}

static void kicks() {
  {
    Client client(SERVER, "/chat");
    const auto id = client.join().id();
    client.emit("kick", args("[false]"));
    client.next("(left)");
    equal("reason", control("GET", "reason?id=" + id), "server namespace disconnect");
    client.rejoin(); // the connection is still there
    echoes(client, args("[\"back\"]"));
  }
  Client client(SERVER, "/chat");
  const auto id = client.join().id();
  client.emit("kick", args("[true]"));
  client.next("(left)");
  equal("reason", control("GET", "reason?id=" + id), "server namespace disconnect");
}

static void leaving() {
  Client client(SERVER, "/chat");
  const auto id = client.join().id();
  client.leave();
  equal("reason", control("GET", "reason?id=" + id), "client namespace disconnect");
  // The library closes a connection without a farewell to its namespaces.
  Client other(SERVER, "/chat");
  const auto other_id = other.join().id();
  other.close();
  equal("reason", control("GET", "reason?id=" + other_id), "transport close");
}

static void heartbeats() {
  Client client(SERVER, "/");
  equal("slow", text(client.join().call("slow", args("[2500]"))), "[\"done\",]"); // pings come every second
}

// The server ends and comes back, and the client reconnects by itself.
static void restart(const std::function<void()> &end) {
  Client client(SERVER, "/chat");
  const auto id = client.join().id();
  end();
  client.join();
  if (client.id() == id) throw Failure("the same socket");
  echoes(client, args("[\"back\"]"));
}

int main() {
  const std::vector<std::pair<std::string, std::function<void()>>> cases = {
      {"events", events},
      {"binary", binary_values},
      {"acknowledgements", acknowledgements},
      {"order", order},
      {"namespaces", namespaces},
      {"rooms", rooms},
      {"refusals", refusals},
      {"kicks", kicks},
      {"leaving", leaving},
      {"heartbeats", heartbeats},
      {"restart after a shutdown", [] { restart([] { control("POST", "shutdown"); }); }},
      {"restart after a crash", [] { restart(crash); }},
  };
  int failed = 0;
  for (auto &one : cases) {
    try {
      one.second();
    } catch (const std::exception &failure) {
      failed++;
      std::cout << "FAILED: " << one.first << ": " << failure.what() << std::endl;
    }
  }
  std::cout << "socket.io-client-cpp:\n" << cases.size() - failed << " passed, " << failed << " failed" << std::endl;
  std::_Exit(failed > 0); // clients are still closing
}
