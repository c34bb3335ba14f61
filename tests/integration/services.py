"""The real services: Apache Kafka and the Apicurio schema registry, each a process of its own.

Both come from Maven artifacts that are kept in a cache between runs. They listen on free ports of
127.0.0.1, keep their data in a temporary directory, and end when the tests end, however that is.
"""

import base64
import fcntl
import os
import pathlib
import random
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

from confluent_kafka.admin import AdminClient

HERE = pathlib.Path(__file__).resolve().parent
ROOT_BUILD = HERE.parents[1] / "build"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "detour-tests"
VERSIONS = "kafka-4.1.0-apicurio-3.0.9"
giving, given = threading.Lock(), set()  # ports of this process


def free_port():
    """One below those the kernel gives to outgoing connections, so that none of these takes it before it is used."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        with giving:
            if port not in given:
                given.add(port)
                return port


def tied(arguments):
    """The command line of a child that dies with the tests, however they end; its process id is the child's own."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *map(str, arguments)]


def wait_for(condition, timeout, what, every=0.05):
    """The first true value of condition(); an error that says what never came."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(every)


def artifacts():
    """The directory with kafka/*.jar and registry/, downloaded once."""
    home = CACHE / VERSIONS
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run(
                ["mvn", "-q", "-B", "-f", HERE / "services" / "pom.xml", "package", f"-Dcache={home}"],
                check=True,
            )
            (home / "complete").touch()
    return home


class Process:
    """A child with its output in a file, stopped by its own id and no other."""

    def __init__(self, arguments, output, **options):
        self.output = open(output, "ab")
        self.child = subprocess.Popen(
            tied(arguments),
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            **options,
        )

    def stop(self, timeout=20):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.output.close()

    def kill(self):
        self.child.kill()
        self.child.wait()
        self.output.close()


class Authority:
    """A certificate authority of the test's own and one server certificate for 127.0.0.1."""

    def __init__(self, directory):
        self.ca = directory / "ca.pem"
        key, request, certificate = (directory / n for n in ("server.key", "server.csr", "server.pem"))
        extensions = directory / "server.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=detour test CA",
                "-keyout", directory / "ca.key", "-out", self.ca)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", directory / "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        self.key_text = key.read_text()
        self.certificate_text = certificate.read_text()


def cluster_id():
    # A first byte of 0x64 keeps the text from beginning with "-", which would be an option.
    return base64.urlsafe_b64encode(b"d" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


class Kafka:
    """One KRaft node with a plain listener and, with an authority, one for SASL_SSL (PLAIN inside TLS)."""

    USER, PASSWORD = "detour", "plain-pass-7f2e"

    def __init__(self, directory, authority=None, node=1, cluster=None):
        """@cluster: of which this is one node, by its number from 1 on."""
        self.directory = directory
        self.authority = authority
        self.libraries = artifacts() / "kafka"
        self.port, self.secure_port, self.controller_port = free_port(), free_port(), free_port()
        self.node = node
        self.cluster = cluster
        self.brokers = f"127.0.0.1:{self.port}"
        if cluster:
            self.controller_port = cluster.controller_ports[node - 1]
        self.secure_brokers = f"localhost:{self.secure_port}"  # certificates are checked against names
        self.process = None
        directory.mkdir(parents=True, exist_ok=True)
        self.properties = directory / "server.properties"
        self.properties.write_text(self.settings())
        self.format()

    def settings(self):
        listeners = [f"PLAINTEXT://127.0.0.1:{self.port}"]
        secure = ""
        if self.authority:
            listeners.append(f"SECURE://127.0.0.1:{self.secure_port}")

            def one_line(text):
                return " \\\n".join(text.strip().splitlines())

            secure = f"""
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
    user_{self.USER}="{self.PASSWORD}";
sasl.enabled.mechanisms=PLAIN
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.key={one_line(self.authority.key_text)}
listener.name.secure.ssl.keystore.certificate.chain={one_line(self.authority.certificate_text)}
"""
        ports = self.cluster.controller_ports if self.cluster else [self.controller_port]
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(ports, 1))
        replicas, insync = (3, 2) if self.cluster else (1, 1)
        return f"""
process.roles=broker,controller
node.id={self.node}
controller.quorum.voters={voters}
listeners={",".join(listeners)},CONTROLLER://127.0.0.1:{self.controller_port}
advertised.listeners={",".join(listeners).replace("SECURE://127.0.0.1", "SECURE://localhost")}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={self.directory}/data
auto.create.topics.enable=false
num.partitions=3
offsets.topic.num.partitions=5
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
min.insync.replicas={insync}
group.initial.rebalance.delay.ms=0
log.segment.delete.delay.ms=100
message.max.bytes=8388608
{secure}
"""

    def java(self, *arguments):
        return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{self.libraries}/*", *arguments]

    def format(self):
        cluster = self.cluster.id if self.cluster else cluster_id()
        command = self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.properties))
        subprocess.run(command, check=True, capture_output=True)

    def launch(self):
        self.process = Process(self.java("kafka.Kafka", str(self.properties)), self.directory / "log")

    def start(self):
        self.launch()
        return self.wait_up()

    def wait_up(self, timeout=60):
        admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

        def is_up():
            if self.process.child.poll() is not None:
                raise AssertionError("Kafka ended: " + (self.directory / "log").read_text()[-2000:])
            try:
                return bool(admin.list_topics(timeout=1).brokers)
            except Exception:
                return False

        wait_for(is_up, timeout, "Kafka answers", every=0.2)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process = None


class Cluster:
    """Three nodes, each broker and controller, so that any one may die: leaders and coordinators move to the others."""

    NODES = 3

    def __init__(self, directory):
        self.id = cluster_id()
        self.controller_ports = [free_port() for _ in range(self.NODES)]
        self.nodes = [Kafka(directory / f"node{n}", node=n, cluster=self) for n in range(1, self.NODES + 1)]
        self.brokers = ",".join(node.brokers for node in self.nodes)

    def start(self):
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_up(180)  # three at once, on a machine that may have other work
        return self

    def stop(self):
        for node in self.nodes:
            if node.process:
                node.kill()


class Registry:
    """The Apicurio registry with its in-memory storage, spoken to by its Confluent interface."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = self.root + "/apis/ccompat/v7"
        self.process = None
        directory.mkdir(parents=True, exist_ok=True)

    def start(self):
        home = artifacts() / "registry"
        jar = next(home.glob("apicurio-registry-app-*-runner.jar"))
        environment = dict(
            os.environ,
            QUARKUS_HTTP_PORT=str(self.port),
            QUARKUS_HTTP_HOST="127.0.0.1",
            APICURIO_STORAGE_KIND="sql",
            APICURIO_STORAGE_SQL_KIND="h2",
        )
        self.process = Process(
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-jar", jar],
            self.directory / "log",
            cwd=home,
            env=environment,
        )
        wait_for(self.answers, 90, "the registry answers", every=0.2)
        return self

    def answers(self):
        if self.process.child.poll() is not None:
            raise AssertionError("the registry ended: " + (self.directory / "log").read_text()[-2000:])
        try:
            with urllib.request.urlopen(self.url + "/subjects", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None


class Gate:
    """A TCP relay to a service that can be shut and opened, so that "down" is one service's own."""

    def __init__(self, target_port):
        self.target = ("127.0.0.1", target_port)
        self.port = free_port()
        self.listener = None
        self.connections = set()
        self.accepted = 0
        self.lock = threading.Lock()
        self.open()

    def open(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.accepted += 1
                self.connections |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.relay, args=(source, sink), daemon=True).start()

    def relay(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            self.connections -= {source, sink}

    def shut(self):
        if self.listener is None:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        with self.lock:
            ends, self.connections = self.connections, set()
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
