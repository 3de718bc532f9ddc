"""Both ledgers: one holder at a time, tokens that rise, and leases that outlive nobody."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from grokscope.core.errors import DiskError, GrokscopeError, MemoryExceededError
from grokscope.sweep import lease as leases
from grokscope.sweep.file_ledger import FileLedger
from grokscope.sweep.lease import LeaseLostError, Observer, Owner
from grokscope.sweep.network_disk import is_shared
from grokscope.sweep.sqlite_ledger import SqliteLedger

KINDS = {"sqlite": SqliteLedger, "files": FileLedger}
COHORTS = [f"cohort-{i:012x}" for i in range(4)]
ELSEWHERE = Owner(host="another", boot="b", pid=1, started="1")


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def ledger(kind, tmp_path):
    made = kind(tmp_path, Observer())
    made.add(COHORTS)
    return made


def claim_elsewhere(ledger, patch):
    """A lease of a holder on another host, of whom nobody here knows whether it lives."""
    with patch.context() as there:
        there.setattr(Owner, "this", classmethod(lambda cls: ELSEWHERE))
        return ledger.claim(only=COHORTS[0])


@pytest.fixture
def clock(monkeypatch):
    """A clock of this process that goes on when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    return now


def states(ledger) -> list[str]:
    return [entry.state for entry in ledger.entries()]


def test_every_cohort_is_handed_out_once(ledger):
    found = [ledger.claim() for _ in COHORTS]
    assert sorted(lease.cohort for lease in found) == COHORTS
    assert {lease.token for lease in found} == {1}
    assert ledger.claim() is None
    assert states(ledger) == ["leased"] * 4


def test_known_cohorts_stay_as_they_are_when_they_are_added_again(ledger):
    ledger.complete(ledger.claim())
    ledger.add([*COHORTS, "cohort-00000000000f"])
    assert Counter(states(ledger)) == {"done": 1, "waiting": 4}


def test_what_is_given_back_can_be_had_at_once_with_a_higher_token(ledger):
    first = ledger.claim(only=COHORTS[2])
    assert ledger.claim(only=COHORTS[2]) is None
    ledger.release(first)
    again = ledger.claim(only=COHORTS[2])
    assert (again.token, again.losses) == (2, 0)
    for act in (ledger.beat, ledger.release):
        with pytest.raises(LeaseLostError):
            act(first)
    ledger.beat(again)


def test_ended_cohorts_are_not_handed_out(ledger):
    done, split, failed = (ledger.claim() for _ in range(3))
    ledger.complete(done)
    ledger.split(split, ["cohort-00000000000a", "cohort-00000000000b"])
    ledger.fail(failed, MemoryExceededError("too large"))
    left = [ledger.claim() for _ in range(4)]
    assert left[3] is None
    names = {lease.cohort for lease in left[:3]}
    assert names == set(COHORTS) - {done.cohort, split.cohort, failed.cohort} | {
        "cohort-00000000000a",
        "cohort-00000000000b",
    }
    (entry,) = (entry for entry in ledger.entries() if entry.state == "failed")
    assert (entry.error, entry.exit_code) == ("too large", 5)


def test_done_and_failed_cohorts_can_be_opened_again_and_split_ones_cannot(ledger):
    done, split, failed = (ledger.claim() for _ in range(3))
    ledger.complete(done)
    ledger.split(split, ["cohort-00000000000a"])
    ledger.fail(failed, GrokscopeError("no"))
    ledger.reopen([done.cohort, split.cohort, failed.cohort])
    assert Counter(states(ledger)) == {"waiting": 4, "split": 1}
    assert ledger.claim(only=done.cohort).token == 2


def test_a_silent_holder_loses_its_lease_and_a_beating_one_does_not(
    kind, tmp_path, clock, ledger, monkeypatch
):
    held = claim_elsewhere(ledger, monkeypatch)
    other = kind(tmp_path, Observer(silence=30.0))
    assert other.claim(only=COHORTS[0]) is None  # it is seen for the first time
    for _ in range(4):
        clock[0] += 20.0
        ledger.beat(held)
        assert other.claim(only=COHORTS[0]) is None
    clock[0] += 29.0
    assert other.claim(only=COHORTS[0]) is None
    clock[0] += 2.0
    taken = other.claim(only=COHORTS[0])
    assert (taken.token, taken.losses) == (2, 1)
    with pytest.raises(LeaseLostError):
        ledger.beat(held)
    with pytest.raises(LeaseLostError):
        ledger.split(held, ["cohort-00000000000a"])
    with pytest.raises(LeaseLostError):
        ledger.fail(held, GrokscopeError("late"))
    assert "cohort-00000000000a" not in {entry.cohort for entry in ledger.entries()}
    ledger.complete(held)  # it is published, whoever has the lease
    assert states(ledger)[0] == "done"


def test_a_lease_of_a_dead_process_of_this_host_is_free_at_once(kind, tmp_path, ledger):
    script = (
        "import sys\nfrom pathlib import Path\n"
        f"from {kind.__module__} import {kind.__name__} as Ledger\n"
        "from grokscope.sweep.lease import Observer\n"
        "print(Ledger(Path(sys.argv[1]), Observer()).claim())\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True)
    tokens = [ledger.claim().token for _ in COHORTS]
    assert sorted(tokens) == [1, 1, 1, 2]


def test_a_process_that_only_has_the_number_of_the_holder_is_not_the_holder():
    here = Owner.this()
    assert not here.is_dead
    assert replace(here, started="1").is_dead
    assert replace(here, pid=2**22 + 1).is_dead
    for other in (replace(here, host="another"), replace(here, boot="b"), replace(here, boot="")):
        assert not replace(other, started="1").is_dead


def test_clocks_that_are_set_do_not_matter(ledger, kind, tmp_path, monkeypatch):
    claim_elsewhere(ledger, monkeypatch)
    other = kind(tmp_path, Observer())
    for jump in (-86400.0, 86400.0, 3e9):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1e9 + jump)
        assert other.claim(only=COHORTS[0]) is None


def _take(kind: str, folder: Path, taken) -> None:
    ledger = KINDS[kind](folder, Observer())
    while True:
        lease = ledger.claim()
        if lease is None:
            return
        taken.put((lease.cohort, os.getpid()))
        ledger.complete(lease)


@pytest.mark.parametrize("name", KINDS)
def test_processes_that_claim_at_the_same_time_never_get_the_same(name, tmp_path):
    cohorts = [f"cohort-{i:012x}" for i in range(60)]
    KINDS[name](tmp_path, Observer()).add(cohorts)
    context = multiprocessing.get_context("spawn")
    taken = context.Queue()
    workers = [context.Process(target=_take, args=(name, tmp_path, taken)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [taken.get(timeout=60) for _ in cohorts]
    for worker in workers:
        worker.join(60)
    assert sorted(cohort for cohort, _ in found) == cohorts
    assert taken.empty()


def test_a_ledger_that_cannot_be_written_is_a_disk_error(kind, tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "file").write_text("")
        place = tmp_path / "file"  # a folder that is none: root may write everywhere else
    else:
        place = tmp_path / "closed"
        place.mkdir(mode=0o500)
    with pytest.raises(DiskError, match="cannot write"):
        kind(place, Observer()).add(COHORTS)


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/fast tmpfs rw 0 0
host /mnt/my\\040disk fuse.sshfs rw 0 0
/dev/sdb /data ext4 rw 0 0
cluster /data lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        ("/srv/sweeps", False),
        ("/home/me/sweeps", True),
        ("/home/me/fast/sweeps", False),
        ("/homely", False),
        ("/mnt/my disk/a", True),
        ("/data/a", True),
    ],
)
def test_network_disks_are_told_by_the_nearest_mount(tmp_path, folder, shared):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert is_shared(Path(folder), mounts) is shared


def test_without_a_list_of_mounts_a_disk_counts_as_local(tmp_path):
    assert not is_shared(tmp_path, tmp_path / "none")
