//! What stands between a node and Redis, or in its place.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(5);

/// Passes connections on until it is cut.
pub struct Link {
    address: SocketAddr,
    orders: Arc<Orders>,
}

#[derive(Default)]
struct Orders {
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Link {
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let link = Self { address: listener.local_addr().expect("its address"), orders: Arc::default() };
        let orders = Arc::clone(&link.orders);
        // It goes on until the test ends.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if orders.cut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(target).expect("Redis");
                let both = [client.try_clone().expect("a stream"), server.try_clone().expect("a stream")];
                orders.open.lock().expect("connections").extend(both);
                pass_on(client.try_clone().expect("a stream"), server.try_clone().expect("a stream"));
                pass_on(server, client);
            }
        });
        link
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, and turns new ones away.
    pub fn cut(&self) {
        self.orders.cut.store(true, Ordering::SeqCst);
        for stream in self.orders.open.lock().expect("connections").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.orders.cut.store(false, Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut chunk = [0; 65_536];
        while let Ok(bytes @ 1..) = from.read(&mut chunk) {
            if to.write_all(&chunk[..bytes]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

/// Answers nonsense, each connection another kind of it. Ends when it goes out of scope.
pub struct Nonsense {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    listening: Option<JoinHandle<()>>,
}

const KINDS: [&[u8]; 9] = [
    b"\x00\xff\xfe garbage \r\n",
    b"*2000000000\r\n",
    b"$536870911\r\nabc",
    b"$-7\r\n:\r\n",
    b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
    b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    b":99999999999999999999999\r\n",
    b"-ERR nonsense\r\n",
    b"%1000000000\r\n",
];

impl Nonsense {
    pub fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
        listener.set_nonblocking(true).expect("a listener that can be stopped");
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&answered));
        let listening = thread::spawn(move || {
            let mut kinds = KINDS.iter().cycle();
            let mut serving: Vec<JoinHandle<()>> = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => {
                        let kind = kinds.next().expect("a kind");
                        let (stopped, count) = (Arc::clone(&stopped), Arc::clone(&count));
                        serving.push(thread::spawn(move || babble(client, kind, &stopped, &count)));
                    }
                    Err(_) => thread::sleep(POLL),
                }
            }
            serving.into_iter().for_each(|one| one.join().expect("it babbles"));
        });
        Self { stop, answered, listening: Some(listening) }
    }

    /// How often it was asked.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

impl Drop for Nonsense {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn babble(mut client: TcpStream, kind: &[u8], stop: &AtomicBool, count: &AtomicUsize) {
    client.set_nonblocking(false).expect("a stream");
    client.set_read_timeout(Some(POLL * 10)).expect("a time limit");
    let mut chunk = [0; 4_096];
    while !stop.load(Ordering::SeqCst) {
        match client.read(&mut chunk) {
            Ok(0) => return,
            Ok(_) => {
                count.fetch_add(1, Ordering::SeqCst);
                if client.write_all(kind).is_err() {
                    return;
                }
            }
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}
