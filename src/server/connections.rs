//! The door of the listener: how many connections there are, and how long a silent one stays (S31).

use std::{
    future::{Ready, ready},
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum_server::accept::Accept;
use rustix::process::{Resource, getrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::{app::App, services::Origin};

use crate::shares::{Share, Shares};

/// Connections at once, where the system allows twice as many files: the other half is for the database, mail and exports.
const MOST: usize = 4096;
/// Connections of one client. A trusted proxy brings many clients, so it is not bounded.
const EACH: usize = 512;
/// How long a connection may take to begin, and how long nothing may pass on it.
const PATIENCE: Patience = Patience { opening: Duration::from_secs(10), silence: Duration::from_secs(60) };
/// As much as it takes to tell HTTP/2 from HTTP/1, which sets a time limit of its own from then on.
const OPENING: usize = 24;

/// Lets connections in as long as there is room, and closes others at once.
#[derive(Clone)]
pub(super) struct Door {
    app: App,
    places: Shares,
}

impl Door {
    /// A door with as many places as this process may have files open.
    pub(super) fn new(app: &App) -> Door {
        let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
        let most = files.map_or(MOST, |files| MOST.min(files / 2));
        Door { app: app.clone(), places: Shares::new("connections", most, EACH) }
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Watched<TcpStream>> {
        let peer = stream.peer_addr()?.ip().to_canonical();
        let is_proxy = self.app.config.trusted_proxies.iter().any(|network| network.contains(&peer));
        let prefix = Origin { address: Some(peer), ..Origin::default() }.prefix();
        let place = self.places.take((!is_proxy).then_some(prefix.as_str()));
        let place = place.ok_or(ErrorKind::ConnectionRefused)?;
        Ok(Watched::new(stream, PATIENCE, Some(place)))
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Watched<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|stream| (stream, service)))
    }
}

#[derive(Clone, Copy)]
struct Patience {
    opening: Duration,
    silence: Duration,
}

/// A stream that fails with `TimedOut` when nothing passes for too long, in either direction.
pub(super) struct Watched<S> {
    stream: S,
    /// Bytes to come until the connection has begun.
    awaited: usize,
    silence: Duration,
    /// When it is over, unless something passes.
    end: Instant,
    /// Goes off at `end` or before it, and is set anew only then, not with each byte.
    alarm: Pin<Box<Sleep>>,
    _place: Option<Share>,
}

impl<S> Watched<S> {
    fn new(stream: S, patience: Patience, place: Option<Share>) -> Self {
        let end = Instant::now() + patience.opening;
        let alarm = Box::pin(tokio::time::sleep_until(end));
        Watched { stream, awaited: OPENING, silence: patience.silence, end, alarm, _place: place }
    }

    fn passed(&mut self, bytes: usize) {
        self.awaited = self.awaited.saturating_sub(bytes);
        if bytes > 0 && self.awaited == 0 {
            self.end = Instant::now() + self.silence;
            if self.end < self.alarm.deadline() {
                self.alarm.as_mut().reset(self.end);
            }
        }
    }

    /// Waits on, unless it is over.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            if self.end <= Instant::now() {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            let end = self.end;
            self.alarm.as_mut().reset(end);
        }
    }

    /// Whoever is answered has begun, however short their request was.
    fn wrote(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.wait(context),
            Poll::Ready(written) => {
                if matches!(written, Ok(1..)) {
                    self.passed(OPENING);
                }
                Poll::Ready(written)
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.wait(context),
            Poll::Ready(read) => {
                self.passed(buffer.filled().len() - before);
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(50);

    fn pair(opening: Duration, silence: Duration) -> (Watched<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(64);
        (Watched::new(ours, Patience { opening, silence }, None), theirs)
    }

    async fn read(stream: &mut Watched<DuplexStream>, bytes: usize) -> Result<usize, ErrorKind> {
        let reading = stream.read_exact(&mut vec![0; bytes]).await;
        reading.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_connection_that_does_not_begin_is_ended_also_when_it_drips() {
        let (mut silent, _theirs) = pair(SHORT, LONG);
        assert_eq!(read(&mut silent, 1).await, Err(ErrorKind::TimedOut));
        let (mut dripping, mut theirs) = pair(SHORT, LONG);
        theirs.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
        assert_eq!(read(&mut dripping, OPENING).await, Err(ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_connection_that_falls_silent_is_ended_whether_we_read_or_write() {
        let (mut ours, mut theirs) = pair(LONG, SHORT);
        theirs.write_all(&[b'a'; OPENING]).await.unwrap();
        assert_eq!(read(&mut ours, OPENING + 1).await, Err(ErrorKind::TimedOut));
        let (mut ours, _theirs) = pair(LONG, SHORT);
        let error = ours.write_all(&[b'a'; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "nobody reads");
    }

    #[tokio::test]
    async fn what_passes_in_time_passes_whole() {
        let (mut ours, mut theirs) = pair(SHORT, LONG);
        ours.write_all(b"a short answer").await.unwrap();
        // The alarm of the opening has long gone off when this is read.
        let sending = async {
            tokio::time::sleep(SHORT * 3).await;
            theirs.write_all(b"later").await.unwrap();
        };
        let (read, ()) = tokio::join!(read(&mut ours, 5), sending);
        assert_eq!(read, Ok(5));
    }
}
