"""Every command line: one line for what it cannot read, an exit code for how it ends."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "benchmarks.run": "",
    "benchmarks.list": "",
    "benchmarks.prepare": "",
    "benchmarks.report": ".",
    "benchmarks.page": ".",
    "benchmarks.check": ".",
    "benchmarks.status": ".",
    "benchmarks.speed": "",
    "benchmarks.store": "gc .",
    "fcdd": "fit . --out model",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_is_one_line(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", command, *COMMANDS[command].split(), "--devise"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = f"{command}: error: unrecognized arguments: --devise; see --help\n"
    assert (done.returncode, done.stdout, done.stderr) == (4, "", said)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_states_every_exit_code(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", command, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    told = " ".join(done.stdout.split()).lower()
    assert done.returncode == 0 and "exit codes" in told
    assert re.search(r"exit codes:? 0 .* 3 .* 4 .* 130 .* 143 ", told), told


@pytest.mark.parametrize("command", ["benchmarks.store gc", "fcdd fit"])
def test_a_subcommand_refuses_in_one_line_too(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"{command}: error: ") and "; see --help" in done.stderr


@pytest.mark.parametrize("command", ["benchmarks.list", "benchmarks.run", "fcdd"])
def test_an_interruption_while_code_loads_is_one_line(command: str) -> None:
    told = []
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", command, "--help"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            told += [] if line.startswith("import time:") else [line]
            if line.endswith("numpy.version\n"):  # numpy is being loaded, torch is still to come
                process.send_signal(signal.SIGINT)
    assert (process.returncode, told) == (130, ["interrupted\n"])
