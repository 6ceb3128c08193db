//! `Between`: a connection's middle, that cuts answers when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Passes connections on to a server. It goes on until the test ends.
#[derive(Debug, Clone)]
pub struct Between {
    pub address: SocketAddr,
    orders: Arc<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    cuts: AtomicBool,
    cut: AtomicU64,
}

impl Between {
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let between = Self { address: listener.local_addr().expect("its address"), orders: Arc::default() };
        let orders = Arc::clone(&between.orders);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let orders = Arc::clone(&orders);
                // While nobody listens behind it, whoever comes is turned away.
                if let Ok(server) = TcpStream::connect(target) {
                    thread::spawn(move || pass_on(client, server, &orders));
                }
            }
        });
        between
    }

    /// From now on inserts are made, and their answers do not come.
    pub fn cut_answers(&self) {
        self.orders.cuts.store(true, Ordering::SeqCst);
    }

    pub fn let_pass(&self) {
        self.orders.cuts.store(false, Ordering::SeqCst);
    }

    /// Answers that were cut.
    pub fn cut(&self) -> u64 {
        self.orders.cut.load(Ordering::SeqCst)
    }
}

/// What the client sends on a thread of its own; what the server answers here.
fn pass_on(client: TcpStream, server: TcpStream, orders: &Orders) {
    let inserts = Arc::new(AtomicBool::new(false));
    let forth =
        (client.try_clone().expect("a stream"), server.try_clone().expect("a stream"), Arc::clone(&inserts));
    let sender = thread::spawn(move || {
        let (mut from, mut to, inserts) = forth;
        let mut chunk = [0; 65_536];
        while let Ok(bytes @ 1..) = from.read(&mut chunk) {
            let piece = &chunk[..bytes];
            // A request begins with its line, which names the statement of an insert.
            if piece.starts_with(b"POST ") {
                let line = piece.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let is_insert = String::from_utf8_lossy(line).contains("query=INSERT");
                inserts.store(is_insert, Ordering::SeqCst);
            }
            if to.write_all(piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (server, client);
    let mut chunk = [0; 65_536];
    while let Ok(bytes @ 1..) = from.read(&mut chunk) {
        if orders.cuts.load(Ordering::SeqCst) && inserts.load(Ordering::SeqCst) {
            orders.cut.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if to.write_all(&chunk[..bytes]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    let _ = sender.join();
}
