"""nginx as somebody else's collector: a real server with a configuration of the test's own.

Bodies are kept byte for byte in files, and every request is one JSON line of the access log. What a
location answers can be changed while it runs: a flag is a file that the configuration looks for.
"""

import gzip
import json
import os
import pathlib
import shutil
import socket
import subprocess

from services import Process, free_port, wait_for

LOGGED = ("request_method", "status", "request_body_file", "http_authorization", "http_content_type",
          "http_content_encoding", "http_user_agent", "http_x_signature", "http_x_timestamp", "http_x_tenant",
          "remote_user", "ssl_client_s_dn", "content_length")


def binary():
    found = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    assert found, "nginx is not installed: make deps-test"
    return found


class Nginx:
    """One server on a free port of 127.0.0.1; @locations is what stands in its server block."""

    def __init__(self, directory, locations, tls=None):
        self.directory = pathlib.Path(directory)
        self.port, self.sink_port = free_port(), free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        for name in ("bodies", "temp", "flags"):
            (self.directory / name).mkdir(parents=True)
        self.log_file = self.directory / "requests.jsonl"
        self.file = self.directory / "nginx.conf"
        self.file.write_text(self.settings(locations, tls))
        self.process = None

    def settings(self, locations, tls):
        directory = self.directory
        listen = f"listen 127.0.0.1:{self.port}{' ssl' if tls else ''};"
        certificates = ""
        if tls:
            (directory / "server.pem").write_text(tls.certificate_text)
            (directory / "server.key").write_text(tls.key_text)
            certificates = f"""
        ssl_certificate {directory}/server.pem;
        ssl_certificate_key {directory}/server.key;
        ssl_client_certificate {tls.ca};
        ssl_verify_client on;"""
        fields = ",".join(f'"{name}":"${name}"' for name in LOGGED)
        temp = "\n".join(f"    {kind}_temp_path {directory}/temp/{kind};" for kind in (
            "proxy", "fastcgi", "uwsgi", "scgi"))
        locations = (locations.replace("COLLECT", f"proxy_pass http://127.0.0.1:{self.sink_port}")
                     .replace("FLAGS", f"{directory}/flags"))
        return f"""
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log info;
events {{ worker_connections 512; }}
http {{
    log_format requests escape=json '{{{fields}}}';
    client_body_temp_path {directory}/bodies;
{temp}
    client_max_body_size 16m;
    server {{ # what COLLECT hands bodies to, once they are in their files
        listen 127.0.0.1:{self.sink_port};
        access_log off;
        location / {{ default_type application/json; return 200 '{{"ok":true}}'; }}
    }}
    server {{
        {listen}{certificates}
        access_log {self.log_file} requests;
        client_body_in_file_only on;
        default_type application/json;
{locations}
    }}
}}
"""

    def start(self):
        self.process = Process([binary(), "-e", self.directory / "error.log", "-c", self.file], self.directory / "log")

        def answers():
            assert self.process.child.poll() is None, "nginx ended: " + (self.directory / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                return False

        wait_for(answers, 20, "nginx listens")
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def flag(self, name, is_set):
        path = self.directory / "flags" / name
        path.touch() if is_set else path.unlink(missing_ok=True)

    def requests(self):
        """Every request that was answered, as its line of the log."""
        text = self.log_file.read_text() if self.log_file.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line]

    def accepted(self):
        return [r for r in self.requests() if r["status"] == "200"]


def body_of(request):
    """The body as it came."""
    return pathlib.Path(request["request_body_file"]).read_bytes()


def text_of(request):
    body = body_of(request)
    return gzip.decompress(body) if request["http_content_encoding"] == "gzip" else body


def passwords(path, **users):
    """A file of user names and hashed passwords."""
    lines = []
    for name, password in users.items():
        done = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=password, text=True, check=True,
                              capture_output=True)
        lines.append(f"{name}:{done.stdout.strip()}\n")
    path.write_text("".join(lines))


def client_identity(directory, authority, name):
    """Certificate and key of a client that @authority vouches for."""
    key, request, certificate = (directory / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
    authority_key = authority.ca.parent / "ca.key"
    for arguments in (
            ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request),
            ("x509", "-req", "-in", request, "-CA", authority.ca, "-CAkey", authority_key, "-CAcreateserial",
             "-days", "2", "-out", certificate)):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    key.chmod(0o400)
    return certificate, key
