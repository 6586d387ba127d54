//! tokio-tungstenite: its own examples `echo-server` and `server`, behind the arguments of `../arguments.ts`.
//!
//! Each connection is a task; fan-out goes through a channel for each member. It has no permessage-deflate and no event streams.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::{StreamExt, TryStreamExt, future, pin_mut};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        handshake::server::{Request, Response},
        protocol::{Message, WebSocketConfig},
    },
};

/// As `MAX_MESSAGE_BYTES` in `../arguments.ts`.
const MAX_MESSAGE_BYTES: usize = 67_108_864;

type Members = HashMap<SocketAddr, UnboundedSender<Message>>;
type Rooms = Arc<Mutex<HashMap<String, Members>>>;

#[derive(Clone)]
enum Mode {
    Echo,
    Answer,
    FanOut(Rooms),
}

/// As `answerText` in `../arguments.ts`: a document with one field changed.
fn answer(message: &Message) -> Message {
    let mut document: serde_json::Value =
        serde_json::from_str(message.to_text().expect("text")).expect("a document");
    document["state"] = "seen".into();
    Message::text(serde_json::to_string(&document).expect("a document"))
}

async fn serve(stream: TcpStream, address: SocketAddr, mode: Mode) {
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let mut path = String::new();
    #[allow(clippy::result_large_err)]
    let read_path = |request: &Request, response: Response| {
        path = request.uri().path().to_string();
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async_with_config(stream, read_path, Some(config)).await else {
        return;
    };
    let (outgoing, incoming) = socket.split();
    let incoming =
        incoming.try_filter(|message| future::ready(message.is_text() || message.is_binary()));
    let rooms = match mode {
        Mode::FanOut(rooms) => rooms,
        Mode::Echo => return drop(incoming.forward(outgoing).await),
        Mode::Answer => {
            return drop(
                incoming
                    .map_ok(|message| answer(&message))
                    .forward(outgoing)
                    .await,
            );
        }
    };
    let (sender, receiver) = unbounded();
    rooms
        .lock()
        .unwrap()
        .entry(path.clone())
        .or_default()
        .insert(address, sender);
    let publish = incoming.try_for_each(|message| {
        if let Some(members) = rooms.lock().unwrap().get(&path) {
            for member in members.values() {
                let _ = member.unbounded_send(message.clone());
            }
        }
        future::ok(())
    });
    let deliver = receiver.map(Ok).forward(outgoing);
    pin_mut!(publish, deliver);
    future::select(publish, deliver).await;
    let mut rooms = rooms.lock().unwrap();
    if let Some(members) = rooms.get_mut(&path) {
        members.remove(&address);
        if members.is_empty() {
            rooms.remove(&path);
        }
    }
}

#[tokio::main]
async fn main() {
    let mode = match std::env::args()
        .find(|arg| arg.starts_with("--mode="))
        .as_deref()
    {
        Some("--mode=fan-out") => Mode::FanOut(Rooms::default()),
        Some("--mode=answer") => Mode::Answer,
        _ => Mode::Echo,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    println!(
        "listening {}",
        listener.local_addr().expect("address").port()
    );
    std::io::stdout().flush().expect("standard output");
    std::thread::spawn(|| {
        let mut input: Vec<u8> = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut input);
        std::process::exit(0);
    });
    // SIGUSR2 asks for a garbage collection, and there is none.
    let _collect = signal(SignalKind::user_defined2()).expect("signal");
    while let Ok((stream, address)) = listener.accept().await {
        tokio::spawn(serve(stream, address, mode.clone()));
    }
}
