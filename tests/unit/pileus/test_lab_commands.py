"""``pileus replay``, ``pileus test`` and ``pileus tune`` from the command line, without a broker."""

import csv
import json
import re
from pathlib import Path

import msgspec
import pytest

from actuators.lab.sweep import Knobs
from config.catalogue import examine
from config.errors import ConfigError
from config.settings import Settings
from pileus.cli import main
from pileus.lab.asked import Asked, AskedError, trials
from pileus.lab.policies import Bounds, read_policy
from pileus.lab.spread import Bar
from pileus.lab.tuning import written
from streams.recording import SETTINGS, Line, write
from tests.recordings import Recorder, steps
from tests.replay.test_golden import the_spec
from tests.unit.pileus.laboratory_files import POLICY, a_csv, a_policy_file

DEMO = Path(__file__).resolve().parents[3] / "config" / "definitions" / "demo"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every command in a folder with a load and a policy."""
    monkeypatch.chdir(tmp_path)
    a_csv(tmp_path)
    a_policy_file(tmp_path)


def asked(**given: object) -> Asked:
    return Asked(**({"load": "load.csv", "policies": ["policy.yaml"]} | given))  # type: ignore[arg-type]


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_replay_stands_beside_the_last_value_at_equal_cost(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", "load.csv", "--policy", "policy.yaml", "--predictor", "last", "kinematic", "--jobs", "1"]

    assert main(words) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("load.csv web: 8.0 h in steps of 60 s, members take 180 s to serve and carry 11 ")
    assert [line.split()[0] for line in lines[1:]] == ["policy", "web", "web", "same", "SAME:", lines[-1].split()[0]]
    assert lines[-1].split()[0] in {"BETTER:", "EVEN:", "WORSE:"}


def test_json_is_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", "load.csv", "--policy", "policy.yaml", "--price", "0.5", "-o", "json", "--jobs", "1"]

    assert main(words) == 0

    (result,) = json.loads(capsys.readouterr().out)["results"]
    made = result["figures"]
    assert made["cost"] == pytest.approx(made["member_hours"] * 0.5)
    assert result["beside"]["figures"]["member_hours"] == pytest.approx(made["member_hours"], rel=0.03)
    assert (result["boot_s"], result["horizon_s"], result["verdict"] in {"better", "even", "worse"}) == (180, 300, True)


def test_several_loads_are_pooled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loads").mkdir()
    for seed in range(3):
        a_csv(tmp_path / "loads", f"{seed}.csv", seed=seed)

    assert main(["replay", "loads", "--policy", "policy.yaml", "--jobs", "1"]) == 0
    assert "POOLED: web with ensemble over 3 loads at equal cost" in capsys.readouterr().out


def test_a_table_for_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loads").mkdir()
    for seed in range(2):
        a_csv(tmp_path / "loads", f"{seed}.csv", seed=seed)
    kinds = ["--predictor", "last", "kinematic", "--quantile", "0.5", "0.75"]

    assert main(["replay", "loads", "--policy", "policy.yaml", *kinds, "-o", "markdown", "--jobs", "1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    head, _, *loads, pooled = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[:5]]
    assert head == ["load", "web P50, last", "web P50, kinematic", "web P75, last", "web P75, kinematic"]
    assert [row[0] for row in loads] == ["0.csv web", "1.csv web"]
    assert all(re.fullmatch(r"[\d.]+", row[1]) for row in loads)
    assert all(re.fullmatch(r"[\d.]+ / [\d.]+ \(-?\d+ %\)( \*)?", cell) for row in loads for cell in row[2:])
    assert pooled[:2] == ["**pooled**", "-"]
    assert all(re.fullmatch(r"\*\*[\d.]+\*\* \[[\d.]+, [\d.]+\]", cell) for cell in pooled[2:])


def test_every_tick_can_be_had(tmp_path: Path) -> None:
    assert main(["replay", "load.csv", "--policy", "policy.yaml", "--ticks", "ticks.csv", "--jobs", "1"]) == 0

    with (tmp_path / "ticks.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 480
    assert rows[0]["time"] == "2023-11-14T22:14:20Z"
    assert all(row["code"] and row["said"] and int(row["wanted"]) >= 1 for row in rows)


def test_the_page_holds_everything_it_needs(tmp_path: Path) -> None:
    assert main(["replay", "load.csv", "--policy", "policy.yaml", "--html", "page.html", "--jobs", "1"]) == 0

    page = (tmp_path / "page.html").read_text()
    ours = page.replace(page[page.index('<script type="application/json"') :], "")
    assert "plotly.js v" in page
    assert "http" not in ours
    assert "<script src" not in page
    assert "<link" not in page


def test_several_processes_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["replay", "load.csv", "--policy", "policy.yaml", "--column", "all", "--predictor", "last"]
    main([*words, "--jobs", "1"])
    alone = capsys.readouterr().out
    main([*words, "--jobs", "2"])

    assert capsys.readouterr().out == alone


def test_a_recording_of_the_topics_is_a_load_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Recorder(the_spec()).run(steps, seconds=120)
    settings = Settings(sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0)
    head = Line(topic=SETTINGS, partition=0, offset=0, at=0.0, value=msgspec.json.encode(settings).decode())
    (tmp_path / "topics.jsonl").write_bytes(b"".join(write(line) for line in [head, *lines]))

    assert main(["replay", "topics.jsonl", "--policy", "policy.yaml", "--boot", "4", "--jobs", "1"]) == 0
    assert "topics.jsonl shop-web" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["load.csv"], "without --policy one recording", id="a load without a policy"),
        pytest.param(["none.csv", "--policy", "policy.yaml"], "no file 'none.csv'", id="no load"),
        pytest.param(["load.csv", "--policy", "none.yaml"], "none.yaml", id="no policy"),
        pytest.param(
            ["load.csv", "--policy", "policy.yaml", "--predictor", "kinematik"], "did you mean 'kinematic'", id="a typo"
        ),
        pytest.param(["load.csv", "--policy", "policy.yaml", "--signal", "cpu"], "must be one of", id="no signal"),
        pytest.param(["load.csv", "--policy", "policy.yaml", "--quantile", "0.95"], "must lie in 0.5..0.9", id="surer"),
        pytest.param(
            ["load.csv", "--policy", "policy.yaml", "--skip", "1d"], "less than the load's 8 h", id="all skipped"
        ),
        pytest.param(["load.csv", "--policy", "policy.yaml", "--step", "45s"], "must be a multiple", id="no such step"),
        pytest.param(
            ["load.csv", "--policy", "policy.yaml", "--from", "2030-01-01T00:00:00Z"],
            "has nothing between",
            id="no part",
        ),
    ],
)
def test_what_cannot_be_used_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *words, "--jobs", "1"]) == 2
    assert said in capsys.readouterr().err


# --- what is asked for -----------------------------------------------------------------------------------------------


def test_every_load_meets_every_policy_with_every_predictor(tmp_path: Path) -> None:
    a_policy_file(tmp_path, POLICY.replace("10", "20"), name="other.yaml")
    found = trials(
        asked(columns=["all"], policies=["policy.yaml", "other.yaml"], predictors=["last", "kinematic"]), tmp_path
    )

    assert len(found) == 8
    assert {trial.label for trial in found} == {"web (policy.yaml)", "web (other.yaml)"}
    assert [trial.capacity["requests_in_flight"] for trial in found] == pytest.approx([11.0] * 8)


def test_every_quantile_is_a_policy_of_its_own(tmp_path: Path) -> None:
    found = trials(asked(quantiles=[0.5, 0.9], predictors=["last", "kinematic"]), tmp_path)

    assert [(trial.label, trial.spec.policy.quantile, trial.predictor) for trial in found] == [
        ("web P50", 0.5, "last"),
        ("web P50", 0.5, "kinematic"),
        ("web P90", 0.9, "last"),
        ("web P90", 0.9, "kinematic"),
    ]


def test_the_mean_can_be_scaled_to_members(tmp_path: Path) -> None:
    (trial,) = trials(asked(mean_members=20.0), tmp_path)

    assert trial.load.signals["requests_in_flight"].mean() == pytest.approx(200.0)


def test_an_application_says_what_its_members_are() -> None:
    declared = read_policy(DEMO, Bounds(price=0.2))

    assert (declared.spec.cluster, declared.alone, declared.spec.most_members) == ("shop-web", False, 8)
    assert {each.price_per_hour for each in declared.spec.partitions} == {0.2}


def test_a_policy_alone_gets_an_application(tmp_path: Path) -> None:
    declared = read_policy(tmp_path / "policy.yaml", Bounds(least=2, most=9))

    assert (declared.label, declared.alone) == ("web", True)
    assert (declared.spec.least_members, declared.spec.most_members) == (2, 9)


def test_which_of_several_must_be_said(tmp_path: Path) -> None:
    a_policy_file(tmp_path, f"{POLICY}---\n{POLICY.replace('id: web', 'id: api')}", name="two.yaml")

    with pytest.raises(ConfigError, match="it declares web, api"):
        read_policy(tmp_path / "two.yaml", Bounds())
    assert read_policy(tmp_path / "two.yaml", Bounds(policy="api")).label == "api"


def test_lead_times_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "boots.csv").write_text("timestamp,seconds\n1,60\n2,90\n3,300\n")
    (trial,) = trials(asked(boot_s="boots.csv"), tmp_path)

    assert trial.world.boot_s == (60.0, 90.0, 300.0)
    with pytest.raises(AskedError, match="lead times of at least 0 s"):
        trials(asked(boot_s=[-1.0]), tmp_path)


# --- test ------------------------------------------------------------------------------------------------------------


def a_suite(folder: Path, text: str) -> str:
    (folder / "suite.yaml").write_text(f"tests:\n  - name: a day\n    load: load.csv\n    policy: policy.yaml\n{text}")
    return "suite.yaml"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("    budgets: {theta_u: 50, starts: {min: 1}}\n", 0, "pass  a day", id="within its budgets"),
        pytest.param("    budgets: {theta_u: 0.001}\n", 1, "must be at most 0.001", id="beyond one"),
        pytest.param("    budgets: {cost: 100}\n", 1, "cost is unknown", id="a cost without a price"),
        pytest.param("    budgets: {cost: 1000}\n    price: 1\n", 0, "1 passed, 0 failed", id="a cost with one"),
        pytest.param('    expect: [{at: "+1m", wanted: 5}]\n', 0, "1 passed", id="the decision that comes out"),
        pytest.param('    expect: [{at: "+4h", wanted: 1}]\n', 1, "must be 1 (decided at", id="another decision"),
        pytest.param(
            '    expect: [{at: "2023-11-15T02:00:00Z", wanted: {min: 2, max: 40}}]\n', 0, "1 passed", id="a range"
        ),
        pytest.param("    beats_headroom: true\n    predictor: last\n", 0, "1 passed", id="no worse than headroom"),
    ],
)
def test_policies_are_held_against_budgets(
    text: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", a_suite(tmp_path, text), "--jobs", "1"]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "it would test nothing", id="nothing to hold"),
        pytest.param("    budgets: {thetau: 1}\n", "no figure 'thetau' did you mean 'theta_u'?", id="no such figure"),
        pytest.param("    budget: {theta_u: 1}\n", "no key 'budget', did you mean 'budgets'?", id="no such key"),
        pytest.param("    budgets: {theta_u: many}\n", "Expected", id="no number"),
        pytest.param("    recording: x.csv\n", "must be a .jsonl", id="no recording"),
        pytest.param(
            "    budgets: {theta_u: 1}\n    predictor: oracle\n", "predictor 'oracle'", id="no such predictor"
        ),
    ],
)
def test_a_suite_that_cannot_be_used_is_said(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", a_suite(tmp_path, text), "--jobs", "1"]) == 2
    assert said in capsys.readouterr().err


def test_verdicts_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", a_suite(tmp_path, "    budgets: {theta_u: 0.001}\n"), "-o", "json", "--jobs", "1"]) == 1

    (verdict,) = json.loads(capsys.readouterr().out)
    assert (verdict["name"], len(verdict["failed"]), verdict["results"][0]["policy"]) == ("a day", 1, "web")


# --- tune ------------------------------------------------------------------------------------------------------------


def test_tuning_writes_a_policy_that_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tune", "load.csv", "--policy", "policy.yaml", "--predictor", "last", "--write", "tuned.yaml"]
    sweep = ["--sweep", "headroom=-0.5,0", "down=60,300", "--goal", "cost", "--capacity", "50", "--jobs", "1"]

    assert main([*words, *sweep]) == 0

    said = capsys.readouterr().out
    assert "5 combinations on the first 4.8 h" in said
    assert "web (tuned)" in said
    assert read_policy(tmp_path / "tuned.yaml", Bounds()).spec.policy.policy == "web"


def test_where_nothing_is_better_the_policy_stays(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tune", "load.csv", "--policy", "policy.yaml", "--predictor", "last", "--sweep", "headroom=0.3"]

    assert main([*words, "--goal", "cost", "--jobs", "1"]) == 0
    assert "nothing that was tried is better" in capsys.readouterr().out


def test_what_is_written_is_what_was_chosen(tmp_path: Path) -> None:
    declared = read_policy(tmp_path / "policy.yaml", Bounds())
    knobs = Knobs(headroom=0.25, down=120.0, up=30.0, tolerance=0.2, quantile=0.75, forecast="Disabled")
    (tmp_path / "tuned.yaml").write_text(written(declared.definition, knobs))
    policy = read_policy(tmp_path / "tuned.yaml", Bounds()).spec.policy

    assert policy.thresholds == {"requests_in_flight": 8.0}
    assert (policy.down.stabilization_s, policy.up.stabilization_s) == (120.0, 30.0)
    assert (policy.tolerance, policy.quantile, policy.forecast) == (0.2, 0.75, "Disabled")
    assert examine([tmp_path / "tuned.yaml"])[1] == []


@pytest.mark.parametrize("sweep", ["headroom", "speed=1", "down=-5", "forecast=Perhaps", "tolerance=x"])
def test_a_sweep_that_is_none_is_refused(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tune", "load.csv", "--policy", "policy.yaml", "--sweep", sweep])

    assert ended.value.code == 2
    assert sweep in capsys.readouterr().err


def test_a_load_too_short_to_part_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_csv(tmp_path, "short.csv", periods=150)

    assert main(["tune", "short.csv", "--policy", "policy.yaml", "--jobs", "1"]) == 2
    assert "make no two parts of at least 100" in capsys.readouterr().err


class Terminal:
    """What a terminal shows."""

    def __init__(self) -> None:
        self.shown = ""

    def write(self, text: str) -> int:
        self.shown += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return True


def test_long_work_shows_a_bar_on_a_terminal() -> None:
    terminal = Terminal()
    bar = Bar("tuning", 2, terminal)  # type: ignore[arg-type]
    bar.step()
    bar.step()

    assert terminal.shown.split("\r")[1:] == [
        f"tuning [{'.' * 30}] 0/2",
        f"tuning [{'#' * 15}{'.' * 15}] 1/2",
        f"tuning [{'#' * 30}] 2/2\n",
    ]
