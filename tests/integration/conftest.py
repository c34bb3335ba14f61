"""Fixtures: the services once for all tests, everything else new for each."""

import contextlib
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import machine  # noqa: E402
from detour import BINARY  # noqa: E402
from fake_tiktok import FakeTikTok  # noqa: E402
from services import Authority, Kafka, Registry  # noqa: E402
from stage import Programme  # noqa: E402
from world import World  # noqa: E402


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.add_cleanup(machine.found())
    config.addinivalue_line("markers", "slow: takes many minutes; only run when asked for by -m slow")


def pytest_collection_modifyitems(config, items):
    if config.option.markexpr:
        return
    slow = [i for i in items if i.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [i for i in items if i not in slow]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Tests pause while a heavy scene of another process plays. One that waits for a scene holds nothing back."""
    with contextlib.nullcontext() if "figures" in item.fixturenames else machine.shared():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture(scope="session")
def services_directory():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="detour-services-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(services_directory):
    directory = services_directory / "authority"
    directory.mkdir()
    return Authority(directory)


@pytest.fixture(scope="session")
def kafka(services_directory, authority):
    kafka = Kafka(services_directory / "kafka", authority).start()
    yield kafka
    kafka.stop()


@pytest.fixture(scope="session")
def registry(services_directory):
    registry = Registry(services_directory / "registry").start()
    yield registry
    registry.stop()


@pytest.fixture
def own_kafka(tmp_path):
    """A Kafka that a test may stop."""
    kafka = Kafka(tmp_path / "kafka").start()
    yield kafka
    kafka.stop()


@pytest.fixture
def tiktok():
    fake = FakeTikTok()
    yield fake
    fake.stop()


@pytest.fixture
def binary():
    assert BINARY.exists(), f"{BINARY} is not built: make build"
    return BINARY


@pytest.fixture(scope="module")
def programme(request, tmp_path_factory, kafka):
    """The scenes of this module that its selected tests ask for, begun together."""
    assert BINARY.exists(), f"{BINARY} is not built: make build"
    wanted = {i.callspec.params["figures"] for i in request.session.items
              if i.module is request.module and "figures" in getattr(getattr(i, "callspec", None), "params", {})}
    programme = Programme(tmp_path_factory.mktemp("stages"), kafka)
    programme.begin([(name, *scene) for name, scene in request.module.SCENES.items() if name in wanted])
    yield programme
    programme.end()


@pytest.fixture
def figures(request, programme):
    """What a scene came to; which one, the test says by stage.plays()."""
    return programme.result(request.param)


def make_world(request, directory, kafka, registry, tiktok):
    world = World(directory, kafka, registry, tiktok)
    yield world
    world.end()
    if getattr(request.node, "report_call", None) and request.node.report_call.failed:
        for run in world.runs:
            print(f"---- {run.log_file.name}\n{run.tail(60)}")


@pytest.fixture
def world(request, tmp_path, kafka, tiktok, binary):
    yield from make_world(request, tmp_path, kafka, None, tiktok)


@pytest.fixture
def registry_world(request, tmp_path, kafka, registry, tiktok, binary):
    yield from make_world(request, tmp_path, kafka, registry, tiktok)


@pytest.fixture
def own_world(request, tmp_path, own_kafka, tiktok, binary):
    yield from make_world(request, tmp_path, own_kafka, None, tiktok)
