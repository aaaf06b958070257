"""Every way in which an export says no."""

from __future__ import annotations

from datetime import date

from foundation.refusals import BadRequest, NotFound, TooMany

RETRY_AFTER_S = 30


class ExportNotFound(NotFound):
    code = "exportNotFound"

    def __init__(self, names: str) -> None:
        super().__init__(f"Deze soort export is er niet; kies uit {names}.")


class PeriodReversed(BadRequest):
    code = "periodReversed"

    def __init__(self, first: date, last: date) -> None:
        super().__init__(f"De eerste dag ({first}) komt na de laatste ({last}).", pointer="from")


class PeriodTooLong(BadRequest):
    code = "periodTooLong"

    def __init__(self, months: int) -> None:
        super().__init__(
            f"Een auditfile gaat over ten hoogste {months} maanden; kies een kortere periode.", pointer="from"
        )


class UnknownAsset(BadRequest):
    code = "unknownAsset"

    def __init__(self, asset: str) -> None:
        super().__init__(f"De eenheid {asset} bestaat niet.", pointer="asset")


class OnlyEuros(BadRequest):
    code = "onlyEuros"

    def __init__(self) -> None:
        super().__init__("Een auditfile telt alleen euro's; laat `asset` weg of kies EUR.", pointer="asset")


class TooManyExports(TooMany):
    code = "tooManyExports"

    def __init__(self) -> None:
        super().__init__(
            "Er lopen al exports. Probeer het opnieuw als er een klaar is.", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
