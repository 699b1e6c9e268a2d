//! The benchmark's server on socketioxide, in axum. What differs from its defaults is what the
//! load needs or the other servers have: 4,096 packets may wait for a client (it is 128, and a
//! burst is 1,000), and TCP_NODELAY, which Go, Node and uWebSockets set by themselves.

use std::future::ready;

use axum::{Router, serve::ListenerExt};
use futures_util::FutureExt;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

/// What every server of the benchmark does on the namespace "/". A handler is called in the order
/// of its client's packets, but its future runs on a task of its own, in no order with those of
/// the next packets. So all the work is done in the call: what comes back would be out of order,
/// and is in order with the other servers.
async fn handlers(socket: SocketRef) {
    socket.on("echo", |s: SocketRef, Data::<String>(data)| {
        told(s.emit("echo", &data));
        ready(())
    });
    socket.on("ack", |ack: AckSender, Data::<String>(data)| {
        told(ack.send(&data));
        ready(())
    });
    socket.on("join", |s: SocketRef, ack: AckSender, Data::<String>(room)| {
        s.join(room);
        told(ack.send("ok"));
        ready(())
    });
    socket.on("bcast", |s: SocketRef, Data::<(String, String)>((room, data))| {
        let sent = s.within(room).emit("msg", &data).now_or_never();
        told(sent.expect("without other servers there is nothing to wait for"));
        ready(())
    });
    socket.on("flood", |s: SocketRef, Data::<(usize, String)>((count, data))| {
        for _ in 0..count {
            told(s.emit("msg", &data));
        }
        ready(())
    });
}

/// An event that is lost fails the run: say why.
fn told<T, E: std::fmt::Debug>(result: Result<T, E>) {
    if let Err(error) = result {
        eprintln!("{error:?}");
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (layer, io) = SocketIo::builder().max_buffer_size(4096).build_layer();
    io.ns("/", handlers);
    let port = std::env::var("PORT").unwrap_or_default();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await?
        .tap_io(|connection| {
            told(connection.set_nodelay(true));
        });
    axum::serve(listener, Router::new().layer(layer)).await
}
