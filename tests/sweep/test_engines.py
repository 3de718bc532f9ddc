"""A pool of processes, Ray, Slurm's jobs on this machine, and copies elsewhere."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from grokscope.core.errors import GrokscopeError, MissingExtraError, UsageError
from grokscope.experiment import load
from grokscope.store import RunDirectory
from grokscope.sweep import Results, Worker
from grokscope.sweep import ray as on_ray
from grokscope.sweep.mirror import Mirror
from grokscope.sweep.pool import run_pool
from grokscope.sweep.ray import run_on_ray
from grokscope.sweep.slurm import submit
from grokscope.sweep.start import standing
from sweep.conftest import OVER, TINY, finished, started, tiny_plan


def test_a_pool_trains_what_one_worker_would(tmp_path, done):
    sweep = started(tmp_path)
    run_pool(sweep, 2)
    assert Results(sweep).all == Results(done).all


def test_ray_trains_what_one_worker_would(tmp_path, done):
    pytest.importorskip("ray")
    sweep = started(tmp_path)
    ended: list[str] = []
    run_on_ray(sweep, cpus=2, tell=ended.append)
    assert sorted(ended) == sorted(cohort.id for cohort in sweep.cohorts())
    assert Results(sweep).all == Results(done).all


def test_an_unreachable_cluster_is_one_line(tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(UsageError, match=r"No Ray cluster answers at 127\.0\.0\.1:1"):
        run_on_ray(started(tmp_path), address="127.0.0.1:1")


def test_a_ray_with_known_holes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(__version__="2.53.1"))
    with pytest.raises(UsageError, match=r"ray 2\.53\.1 has known holes.*2\.54"):
        run_on_ray(started(tmp_path))


@pytest.mark.parametrize(("package", "extra"), [("ray", "ray"), ("submitit", "slurm")])
def test_a_missing_extra_names_its_command(tmp_path, monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    run = run_on_ray if package == "ray" else lambda sweep: submit(sweep, 1)
    with pytest.raises(MissingExtraError, match=rf"pip install 'grokscope\[{extra}\]'"):
        run(started(tmp_path))


def test_jobs_of_a_cluster_are_workers(tmp_path, done):
    pytest.importorskip("submitit")
    sweep = started(tmp_path, ledger="files")
    jobs = submit(sweep, 2, cluster="local")
    assert sum(job.result() for job in jobs) == len(sweep.cohorts())
    assert Results(sweep).all == Results(done).all


def test_without_slurm_there_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="Slurm does not take jobs here"):
        submit(started(tmp_path), 1)


def test_a_job_that_is_queued_again_is_the_same_job():
    pytest.importorskip("submitit")
    from grokscope.sweep.slurm import SlurmWorker

    delayed = SlurmWorker("a/b").checkpoint()
    assert delayed.function.path == "a/b"


def test_published_runs_are_copied_with_the_manifest_last(tmp_path, done, monkeypatch):
    mirror = Mirror(f"file://{tmp_path}/copy", done)
    order: list[str] = []
    put = mirror._storage.put_file
    monkeypatch.setattr(
        mirror._storage, "put_file", lambda a, b: (order.append(b.rpartition("/")[2]), put(a, b))
    )
    assert mirror.missing() == sorted(cohort.id for cohort in done.cohorts())
    first = mirror.missing()[0]
    mirror.copy(first)
    assert order[-1] == "MANIFEST.json"
    assert RunDirectory.open(tmp_path / "copy" / "tiny" / "runs" / first).verify() == []
    assert first not in mirror.missing()


def test_a_worker_copies_what_it_publishes(tmp_path):
    sweep = started(tmp_path)
    mirror = Mirror(f"file://{tmp_path}/copy", sweep)
    Worker(sweep=sweep, mirror=lambda run: mirror.copy(run.id)).work()
    assert mirror.missing() == []


def test_a_url_of_no_storage_is_refused(done):
    with pytest.raises(
        UsageError, match="`mirror` must be a URL that fsspec knows, got 'nothing://a'"
    ):
        Mirror("nothing://a", done)
    with pytest.raises(UsageError, match="s3fs"):
        Mirror("s3://bucket/a", done)


def test_a_finished_sweep_has_nothing_for_a_pool(tmp_path):
    sweep = finished(tmp_path)
    run_pool(sweep, 1)
    assert standing(sweep).is_complete


def test_tasks_that_die_are_submitted_again_and_not_for_ever(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    sweep = started(tmp_path)

    class DyingRay:
        exceptions = ray.exceptions

        def __init__(self) -> None:
            self.submitted = 0

        def cluster_resources(self):
            return {"CPU": 1.0}

        def remote(self, **options):
            def submit(*arguments):
                self.submitted += 1
                return self.submitted

            return lambda function: SimpleNamespace(remote=submit)

        def wait(self, tasks, **options):
            return tasks, []

        def get(self, task):
            raise ray.exceptions.WorkerCrashedError

    fake = DyingRay()
    tasks = on_ray._Tasks(fake, sweep, lambda cohort: None)
    with pytest.raises(GrokscopeError, match="died 5 times"):
        all(tasks.go_on() for _ in range(100))


LONG = {"p": 11, "d_model": 16, "d_hidden": 16, "steps": 3000, "stop_when_grokked": False}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["raylet", "driver"])
def test_a_sweep_on_ray_outlives_its_raylet_and_its_driver(tmp_path, victim):
    pytest.importorskip("ray")
    undisturbed = finished(tmp_path / "whole", tiny_plan(**LONG))
    sweep = started(tmp_path / "hurt", tiny_plan(**LONG))
    script = (
        "import sys\nfrom pathlib import Path\nfrom grokscope.sweep import find_sweep\n"
        "from grokscope.sweep.ray import run_on_ray\n"
        "run_on_ray(find_sweep(Path(sys.argv[1])), cpus=2)\n"
    )
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(sweep.path)], stderr=subprocess.DEVNULL
    )
    wait_for(lambda: sweep.work.is_dir() and any(sweep.work.iterdir()))
    chosen = driver.pid if victim == "driver" else raylet_of(driver.pid)
    os.kill(chosen, signal.SIGKILL)
    driver.wait(120)
    Worker(sweep=sweep).work()
    assert Results(sweep).all == Results(undisturbed).all
    for cohort in sweep.cohorts():
        ours, theirs = (load(one.runs / cohort.id) for one in (sweep, undisturbed))
        for network in range(len(cohort.members)):
            kept = theirs.weights(network)
            assert all(torch.equal(v, kept[n]) for n, v in ours.weights(network).items())


@pytest.mark.slow
def test_a_cluster_that_asks_for_a_token_gets_it(tmp_path, done):
    pytest.importorskip("ray")
    sweep, port = started(tmp_path), 20_000 + os.getpid() % 10_000
    token = os.environ | {"RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
    words = ["start", "--head", "--block", "--port", str(port), "--num-cpus", "2"]
    words += ["--include-dashboard=false", "--disable-usage-stats"]
    script = "from ray.scripts.scripts import main; main()"
    head = subprocess.Popen(
        [sys.executable, "-c", script, *words],
        env=token | {"RAY_AUTH_MODE": "token"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: listens(port))
        words = ["sweep", *tiny_words(tmp_path), "--engine", "ray"]
        command = [sys.executable, "-m", "grokscope", *words, "--address", f"127.0.0.1:{port}"]
        subprocess.run(command, env=token, check=True, capture_output=True, timeout=120)
    finally:
        head.terminate()
        head.wait(60)
    assert Results(sweep).all == Results(done).all


def tiny_words(root: Path) -> list[str]:
    """The tiny sweep as a command."""
    settings = [f"{name}={value}" for name, value in TINY.items()]
    axes = [word for name, own in OVER.items() for word in ("--axis", f"{name}={own}")]
    return ["quick-mlp", *axes, *settings, "--seeds", "2", "--name", "tiny", "--out", str(root)]


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def raylet_of(driver: int) -> int:
    """The raylet that a process has started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text().partition(") ")
            if name.endswith("(raylet") and int(rest.split()[1]) == driver:
                return int(stat.parent.name)
    raise AssertionError("there is no raylet")


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
