"""docker/ without a container engine: the files fit each other and detour accepts the configuration."""

import os
import pathlib
import re
import subprocess

import yaml

from detour import BINARY

DOCKER = pathlib.Path(__file__).resolve().parents[2] / "docker"


def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_detour_accepts_the_configuration_as_it_stands():
    result = subprocess.run([BINARY, "check", "-c", DOCKER / "detour.yaml"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stdout + result.stderr


def test_detour_accepts_it_with_the_variables_of_compose(tmp_path):
    environment = compose()["services"]["detour"]["environment"]
    inside = dict(environment, DETOUR_SCHEMAS=str(DOCKER.parent / "schemas"),
                  TIKTOK_TOKEN_FILE=str(DOCKER / "tiktok-token.example"))
    result = subprocess.run([BINARY, "check", "-c", DOCKER / "detour.yaml"], capture_output=True, text=True, timeout=30,
                            env=dict(os.environ, **inside))
    assert result.returncode == 0, result.stdout + result.stderr
    names = set(re.findall(r"\$\{(\w+)", (DOCKER / "detour.yaml").read_text()))
    assert names == environment.keys(), "the file and the compose file name the same variables"


def test_compose_refers_only_to_what_is_there():
    file = compose()
    services = file["services"]
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}"
            if wanted["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], f"{other} has no health check"
        for secret in service.get("secrets", []):
            assert (DOCKER / file["secrets"][secret]["file"]).is_file()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DOCKER / source).exists() if source.startswith(".") else source in file["volumes"]
        if "build" in service:
            assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    ports = [p for s in services.values() for p in s.get("ports", [])]
    assert all(p.startswith("127.0.0.1:") for p in ports), "nothing listens beyond this machine"


def test_the_image_has_what_it_copies_and_links():
    text = (DOCKER / "Dockerfile").read_text()
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    for words in re.findall(r"^COPY (?!--from)(.*)$", text, re.M):
        for source in words.split()[:-1]:
            assert (DOCKER.parent / source).exists(), source
            assert f"!{source}" in ignored, f"{source} does not reach the builder"
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    packages = {"libavro": "libavro23", "libcurl": "libcurl4", "libjansson": "libjansson4", "libmicrohttpd": "libmicrohttpd12",
                "librdkafka": "librdkafka1", "libcrypto": "libssl3", "libyaml": "libyaml-0-2", "libz": "zlib1g",
                "libpcre2-8": "libpcre2-8-0"}
    for library, package in packages.items():
        assert library in linked and re.search(rf"\s{re.escape(package)}\s", text), library
