#include "client.h"

#include <rapidjson/document.h>

#include <chrono>
#include <sstream>

static const auto PATIENCE = std::chrono::seconds(15);

static message::ptr value_of(const rapidjson::Value &value) {
  if (value.IsInt64()) return sio::int_message::create(value.GetInt64());
  if (value.IsDouble()) return sio::double_message::create(value.GetDouble());
  if (value.IsString()) return sio::string_message::create(std::string(value.GetString(), value.GetStringLength()));
  if (value.IsBool()) return sio::bool_message::create(value.GetBool());
  if (value.IsNull()) return sio::null_message::create();
  if (value.IsArray()) {
    auto array = sio::array_message::create();
    for (auto &element : value.GetArray()) array->get_vector().push_back(value_of(element));
    return array;
  }
  auto all = sio::object_message::create();
  for (auto &member : value.GetObject()) all->get_map()[member.name.GetString()] = value_of(member.value);
  return all;
}

message::ptr json(const std::string &text) {
  rapidjson::Document document;
  if (document.Parse(text.c_str()).HasParseError()) throw Failure("no JSON: " + text);
  return value_of(document);
}

Args args(const std::string &array) { return json(array)->get_vector(); }

message::ptr binary(const std::string &bytes) {
  return sio::binary_message::create(std::make_shared<const std::string>(bytes));
}

message::ptr object(std::initializer_list<std::pair<const std::string, message::ptr>> members) {
  auto all = sio::object_message::create();
  for (auto &member : members) all->get_map()[member.first] = member.second;
  return all;
}

std::string text(const message::ptr &value) {
  if (!value) return "nothing";
  std::ostringstream out;
  switch (value->get_flag()) {
    case message::flag_integer: out << value->get_int(); break;
    case message::flag_double: out << value->get_double(); break;
    case message::flag_string: out << '"' << value->get_string() << '"'; break;
    case message::flag_boolean: out << (value->get_bool() ? "true" : "false"); break;
    case message::flag_null: out << "null"; break;
    case message::flag_binary: out << value->get_binary()->size() << " bytes: " << *value->get_binary(); break;
    case message::flag_array: return text(value->get_vector());
    case message::flag_object:
      out << '{';
      for (auto &member : value->get_map()) out << '"' << member.first << "\":" << text(member.second) << ',';
      out << '}';
  }
  return out.str();
}

std::string text(const Args &values) {
  std::string out = "[";
  for (auto &value : values) out += text(value) + ',';
  return out + ']';
}

void equal(const std::string &what, const std::string &got, const std::string &want) {
  if (got != want) throw Failure(what + ": got " + got.substr(0, 300) + ", want " + want.substr(0, 300));
}

void Answer::put(Args got) {
  std::lock_guard<std::mutex> lock(mutex);
  values = std::move(got);
  is_here = true;
  changed.notify_all();
}

bool Answer::come() {
  std::lock_guard<std::mutex> lock(mutex);
  return is_here;
}

Args Answer::wait(const std::string &what) {
  std::unique_lock<std::mutex> lock(mutex);
  if (!changed.wait_for(lock, PATIENCE, [&] { return is_here; })) throw Failure("no acknowledgement of " + what);
  return values;
}

void Heard::put(const std::string &event, Args values) {
  std::lock_guard<std::mutex> lock(mutex);
  queues[event].push_back(std::move(values));
  changed.notify_all();
}

Args Heard::next(const std::string &event) {
  std::unique_lock<std::mutex> lock(mutex);
  auto &queue = queues[event];
  if (!changed.wait_for(lock, PATIENCE, [&] { return !queue.empty(); })) throw Failure("no " + event);
  Args values = std::move(queue.front());
  queue.pop_front();
  return values;
}

static Args all_of(const message::list &list) {
  Args all;
  for (size_t i = 0; i < list.size(); i++) all.push_back(list[i]);
  return all;
}

Client::Client(const std::string &server, const std::string &name_space, message::ptr auth) : name_space(name_space) {
  const auto put = [heard = heard, name_space](const char *what) {
    return [=](const std::string &of) {
      if (of == name_space) heard->put(what, {});
    };
  };
  inner->set_logs_quiet();
  inner->set_reconnect_delay(50);
  inner->set_reconnect_delay_max(300);
  inner->set_socket_open_listener(put("(joined)"));
  inner->set_socket_close_listener(put("(left)"));
  inner->set_open_listener([heard = heard] { heard->put("(opened)", {}); });
  inner->connect(server, auth);
  next("(opened)");
  listen();
}

Client::~Client() { close(); }

// listen asks for the namespace, too: the library sends CONNECT for a socket that
// is made when the connection is open.
void Client::listen() {
  socket = inner->socket(name_space);
  socket->on_any([heard = heard](sio::event &event) {
    const auto values = all_of(event.get_messages());
    if (event.need_ack()) event.put_ack_message(message::list(Args(values)));
    heard->put(event.get_name(), values);
  });
  socket->on_error([heard = heard](const message::ptr &why) { heard->put("(refused)", {why}); });
}

Client &Client::join() {
  next("(joined)");
  return *this;
}

void Client::rejoin() {
  listen();
  join();
}

void Client::emit(const std::string &event, const Args &values) { socket->emit(event, message::list(Args(values))); }

std::shared_ptr<Answer> Client::ask(const std::string &event, const Args &values) {
  auto answer = std::make_shared<Answer>();
  socket->emit(event, message::list(Args(values)), [answer](const message::list &got) { answer->put(all_of(got)); });
  return answer;
}

Args Client::call(const std::string &event, const Args &values) { return ask(event, values)->wait(event); }

std::string Client::id() { return call("whoami", {}).at(0)->get_map()["id"]->get_string(); }

void Client::leave() {
  socket->close();
  is_over = true;
}

// The library uses a socket that is freed when a connection is closed within 3 s
// after a namespace was left, or twice.
void Client::close() {
  if (!is_over) inner->close();
  is_over = true;
}
