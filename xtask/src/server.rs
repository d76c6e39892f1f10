//! The built server as a child of ours: started on a port, awaited, asked to end.
//! It never outlives us and never hears a Ctrl-C twice: it runs in a process group of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::console;
use crate::interrupt;
use crate::process;
use crate::stop::{Doing, Stop};
use crate::tree;

/// How long the server may take to answer.
const START: Duration = Duration::from_secs(60);

/// A running `slotwise serve --demo`.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    started: Instant,
}

impl Server {
    /// Starts the release build on this data; its words go to `log`, or to the terminal.
    pub fn start(data: &Path, port: u16, log: Option<&Path>) -> Result<Server, Stop> {
        Server::start_as(&tree::binary()?, data, port, &[], log)
    }

    /// Starts any build of it, with more flags.
    pub fn start_as(binary: &Path, data: &Path, port: u16, flags: &[&str], log: Option<&Path>) -> Result<Server, Stop> {
        // The doctor looked minutes ago; an answer from another server must not pass for ours.
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).doing(&format!("taking port {port}"))?);
        let mut command = Command::new(binary);
        command.args(["serve", "--demo", "--data"]).arg(data).args(["--port", &port.to_string()]).args(flags);
        command.current_dir(tree::root()).stdin(Stdio::null()).process_group(0);
        if let Some(log) = log {
            let file = std::fs::File::create(log).doing("making the server's log")?;
            let again = file.try_clone().doing("making the server's log")?;
            command.stdout(file).stderr(again);
        }
        let child = process::spawn(&mut command, "the server")?;
        Ok(Server { child, port, started: Instant::now() })
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it answers; returns how long it took.
    pub fn wait_until_ready(&mut self) -> Result<Duration, Stop> {
        while self.started.elapsed() < START {
            if answers(self.port) {
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.child.try_wait().doing("waiting for the server")? {
                return Err(Stop::failed(format!("the server ended before it answered ({status})")));
            }
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Stop::failed(format!("the server did not answer within {} s", START.as_secs())))
    }

    /// Waits until a person asks us to stop; that the server ends by itself is a failure.
    pub fn wait_for_stop(mut self) -> Result<(), Stop> {
        while interrupt::asked() == 0 {
            if let Some(status) = self.child.try_wait().doing("waiting for the server")? {
                return Err(Stop::failed(format!("the server ended by itself ({status})")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        console::say("\nStopping the server (Ctrl-C again ends it at once) …");
        let status = self.end()?;
        if status.success() { Ok(()) } else { Err(Stop::failed(format!("the server did not end well ({status})"))) }
    }

    /// Asks it to end and waits for it.
    pub fn stop(mut self) -> Result<(), Stop> {
        let status = self.end()?;
        if status.success() { Ok(()) } else { Err(Stop::failed(format!("the server did not end well ({status})"))) }
    }

    fn end(&mut self) -> Result<ExitStatus, Stop> {
        process::signal(&self.child, "INT");
        process::wait_for_end(&mut self.child, "the server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.end().is_err() {
            console::failure("the server could not be ended");
        }
    }
}

/// A port on 127.0.0.1 that nobody used a moment ago.
pub fn free_port() -> Result<u16, Stop> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("looking for a free port")?;
    Ok(listener.local_addr().doing("looking for a free port")?.port())
}

/// Does something on this port answer a request for its first page, and not with an error of its own?
fn answers(port: u16) -> bool {
    ask_first_page(port).is_ok_and(|status| status.starts_with("HTTP/1.1 2") || status.starts_with("HTTP/1.1 3"))
}

fn ask_first_page(port: u16) -> std::io::Result<String> {
    let wait = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}
