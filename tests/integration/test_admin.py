"""The admin endpoint beside clients that are slow, silent, or do not read: a probe has one second."""

import contextlib
import resource
import socket
import threading
import time

from services import wait_for

PATHS = ("/livez", "/readyz", "/metrics", "/api/v1/status")
CROWD = 300
KINDS = {
    "trickling a header": (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"a"),
    "silent": (b"", b""),
    "not reading": (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
    "trickling a body": (b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", b"a"),
}


@contextlib.contextmanager
def crowd(place, first, then):
    """CROWD connections that begin with @first, send @then four times a second, and come again when they are cut."""
    over = threading.Event()
    sockets = []
    came = [0]

    def dial():
        sock = socket.create_connection(place, timeout=5)
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.send(first)
        came[0] += 1
        return sock

    def keep():
        while not over.wait(0.25):
            for i, sock in enumerate(sockets):
                try:
                    if then:
                        sock.send(then)
                    if not first.startswith(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") and sock.recv(1) == b"":
                        raise OSError
                except BlockingIOError:
                    continue
                except OSError:
                    sock.close()
                    with contextlib.suppress(OSError):
                        sockets[i] = dial()

    sockets += [dial() for _ in range(CROWD)]
    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield came
    finally:
        over.set()
        keeper.join()
        for sock in sockets:
            sock.close()


def test_probes_are_answered_beside_hundreds_of_slow_connections(world):
    world.create_all()
    run = world.detour().start().wait_ready()
    host, port = run.config["admin"]["listen"].split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    slowest = {}
    for name, (first, then) in KINDS.items():
        with crowd((host, int(port)), first, then) as came:
            for i in range(40):
                began = time.monotonic()
                status, _ = run.get(PATHS[i % len(PATHS)])
                slowest[name] = max(slowest.get(name, 0), time.monotonic() - began)
                assert status == 200, (name, PATHS[i % len(PATHS)])
                time.sleep(0.05)
            assert came[0] >= CROWD
    print({name: f"{seconds * 1000:.0f} ms" for name, seconds in slowest.items()})
    assert max(slowest.values()) < 1, slowest
    world.produce(world.conversions(20))
    world.wait_settled()
    wait_for(lambda: run.get("/readyz")[0] == 200, 10, "ready")
