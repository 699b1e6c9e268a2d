//! rust_socketio against the server of CONTRACT.md, at $SERVER.
//!
//! Every case runs with the client that blocks and with the one of tokio, over
//! WebSocket and across the upgrade; with the one of tokio also over polling.

mod client;

use client::{Client, Kind, Mode, KINDS, MODES};
use rust_socketio::Payload;
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::{exit, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

type Case = fn(Kind, Mode);

const CASES: [(&str, Case); 9] = [
    ("events", events),
    ("binary", binary),
    ("acknowledgements", acknowledgements),
    ("order", order),
    ("namespaces", namespaces),
    ("rooms", rooms),
    ("refusals", refusals),
    ("kicks and leaving", kicks),
    ("heartbeats", heartbeats),
];

static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let mut all = Vec::new();
    for kind in KINDS {
        for mode in MODES {
            // Over polling the client that blocks answers a ping beside a POST that
            // is under way, now and then: servers end the session for that.
            if (kind, mode) == (Kind::Blocking, Mode::Polling) {
                continue;
            }
            all.push(thread::spawn(move || {
                for (name, case) in CASES {
                    attempt(&format!("{kind:?}, {mode:?}, {name}"), || case(kind, mode));
                }
            }));
        }
    }
    for one in all {
        one.join().unwrap();
    }
    // These end the server: no other case may run beside them.
    attempt("restart after a shutdown", || {
        restart(|| drop(control("POST", "shutdown")))
    });
    attempt("restart after a crash", || restart(crash));
    let (passed, failed) = (PASSED.load(Ordering::SeqCst), FAILED.load(Ordering::SeqCst));
    println!("rust_socketio 0.6.0:\n{passed} passed, {failed} failed");
    exit(i32::from(failed > 0));
}

fn attempt(name: &str, case: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(case)).is_ok() {
        PASSED.fetch_add(1, Ordering::SeqCst);
    } else {
        FAILED.fetch_add(1, Ordering::SeqCst);
        println!("FAILED: {name}");
    }
}

/// Sends a request to the server's plain HTTP endpoints, and returns the body.
fn control(method: &str, path: &str) -> String {
    let server = std::env::var("SERVER").unwrap();
    let host = server.trim_start_matches("http://");
    let mut line = TcpStream::connect(host).unwrap();
    write!(line, "{method} /control/{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_string()
}

fn crash() {
    let pid = std::fs::read_to_string(std::env::var("PIDFILE").unwrap()).unwrap();
    assert!(Command::new("kill")
        .args(["-KILL", pid.trim()])
        .status()
        .unwrap()
        .success());
}

/// A name that no other case has.
fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{what} {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst))
}

fn nested() -> Value {
    json!({"name": "ü€😀", "deep": [1.5, {"b": [null, true, "\u{1e}\u{2028}"]}]})
}

fn events(kind: Kind, mode: Mode) {
    let client = Client::connected(kind, mode, "/", None);
    for args in [
        vec![json!(1)],
        vec![json!("a"), nested(), json!(2.5)],
        vec![json!("€".repeat(large(kind, mode)))],
    ] {
        client.emit("echo", Payload::Text(args.clone()));
        assert_eq!(client.next("echo"), Payload::Text(args));
    }
    client.emit("message", json!({"a": 1}).into());
    assert_eq!(client.next("message"), Payload::Text(vec![json!({"a": 1})]));
}

/// An answer to a poll is lost to the client of tokio when it comes in more than
/// one piece, as a large one does.
fn large(kind: Kind, mode: Mode) -> usize {
    if (kind, mode) == (Kind::Tokio, Mode::Polling) {
        100
    } else {
        100_000
    }
}

/// The client sends and takes one binary value, with nothing beside it.
/// On a WebSocket its bytes must not contain 0x1e, at which it cuts them.
fn binary(kind: Kind, mode: Mode) {
    let client = Client::connected(kind, mode, "/", None);
    for bytes in [vec![0], b"\x00\xff\n4\x1f".repeat(large(kind, mode) / 5)] {
        client.emit("echo", bytes.clone().into());
        assert_eq!(client.next("echo"), Payload::from(bytes));
    }
    // Of more than one it gives away the first, and goes on.
    client.emit("blob", json!(large(kind, mode)).into());
    client.emit("echo", json!("after").into());
    assert_eq!(client.next("echo"), Payload::Text(vec![json!("after")]));
}

fn acknowledgements(kind: Kind, mode: Mode) {
    let client = Client::connected(kind, mode, "/", None);
    assert_eq!(
        client.call("echo-ack", vec![json!("a"), nested()]),
        json!(["a", nested()])
    );
    // They overtake one another: each finds its own callback.
    let slow = client.ask("slow", vec![json!(2000)]);
    let fast = client.ask("echo-ack", vec![json!("fast")]);
    assert_eq!(client::wait("fast", &fast), json!(["fast"]));
    assert!(slow.try_recv().is_err(), "the slow one came first");
    assert_eq!(client::wait("slow", &slow), json!(["done"]));
    // A question of the server's arrives, but the client cannot answer.
    let asked = client.ask("ask", vec![nested(), json!(300)]);
    assert_eq!(client.next("question"), Payload::Text(vec![nested()]));
    assert_eq!(client::wait("ask", &asked), json!([{"error": "timeout"}]));
}

fn order(kind: Kind, mode: Mode) {
    let client = Client::connected(kind, mode, "/stream", None);
    for i in 0..200 {
        client.emit("tock", json!(i).into());
    }
    let result = client.call("stop", vec![json!(null)]);
    assert_eq!(
        (&result[0]["ordered"], &result[0]["count"]),
        (&json!(true), &json!(200))
    );
    for i in 0..result[0]["ticks"].as_u64().unwrap() {
        assert_eq!(client.next("tick"), Payload::Text(vec![json!(i)]));
    }
}

fn namespaces(kind: Kind, mode: Mode) {
    let auth = json!({"token": "secret", "deep": {"n": [1]}});
    for namespace in ["/", "/chat", "/dynamic-1", "/admin"] {
        let client = Client::connected(kind, mode, namespace, Some(auth.clone()));
        let who = client.call("whoami", vec![]);
        assert_eq!((&who[0]["namespace"], &who[0]["auth"]), (&json!(namespace), &auth));
    }
}

fn rooms(kind: Kind, mode: Mode) {
    let (room, other) = (unique("room"), unique("other"));
    let one = Client::connected(kind, mode, "/chat", Some(json!({"room": room})));
    let two = Client::connected(kind, mode, "/chat", None);
    assert_eq!(two.call("join", vec![json!(room)]), json!([true]));
    assert_eq!(two.call("join", vec![json!(other)]), json!([true]));
    assert_eq!(two.call("rooms", vec![])[0].as_array().unwrap().len(), 2);
    let say = |from: &str, to: &str, except: &[&str], text: &str| {
        let audience = json!({"from": from, "to": [to], "except": except});
        assert_eq!(one.call("say", vec![audience, json!(text)]), json!([true]));
    };
    say("namespace", &room, &[], "both");
    say("namespace", &room, &[&other], "one");
    say("socket", &room, &[], "two");
    assert_eq!(two.call("leave", vec![json!(room)]), json!([true]));
    say("namespace", &room, &[], "one again");
    for (client, texts) in [(&one, vec!["both", "one", "one again"]), (&two, vec!["both", "two"])] {
        for text in texts {
            assert_eq!(client.next("said"), Payload::Text(vec![json!(text)]));
        }
    }
}

fn refusals(kind: Kind, mode: Mode) {
    let refusal = json!({"message": "not authorized", "data": {"code": "E_AUTH", "need": ["token"]}});
    for (namespace, wanted) in [
        ("/admin", refusal),
        ("/closed", json!({"message": "closed"})),
        ("/nothing", json!({"message": "Invalid namespace"})),
    ] {
        let client = Client::new(kind, mode, namespace, Some(json!({"token": "wrong"})));
        let Payload::Text(text) = client.next("error") else {
            panic!("no text")
        };
        let text = text[0]
            .as_str()
            .unwrap()
            .strip_prefix("Received an ConnectError frame: ")
            .unwrap()
            .to_string();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
    }
    Client::connected(kind, mode, "/admin", Some(json!({"token": "secret"})));
}

fn kicks(kind: Kind, mode: Mode) {
    for whole in [false, true] {
        let client = Client::connected(kind, mode, "/chat", None);
        let id = client.id();
        client.emit("kick", json!(whole).into());
        client.next("close");
        assert_eq!(
            control("GET", &format!("reason?id={id}")),
            "server namespace disconnect"
        );
    }
    let client = Client::connected(kind, mode, "/chat", None);
    let id = client.id();
    client.leave();
    assert_eq!(
        control("GET", &format!("reason?id={id}")),
        "client namespace disconnect"
    );
}

fn heartbeats(kind: Kind, mode: Mode) {
    let client = Client::connected(kind, mode, "/", None); // pings come every second
    assert_eq!(client.call("slow", vec![json!(2500)]), json!(["done"]));
}

/// The server ends and comes back, and the clients reconnect by themselves.
fn restart(end: impl FnOnce()) {
    let mut clients = Vec::new();
    // The client that blocks stays away after either, and so does the other one
    // now and then over polling.
    for kind in [Kind::Tokio] {
        for mode in [Mode::WebSocket, Mode::Upgrade] {
            let client = Client::connected(kind, mode, "/chat", None);
            let id = client.id();
            clients.push((client, id));
        }
    }
    end();
    for (client, id) in clients {
        client.next("connect");
        assert_ne!(client.id(), id);
        client.emit("echo", json!("back").into());
        assert_eq!(client.next("echo"), Payload::Text(vec![json!("back")]));
    }
}
