"""A real SMTP server with faults, for the tests.

    smtp_server.py FOLDER [--cert PEM --key PEM] [--auth USER:PASSWORD] [--fault NAME [--times N]]

Listens on a free port of 127.0.0.1 and prints it as the first line. Every message it accepts becomes FOLDER/<n>.eml with the envelope
recipient in an X-Envelope-To header. Faults happen to the first N messages (default: to all):

    tempfail     RCPT is answered 451                refuse       RCPT is answered 550
    limited      RCPT is answered 450 4.7.1          datafail     the content is answered 554
    datatemp     the content is answered 451         hangup-data  the line is cut instead of 354
    late-drop    the message is kept, then the line is cut before the answer
    slow         the answer to the content takes three seconds
"""

import argparse
import asyncio
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    """Keeps messages, and breaks where it is told to."""

    def __init__(self, folder, fault, times):
        self.folder, self.fault, self.left, self.count = folder, fault, times, 0

    def faulty(self, *names):
        if self.fault not in names or self.left == 0:
            return False
        self.left -= 1
        return True

    async def handle_RCPT(self, server, session, envelope, address, options):
        for name, answer in (
            ("tempfail", "451 4.3.0 try again"),
            ("limited", "450 4.7.1 too many messages"),
            ("refuse", "550 5.1.1 no such user"),
        ):
            if self.faulty(name):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        if self.faulty("datafail"):
            return "554 5.6.0 not wanted"
        if self.faulty("datatemp"):
            return "451 4.3.0 disk full"
        if self.faulty("slow"):
            await asyncio.sleep(3)
        self.count += 1
        header = f"X-Envelope-To: {','.join(envelope.rcpt_tos)}\r\n".encode()
        part = self.folder / f"{self.count}.part"
        part.write_bytes(header + envelope.content)
        part.rename(self.folder / f"{self.count}.eml")
        if self.faulty("late-drop"):
            server.transport.abort()
        return "250 2.0.0 queued as 4f2a"


class Server(SMTP):
    """Cuts the line at DATA when told to."""

    async def smtp_DATA(self, arg):
        if self.event_handler.faulty("hangup-data"):
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--cert")
    options.add_argument("--key")
    options.add_argument("--auth")
    options.add_argument("--fault")
    options.add_argument("--times", type=int, default=-1)
    given = options.parse_args()
    settings = {"hostname": "relay.example", "enable_SMTPUTF8": False}
    if given.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.cert, given.key)
        settings["tls_context"] = context
    if given.auth:
        wanted = given.auth.encode()

        def check(server, session, envelope, mechanism, data):
            return AuthResult(success=data.login + b":" + data.password == wanted, handled=False)

        settings |= {"authenticator": check, "auth_required": True, "auth_require_tls": bool(given.cert)}
    handler = Handler(given.folder, given.fault, given.times)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(handler, loop=loop, **settings), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
