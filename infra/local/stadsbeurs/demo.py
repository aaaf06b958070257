"""`make demo`: the main job on the sample municipality, from an hours file to the bank and back, told step by step.

It runs in a house of its own below the data folder, made anew each time, so it can be run beside `make up` and again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from foundation.money import euros
from stadsbeurs.demo_calling import Calling, stand_in_of
from stadsbeurs.demo_credits import Credits
from stadsbeurs.demo_house import Workplace, house_of_its_own
from stadsbeurs.demo_loans import Loan
from stadsbeurs.demo_payout import Payout
from stadsbeurs.demo_proof import Proof
from stadsbeurs.installation import Installation
from stadsbeurs.people import People
from stadsbeurs.sample import ENROLMENT_DAY, Municipality
from stadsbeurs.story import Story

STEPS = 14


def run(installation: Installation, port: int = 0) -> int:
    """Run the demo and give its exit status: 0 only when every check is ok. The house is stopped whatever happens.

    `port` is the gateway's; 0 takes a free one. Raises `Mistake` when the demo cannot go on.
    """
    began = time.monotonic()
    story = Story(STEPS)
    with Workplace.made_anew(installation) as workplace:
        with (
            house_of_its_own(story, workplace, port, ENROLMENT_DAY) as address,
            People(address, workplace.house.keys) as people,
        ):
            figures = tell(story, people, workplace)
        summarise(story, figures, workplace, time.monotonic() - began)
    return 1 if story.failed else 0


def tell(story: Story, people: People, workplace: Workplace) -> Mapping[str, str]:
    """The story itself; gives the figures for the summary."""
    municipality = Municipality(story, people, workplace.house)

    # The fund is filled by two people; 24 organisations and 400 participants are enrolled.
    municipality.enrol()

    # The hours of each quarter come in with all their faults; the quarter is closed on the day after it.
    for quarter in municipality.sample.quarters:
        municipality.work_through(quarter)

    # Now every figure equals expected.json.
    municipality.compare()

    # Everybody's own money is paid out: drafted by one person, approved by another, sent as a SEPA file.
    payout = Payout(municipality, workplace.folder)
    payout.make_and_send()

    # The bank carries it out but gives one payment back: that money is in its purse again, nothing else is.
    payout.settle_from_bank_statement()

    # The same books hold lessons, pieces and points, and money of other schemes.
    other_schemes = Credits(municipality)
    other_schemes.give_and_spend()

    # A resident borrows without interest; who applies, decides and pays are three.
    loan = Loan(municipality)
    loan.lend()
    loan.repay()

    # People call free of charge whom they need; the provider's bill is held against every call.
    calling = Calling(municipality, stand_in_of(workplace.house))
    calling.call()
    calling.settle_bill()

    # The ledger proves itself, with other code than wrote it.
    proof = Proof(municipality)
    proof.give()

    return {
        **municipality.figures(),
        **payout.figures(),
        **other_schemes.figures(),
        **loan.figures(),
        **calling.figures(),
        **proof.figures(),
    }


def summarise(story: Story, figures: Mapping[str, str], workplace: Workplace, seconds: float) -> None:
    """What happened, in figures; how long each step took; whether all is as it must be."""
    story.say("\nSummary")
    width = max(len(what) for what in figures)
    for what, figure in figures.items():
        story.tell(f"{what:<{width}}  {figure}")
    story.say("\nTime")
    width = max(len(title) for title, _ in story.timings)
    for title, took_s in story.timings:
        story.tell(f"{title:<{width}}  {took_s:>6.1f} s")
    story.tell(f"{'in all':<{width}}  {seconds:>6.1f} s")
    story.say(f"\nThe files of the bank and the logs are in {workplace.folder}")
    if story.failed:
        story.say(f"\n{len(story.failed)} of {len(story.checks)} checks failed:")
        for check in story.failed:
            story.tell(check.what)
            for line in check.differences:
                story.tell(f"  {line}")
    else:
        paid = figures.get("paid out", euros(0))
        story.say(f"\nAll {len(story.checks)} checks are ok: {paid} went to the bank, and every cent is accounted for.")
