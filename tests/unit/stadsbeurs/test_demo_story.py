"""What the demo says of what it finds, and how it reads the sample."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from foundation.periods import Quarter
from stadsbeurs import business_date
from stadsbeurs.demo import summarise
from stadsbeurs.demo_house import Workplace
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake
from stadsbeurs.sample import _date_kept
from stadsbeurs.sample_data import Sample
from stadsbeurs.story import Story, differences, wait_until


def test_what_is_the_same_has_no_differences() -> None:
    assert differences({"lines": 222}, {"lines": 222}) == []
    assert differences("settled", "settled") == []


def test_a_difference_says_what_was_expected_and_what_was_found() -> None:
    assert differences("settled", "sent") == ["expected settled, found sent"]
    assert differences({"lines": 222, "sum": 5}, {"lines": 221, "sum": 5}) == ["lines: expected 222, found 221"]


def test_what_is_missing_or_too_much_is_a_difference_too() -> None:
    assert differences({"1700001": 0}, {"1700002": 7}) == [
        "1700001: expected 0, found nothing",
        "1700002: expected nothing, found 7",
    ]


def test_of_many_differences_five_are_named_and_the_rest_counted() -> None:
    lines = differences(dict.fromkeys(range(8), 0), dict.fromkeys(range(8), 1))
    assert len(lines) == 6
    assert lines[-1] == "and 3 more"


def test_a_failing_check_is_told_remembered_and_ends_the_loading_of_a_sample(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = Story(1)
    assert story.check("the batch is settled", "settled", "settled")
    assert not story.check("lines", {"lines": 222}, {"lines": 221})
    told = capsys.readouterr().out
    assert "ok     the batch is settled" in told
    assert "FAILED lines" in told
    assert "lines: expected 222, found 221" in told
    with pytest.raises(Mistake, match="1 of 2 checks failed, the first: lines"):
        story.require_all_ok()


def test_work_done_a_few_at_a_time_is_answered_in_the_order_of_the_items() -> None:
    first_may_go_on = threading.Event()

    def act(number: int) -> int:
        if number == 0:
            assert first_may_go_on.wait(5)
        elif number == 4:
            first_may_go_on.set()
        return number * number

    assert Story(1).for_each("squares", range(20), act) == [n * n for n in range(20)]


def test_one_failure_ends_the_work_and_is_raised() -> None:
    def act(number: int) -> int:
        if number == 3:
            raise Mistake("No fourth.")
        return number

    with pytest.raises(Mistake, match="No fourth"):
        Story(1).for_each("numbers", range(1000), act)


def test_steps_are_numbered_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(2)
    with story.step("The house starts"):
        pass
    with story.step("The house stops"):
        pass
    assert [title for title, _ in story.timings] == ["The house starts", "The house stops"]
    assert capsys.readouterr().out == "1/2 The house starts\n2/2 The house stops\n"


def test_waiting_too_long_is_one_sentence() -> None:
    with pytest.raises(Mistake, match="more than 0 seconds until the quarter was closed"):
        wait_until("the quarter was closed", lambda: False, within_s=0.01, every_s=0.001)


def test_the_sample_has_what_its_readme_says() -> None:
    sample = Sample()
    assert sample.quarters == [Quarter(2026, 2), Quarter(2026, 3)]
    assert [len(sample.files(quarter)) for quarter in sample.quarters] == [24, 24]
    assert len(sample.participants) == 400
    assert {one.number for one in sample.participants} == set(sample.expected["participants"])
    assert [one.code for one in sample.organisations] == [file.organisation for file in sample.files(Quarter(2026, 2))]
    assert [one.code for one in sample.organisations if one.pays_allowance] == ["org-06"]
    assert [(one.code, one.recognised_until) for one in sample.organisations if one.recognised_until] == [
        ("org-04", "2026-08-10")
    ]


def test_the_expected_figures_agree_with_each_other() -> None:
    # A start amount each, and what the two closes topped up: 40,000,000 + 9,055,779 + 16,846,799.
    expected = Sample().expected
    assert expected["totals"]["creditedToBudgets"] == 65_902_578
    assert expected["totals"]["budget"] + expected["totals"]["vrij"] == 65_902_578
    assert sum(one["vrij"] for one in expected["participants"].values()) == expected["totals"]["vrij"]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path)
    made.make()
    return made


def break_off_a_sample(installation: Installation) -> None:
    with suppress(Mistake), _date_kept(installation):
        business_date.write(installation.business_date_file, date(2026, 7, 1))
        raise Mistake("The wallet went away.")


def test_a_date_that_was_set_is_in_force_again_after_the_sample(installation: Installation) -> None:
    business_date.write(installation.business_date_file, date(2026, 11, 2))
    with _date_kept(installation):
        business_date.write(installation.business_date_file, date(2026, 10, 1))
    assert business_date.read(installation.business_date_file) == date(2026, 11, 2)


def test_without_a_date_set_the_sample_leaves_its_last_day(installation: Installation) -> None:
    with _date_kept(installation):
        business_date.write(installation.business_date_file, date(2026, 10, 1))
    assert business_date.read(installation.business_date_file) == date(2026, 10, 1)


def test_the_date_survives_a_sample_that_was_broken_off(installation: Installation) -> None:
    business_date.write(installation.business_date_file, date(2026, 11, 2))
    break_off_a_sample(installation)
    with _date_kept(installation):
        business_date.write(installation.business_date_file, date(2026, 10, 1))
    assert business_date.read(installation.business_date_file) == date(2026, 11, 2)


def test_a_date_set_after_the_sample_was_broken_off_wins(installation: Installation) -> None:
    break_off_a_sample(installation)
    business_date.write(installation.business_date_file, date(2026, 12, 1))
    with _date_kept(installation):
        business_date.write(installation.business_date_file, date(2026, 10, 1))
    assert business_date.read(installation.business_date_file) == date(2026, 12, 1)


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with (
        Workplace.made_anew(installation),
        pytest.raises(Mistake, match="A demo already runs in"),
        Workplace.made_anew(installation),
    ):
        pass
    with Workplace.made_anew(installation):
        pass


def test_each_demo_begins_with_an_empty_folder_and_leaves_the_rest_of_the_installation(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.make()
    (installation.root / "sample-loaded").touch()
    with Workplace.made_anew(installation) as workplace:
        (workplace.folder / "pain.001.xml").touch()
    with Workplace.made_anew(installation) as workplace:
        assert list(workplace.folder.iterdir()) == []
    assert installation.sample_marker.exists()


def test_a_summary_names_every_failed_check_with_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(1)
    with story.step("The house starts"):
        story.check("the batch is settled", "settled", "sent")
    capsys.readouterr()
    summarise(story, {"paid out": "€ 312.347,19"}, Workplace(tmp_path), 41.0)
    told = capsys.readouterr().out
    assert "paid out  € 312.347,19" in told
    assert "1 of 1 checks failed:\n    the batch is settled\n      expected settled, found sent\n" in told
    assert "checks are ok" not in told
