// One connection of socket.io-client-cpp; what it hears waits in queues.
#pragma once

#include <sio_client.h>

#include <condition_variable>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using sio::message;
using Args = std::vector<message::ptr>;

// json makes a value of a JSON text.
message::ptr json(const std::string &text);

// args makes arguments of the elements of a JSON array.
Args args(const std::string &array);

// text is JSON again, with binary values as their lengths and contents.
std::string text(const message::ptr &value);
std::string text(const Args &values);

message::ptr binary(const std::string &bytes);
message::ptr object(std::initializer_list<std::pair<const std::string, message::ptr>> members);

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void equal(const std::string &what, const std::string &got, const std::string &want);

// Answer is the acknowledgement of one event.
class Answer {
 public:
  void put(Args values);
  bool come();
  Args wait(const std::string &what); // fails after PATIENCE

 private:
  std::mutex mutex;
  std::condition_variable changed;
  bool is_here = false;
  Args values;
};

// Heard has a queue for the arguments of each event.
class Heard {
 public:
  void put(const std::string &event, Args values);
  Args next(const std::string &event); // fails after PATIENCE

 private:
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::deque<Args>> queues;
};

// Client is one socket of a namespace, on a connection of its own. The library
// joins the main namespace, too, whatever the other one is.
class Client {
 public:
  Client(const std::string &server, const std::string &name_space, message::ptr auth = nullptr);
  ~Client();

  // join waits until the server has let the socket in.
  Client &join();
  // rejoin asks for the namespace anew, after it was left or taken away.
  void rejoin();

  // next waits for the next such event, and returns its arguments. What happens
  // to the socket is "(joined)", "(refused)" and "(left)".
  Args next(const std::string &event) { return heard->next(event); }
  void emit(const std::string &event, const Args &values);
  std::shared_ptr<Answer> ask(const std::string &event, const Args &values);
  Args call(const std::string &event, const Args &values);
  std::string id();

  void leave(); // the namespace
  void close(); // the connection

 private:
  void listen();

  bool is_over = false; // left or closed
  const std::string name_space;
  const std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  sio::client *const inner = new sio::client; // never deleted: that waits for its timers, of up to 20 s
  sio::socket::ptr socket;
};
