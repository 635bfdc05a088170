"""The demonstration as people start it: a command that shows, checks, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.place import throwaway_folder
from tests.unit.demo.export import PIPELINE, write

COMMAND = (sys.executable, "-m", "deploy.cli", "demo")
PLAIN = {**os.environ, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}


def demo(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *options], check=False, capture_output=True, text=True, timeout=90, env=PLAIN
    )


def squeezed(text: str) -> str:
    """A line of the terminal whose spaces do not matter."""
    return re.sub(r"\s+", " ", text)


def test_the_tour_shows_the_chain_and_a_statement_whose_sums_agree() -> None:
    shown = demo()
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stderr == ""
    text = squeezed(shown.stdout)
    for number in range(1, 8):
        assert f" {number} " in text
    assert re.search(
        r"\+[0-9.]+ attained 达成 上海团队 Shanghai 110,000.01 150,000.01 68.18%", text
    )
    assert re.search(r"\+[0-9.]+ earned 提成 李明 Li Ming 4,250.00 7,000.00 125.00%", text)
    assert "25000.01 above 100000.00 at 8.00%" in text
    assert "100000.00 以上部分 25000.01，按 8.00%" in text
    assert "7,000.00 = ledger 台账 7,000.00 sums agree 相符" in text
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())


def test_an_export_is_loaded_twice_and_the_second_time_changes_nothing(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    agents = "y,q,sales_agent,won,won_revenue\n2017,1,李明,1,4514.00\n"
    (export / "oracle_agent_quarter.csv").write_text(agents, encoding="utf-8")
    shown = demo("--data", str(export), "--currency", "CNY", "--twice")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    text = squeezed(shown.stdout)
    assert "2 product 'GTXPro' 'GTX Pro', as in the products" in text
    assert "deals 5 0 0" in text
    assert "1 rows of revenue and won deals: equal 一致" in text
    assert "deals 0 0 5" in text
    assert "Nothing changed, no feed has a new event 无任何变化" in text


def test_an_export_that_is_no_good_starts_nothing(tmp_path: Path) -> None:
    export = write(tmp_path / "export", pipeline=PIPELINE.replace("2017-03-01", "01-03-2017"))
    folder = tmp_path / "data"
    shown = demo("--data", str(export), "--folder", str(folder))
    assert shown.returncode == 1
    assert "line 2: close_date cannot be '01-03-2017'" in squeezed(shown.stdout)
    assert "Traceback" not in shown.stdout + shown.stderr
    assert not folder.exists()


def test_ctrl_c_stops_it_in_the_middle() -> None:
    with throwaway_folder() as folder:
        command = [*COMMAND, "--folder", str(folder)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=PLAIN
        ) as process:
            assert process.stdout is not None
            assert any("Xinghai" in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            rest, complaints = process.communicate(timeout=30)
        log = (folder / "postgres" / "postgres.log").read_text()
    assert process.returncode == 130
    assert "Stopped 已停止" in rest
    assert complaints == ""
    assert log.rstrip().endswith("database system is shut down")
