"""From what is shown of a month, nobody can work out a figure over fewer than ten people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from belkosten.rules.usage import Calls, Part, Place, Usage, most_called, shown
from foundation.money import Cents

FEWEST = 10

# A person: where they live, and whom they called how long; many of them are alike, so that figures reach ten.
CALLED = st.lists(
    st.tuples(st.sampled_from(["zorg", "energie", "incasso"]), st.sampled_from(["A", "B", "C"]), st.integers(1, 9)),
    max_size=3,
)
PEOPLE = st.lists(
    st.tuples(st.sampled_from([None, "Krispijn", "Centrum", "Wielwijk"]), CALLED, st.integers(1, 14)), max_size=7
)
People = list[tuple[str | None, list[tuple[str, str, int]], int]]
Whom = set[int]


class Month:
    """The same month as people and as the figures that the database counts."""

    def __init__(self, kinds: People) -> None:
        self.living: dict[str | None, Whom] = defaultdict(set)
        self.calling: dict[str | None, Whom] = defaultdict(set)
        self.callers: dict[tuple[str, ...], Whom] = defaultdict(set)
        self.costs: dict[tuple[str, ...], int] = defaultdict(int)
        self.local_costs: dict[str | None, int] = defaultdict(int)
        person = 0
        for home, called, alike in kinds:
            for _ in range(alike):
                person += 1
                self.living[home].add(person)
                for category, organisation, cost in called:
                    for name in ((), (category,), (category, organisation)):
                        self.callers[name].add(person)
                        self.costs[name] += cost
                    self.calling[home].add(person)
                    self.local_costs[home] += cost
        self.usage = Usage(
            person,
            self._calls(()),
            tuple(Part(name, self._calls(name)) for name in sorted(self.callers) if len(name) == 1),
            tuple(Part(name, self._calls(name)) for name in sorted(self.callers) if len(name) == 2),
            tuple(Place(name, len(self.living[name]), self._local(name)) for name in sorted(self.living, key=str)),
            (),
        )

    def _calls(self, name: tuple[str, ...]) -> Calls:
        return Calls(len(self.callers[name]), self.costs[name], self.costs[name], Cents(self.costs[name]))

    def _local(self, name: str | None) -> Calls:
        cost = self.local_costs[name]
        return Calls(len(self.calling[name]), cost, cost, Cents(cost))


def together(groups: Iterable[Whom]) -> Whom:
    return set().union(*groups)


def assert_enough(people: Whom, what: str) -> None:
    assert not people or len(people) >= FEWEST, f"{what} tells about {len(people)} people"


@settings(max_examples=300)
@given(PEOPLE)
def test_no_figure_and_no_difference_of_figures_is_over_fewer_than_ten_people(kinds: People) -> None:
    month = Month(kinds)
    seen = shown(month.usage, FEWEST)

    # What is shown itself.
    assert seen.participants is None or seen.participants >= FEWEST
    for part in (*seen.categories, *seen.organisations):
        assert part.calls is None or part.calls.people >= FEWEST
    for place in seen.places:
        assert place.participants is None or place.participants >= FEWEST
        assert place.calls is None or place.calls.people >= FEWEST

    # A whole less its shown parts: the hidden parts together. A hidden whole has no shown part.
    shown_categories = {part.name for part in seen.categories if part.calls is not None}
    listed = {part.name for part in most_called(seen, 2)}
    if seen.total is None:
        assert not shown_categories and not listed
        assert all(place.calls is None for place in seen.places)
    else:
        hidden = [month.callers[part.name] for part in month.usage.categories if part.name not in shown_categories]
        assert_enough(together(hidden), "the total less the categories")
        homes = [month.calling[place.neighbourhood] for place in seen.places if place.calls is None]
        assert_enough(together(homes), "the total less the neighbourhoods")
    for category in month.usage.categories:
        inside = [part.name for part in month.usage.organisations if part.name[:1] == category.name]
        left = [month.callers[name] for name in inside if name not in listed]
        if category.name in shown_categories:
            assert_enough(together(left), "a category less its organisations")
        else:
            assert not listed & set(inside)
    living = [month.living[place.neighbourhood] for place in seen.places if place.participants is None]
    if seen.participants is None:
        assert len(living) == len(seen.places)
    else:
        assert_enough(together(living), "the participants less the neighbourhoods")


@settings(max_examples=100)
@given(PEOPLE)
def test_what_is_shown_is_what_was_counted(kinds: People) -> None:
    month = Month(kinds)
    seen = shown(month.usage, FEWEST)
    for before, after in zip(month.usage.categories, seen.categories, strict=True):
        assert after.name == before.name and after.calls in (None, before.calls)
    for was, now in zip(month.usage.places, seen.places, strict=True):
        assert now.participants in (None, was.participants) and now.calls in (None, was.calls)
    assert set(seen.organisations) <= set(month.usage.organisations)


@settings(max_examples=50)
@given(PEOPLE)
def test_with_enough_people_everywhere_nothing_is_hidden(kinds: People) -> None:
    month = Month([(home, called, alike + FEWEST) for home, called, alike in kinds if called])
    if kinds and month.usage.total is not None and month.usage.total.people:
        assert shown(month.usage, FEWEST) == month.usage
