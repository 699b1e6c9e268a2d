//! One client of either kind; what it hears waits in queues.

use futures_util::FutureExt;
use rust_socketio::{asynchronous, Event, Payload, TransportType};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;

pub const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Blocking,
    Tokio,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Polling,
    WebSocket,
    Upgrade,
}

pub const KINDS: [Kind; 2] = [Kind::Blocking, Kind::Tokio];
pub const MODES: [Mode; 3] = [Mode::Polling, Mode::WebSocket, Mode::Upgrade];

impl Mode {
    fn transport(self) -> TransportType {
        match self {
            Mode::Polling => TransportType::Polling,
            Mode::WebSocket => TransportType::Websocket,
            Mode::Upgrade => TransportType::WebsocketUpgrade,
        }
    }
}

enum Inner {
    Blocking(rust_socketio::client::Client),
    Tokio(asynchronous::Client),
}

pub struct Client {
    inner: Inner,
    heard: Heard,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// A queue for the payloads of each event.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<HashMap<String, (Sender<Payload>, Option<Receiver<Payload>>)>>>);

impl Heard {
    fn put(&self, event: &Event, payload: Payload) {
        let mut all = self.0.lock().unwrap();
        let _ = Self::queue(&mut all, event.as_str()).0.send(payload); // or the test is over
    }

    fn queue<'a>(
        all: &'a mut HashMap<String, (Sender<Payload>, Option<Receiver<Payload>>)>,
        event: &str,
    ) -> &'a mut (Sender<Payload>, Option<Receiver<Payload>>) {
        all.entry(event.to_string()).or_insert_with(|| {
            let (sender, receiver) = channel();
            (sender, Some(receiver))
        })
    }

    fn next(&self, event: &str) -> Payload {
        let receiver = Self::queue(&mut self.0.lock().unwrap(), event).1.take().unwrap();
        let payload = wait(event, &receiver);
        Self::queue(&mut self.0.lock().unwrap(), event).1 = Some(receiver);
        payload
    }
}

pub fn wait<T>(what: &str, receiver: &Receiver<T>) -> T {
    receiver
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

impl Client {
    /// Connects, and does not wait for the server's answer.
    pub fn new(kind: Kind, mode: Mode, namespace: &str, auth: Option<Value>) -> Client {
        let server = std::env::var("SERVER").unwrap();
        let heard = Heard::default();
        let lifecycle = [Event::Connect, Event::Close, Event::Error];
        let inner = match kind {
            Kind::Blocking => {
                let mut builder = rust_socketio::ClientBuilder::new(server)
                    .namespace(namespace)
                    .transport_type(mode.transport())
                    .reconnect_delay(50, 300);
                if let Some(auth) = auth {
                    builder = builder.auth(auth);
                }
                for event in lifecycle {
                    let (queue, name) = (heard.clone(), event.clone());
                    builder = builder.on(event, move |payload, _| queue.put(&name, payload));
                }
                let queue = heard.clone();
                builder = builder.on_any(move |event, payload, _| queue.put(&event, payload));
                Inner::Blocking(builder.connect().unwrap())
            }
            Kind::Tokio => {
                let mut builder = asynchronous::ClientBuilder::new(server)
                    .namespace(namespace)
                    .transport_type(mode.transport())
                    .reconnect_delay(50, 300);
                if let Some(auth) = auth {
                    builder = builder.auth(auth);
                }
                for event in lifecycle {
                    let (queue, name) = (heard.clone(), event.clone());
                    builder = builder.on(event, move |payload, _| {
                        queue.put(&name, payload);
                        async {}.boxed()
                    });
                }
                let queue = heard.clone();
                builder = builder.on_any(move |event, payload, _| {
                    queue.put(&event, payload);
                    async {}.boxed()
                });
                Inner::Tokio(runtime().block_on(builder.connect()).unwrap())
            }
        };
        Client { inner, heard }
    }

    pub fn connected(kind: Kind, mode: Mode, namespace: &str, auth: Option<Value>) -> Client {
        let client = Client::new(kind, mode, namespace, auth);
        client.next("connect");
        client
    }

    /// Waits for the next such event, and returns its arguments.
    pub fn next(&self, event: &str) -> Payload {
        self.heard.next(event)
    }

    pub fn emit(&self, event: &str, payload: Payload) {
        match &self.inner {
            Inner::Blocking(client) => client.emit(event, payload),
            Inner::Tokio(client) => runtime().block_on(client.emit(event, payload)),
        }
        .unwrap();
    }

    /// Emits with an acknowledgement, whose arguments come as one array.
    pub fn ask(&self, event: &str, args: Vec<Value>) -> Receiver<Value> {
        let (sender, receiver) = channel();
        let answered = move |payload| {
            if let Payload::Text(mut values) = payload {
                let _ = sender.send(values.remove(0)); // or the test is over
            }
        };
        match &self.inner {
            Inner::Blocking(client) => client.emit_with_ack(event, args, PATIENCE, move |payload, _| answered(payload)),
            Inner::Tokio(client) => {
                runtime().block_on(client.emit_with_ack(event, args, PATIENCE, move |payload, _| {
                    answered(payload);
                    async {}.boxed()
                }))
            }
        }
        .unwrap();
        receiver
    }

    pub fn call(&self, event: &str, args: Vec<Value>) -> Value {
        wait(&format!("acknowledgement of {event}"), &self.ask(event, args))
    }

    pub fn id(&self) -> String {
        self.call("whoami", vec![])[0]["id"].as_str().unwrap().to_string()
    }

    pub fn leave(&self) {
        let _ = match &self.inner {
            Inner::Blocking(client) => client.disconnect(),
            Inner::Tokio(client) => runtime().block_on(client.disconnect()),
        }; // or the server has ended the connection
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.leave();
    }
}
