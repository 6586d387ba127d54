//! Hyperlane: the routes, hooks and broadcast of its own tests and articles, behind the arguments of `../arguments.ts`.
//!
//! Echo is a route that loops over `try_get_websocket_request`; fan-out is the `WebSocket` of `hyperlane-plugin-websocket`, with
//! the path as the group; an event stream is a route that writes `data:` lines, which it has from a broadcast map.
//! Hyperlane has no permessage-deflate, so that `--deflate` is not for it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::OnceLock,
};

use hyperlane::*;
use hyperlane_plugin_websocket::*;
use tokio::signal::unix::{SignalKind, signal};
use tokio_broadcast::BroadcastMap;

/// Messages that a slow member may be behind: the capacity of the documentation.
const CAPACITY: usize = 1024;
const EVENTS: &str = "events";

static ROOMS: OnceLock<WebSocket> = OnceLock::new();
static STREAMS: OnceLock<BroadcastMap<String>> = OnceLock::new();

fn streams() -> &'static BroadcastMap<String> {
    STREAMS.get_or_init(BroadcastMap::new)
}

/// Answers the opening handshake. Which fields are looked at is Hyperlane's own choice.
struct Upgrade;

impl ServerHook for Upgrade {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        if !ctx.get_request().is_ws_upgrade_type() {
            return Status::Continue;
        }
        let Some(key) = ctx.get_request().try_get_header_back(SEC_WEBSOCKET_KEY) else {
            return Status::Continue;
        };
        let accept: String = WebSocketFrame::generate_accept_key(&key);
        let head: Vec<u8> = ctx
            .get_mut_response()
            .set_version(HttpVersion::Http1_1)
            .set_status_code(101)
            .set_header(UPGRADE, WEBSOCKET)
            .set_header(CONNECTION, UPGRADE)
            .set_header(SEC_WEBSOCKET_ACCEPT, &accept)
            .set_body(Vec::new())
            .build();
        if stream.try_send(head).await.is_err() {
            stream.set_closed(true);
            return Status::Reject;
        }
        Status::Continue
    }
}

/// As `answerText` in `../arguments.ts`: a document with one field changed.
fn answer(message: &[u8]) -> Vec<u8> {
    let mut document: serde_json::Value = serde_json::from_slice(message).expect("a document");
    document["state"] = "seen".into();
    serde_json::to_vec(&document).expect("a document")
}

struct Answer;

impl ServerHook for Answer {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, _: &mut Context) -> Status {
        while let Ok(message) = stream.try_get_websocket_request().await {
            let frames: Vec<ResponseBody> = WebSocketFrame::create_frame_list(answer(&message));
            if stream.try_send_list(&frames).await.is_err() {
                break;
            }
        }
        stream.set_closed(true);
        Status::Reject
    }
}

struct Echo;

impl ServerHook for Echo {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        if !ctx.get_request().is_ws_upgrade_type() {
            return Status::Continue;
        }
        while let Ok(message) = stream.try_get_websocket_request().await {
            let frames: Vec<ResponseBody> = WebSocketFrame::create_frame_list(&message);
            if stream.try_send_list(&frames).await.is_err() {
                break;
            }
        }
        stream.set_closed(true);
        Status::Reject
    }
}

struct Nothing;

impl ServerHook for Nothing {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, _: &mut Context) -> Status {
        Status::Continue
    }
}

/// The plugin sends a request's response body to the group.
struct ToGroup;

impl ServerHook for ToGroup {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        let body: RequestBody = ctx.get_request().get_body().clone();
        ctx.get_mut_response().set_body(body);
        Status::Continue
    }
}

/// Without it the last message of a member that leaves would be sent to the group again.
struct Left;

impl ServerHook for Left {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        ctx.get_mut_response().set_body(Vec::new());
        Status::Continue
    }
}

struct FanOut;

impl ServerHook for FanOut {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        if !ctx.get_request().is_ws_upgrade_type() {
            return Status::Continue;
        }
        let group: String = ctx.get_request().get_path().to_string();
        let config: WebSocketConfig<String> = WebSocketConfig::new(stream, ctx)
            .set_capacity(CAPACITY)
            .set_broadcast_type(BroadcastType::PointToGroup(group))
            .set_connected_hook::<Nothing>()
            .set_request_hook::<ToGroup>()
            .set_sended_hook::<Nothing>()
            .set_closed_hook::<Left>();
        ROOMS.get_or_init(WebSocket::new).run(config).await;
        Status::Reject
    }
}

struct Events;

impl ServerHook for Events {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        let mut receiver = streams().subscribe_or_insert(EVENTS, CAPACITY);
        let head: Vec<u8> = ctx
            .get_mut_response()
            .set_version(HttpVersion::Http1_1)
            .set_status_code(200)
            .set_header(CONTENT_TYPE, TEXT_EVENT_STREAM)
            .set_body(Vec::new())
            .build();
        if stream.try_send(head).await.is_ok() {
            while let Ok(event) = receiver.recv().await {
                if stream.try_send(&event).await.is_err() {
                    break;
                }
            }
        }
        stream.set_closed(true);
        Status::Reject
    }
}

struct Publish;

impl ServerHook for Publish {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        let event: String = format!("data:{}\n\n", ctx.get_request().get_body_string());
        // An error says that nobody listens.
        let _ = streams().try_send(EVENTS, event);
        ctx.get_mut_response()
            .set_status_code(204)
            .set_body(Vec::new());
        Status::Continue
    }
}

struct Plain;

impl ServerHook for Plain {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        ctx.get_mut_response().set_body("ok");
        Status::Continue
    }
}

struct Defaults;

impl ServerHook for Defaults {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, _: &mut Stream, ctx: &mut Context) -> Status {
        ctx.get_mut_response()
            .set_version(HttpVersion::Http1_1)
            .set_status_code(200)
            .set_header(CONTENT_TYPE, TEXT_PLAIN);
        Status::Continue
    }
}

struct Respond;

impl ServerHook for Respond {
    async fn new(_: &mut Stream, _: &mut Context) -> Self {
        Self
    }

    async fn handle(self, stream: &mut Stream, ctx: &mut Context) -> Status {
        let response: Vec<u8> = ctx.get_mut_response().build();
        if stream.try_send(response).await.is_err() {
            stream.set_closed(true);
            return Status::Reject;
        }
        Status::Continue
    }
}

/// A port that is free now: the server cannot say which one it was given for port 0.
fn free_port() -> u16 {
    let listener: TcpListener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.local_addr().expect("address").port()
}

fn mode() -> String {
    let args: Vec<String> = std::env::args().collect();
    args.iter()
        .find_map(|arg| arg.strip_prefix("--mode="))
        .unwrap_or("echo")
        .to_string()
}

#[tokio::main]
async fn main() {
    let port: u16 = free_port();
    let mut config: ServerConfig = ServerConfig::default();
    config.set_address(format!("127.0.0.1:{port}"));
    config.set_nodelay(Some(true));
    let mut server: Server = Server::default();
    // Without a timeout for reading: idle members must not be sent pings or dropped.
    server
        .server_config(config)
        .request_config(RequestConfig::low_security());
    match mode().as_str() {
        "events" => {
            server
                .request_middleware::<Defaults>()
                .response_middleware::<Respond>()
                .route::<Events>("/events")
                .route::<Publish>("/publish")
                .route::<Plain>("/plain")
                .route::<Plain>("/");
        }
        "fan-out" => {
            server
                .request_middleware::<Upgrade>()
                .route::<FanOut>("/")
                .route::<FanOut>("/{room}");
        }
        "answer" => {
            server.request_middleware::<Upgrade>().route::<Answer>("/");
        }
        _ => {
            server
                .request_middleware::<Upgrade>()
                .route::<Echo>("/")
                .route::<Echo>("/{room}");
        }
    }
    let control: ServerControlHook = server.run().await.expect("the server does not start");
    println!("listening {port}");
    std::io::stdout().flush().expect("standard output");
    std::thread::spawn(|| {
        let mut input: Vec<u8> = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut input);
        std::process::exit(0);
    });
    // SIGUSR2 asks for a garbage collection, and there is none.
    let _collect = signal(SignalKind::user_defined2()).expect("signal");
    control.wait().await;
}
