"""The pages in a real browser, on the screen of a telephone, with the gateway as a process of its own.

`STADSBEURS_CHROMIUM` names the browser; without one on the machine these tests are skipped, unless
`STADSBEURS_REQUIRE_BROWSER` says that they must run. `STADSBEURS_SCREENSHOTS` names a folder to keep pictures in.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from burgerbudget.app import make_api
from foundation import clock
from foundation.access import GATEWAY, TokenVerifier
from foundation.database import Database
from stadsbeurs import ports, valkey
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.wallet_stand_in import StandInWallet
from tests.support.builders.burgerbudget import a_participant
from tests.support.databases import TestServer

NB = "\N{NO-BREAK SPACE}"
PHONE = {"width": 375, "height": 812}
NARROW = {"width": 320, "height": 640}
MARIA = "0190aaaa-0000-7000-8000-000000000001"
FATIMA = "0190aaaa-0000-7000-8000-000000000003"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> str | None:
    for candidate in (os.environ.get("STADSBEURS_CHROMIUM"), "/usr/bin/chromium"):
        if candidate and shutil.which(candidate):
            return candidate
    return None


CALLER = {
    "number": "500001",
    "product": "belapp",
    "state": "active",
    "from": "2026-09-14",
    "creditLeft": 721,
    "minutesLeft": 31,
    "nextCreditOn": "2026-11-01",
}

pytestmark = pytest.mark.skipif(
    chromium() is None and not os.environ.get("STADSBEURS_REQUIRE_BROWSER"),
    reason="there is no browser: install chromium or name one in STADSBEURS_CHROMIUM",
)


@pytest.fixture(scope="module")
def burgerbudget(server: TestServer) -> Iterator[Database]:
    """The burgerbudget's own database, in which Maria and Fatima took part from 1 July 2026 on: they were told so."""
    with server.fresh("burgerbudget") as made, pytest.MonkeyPatch.context() as environment:
        date_file = Path(tempfile.mkdtemp(prefix="pages-date-")) / "business-date"
        date_file.write_text("2026-07-01", encoding="ascii")
        environment.setenv(clock.DATE_FILE_SETTING, str(date_file))
        for holder in (MARIA, FATIMA):
            a_participant(made.database, "2026-07-01", holder_id=holder)
        yield made.database
        shutil.rmtree(date_file.parent)


@pytest.fixture(scope="module")
def address(burgerbudget: Database) -> Iterator[str]:
    """A gateway, Valkey, the burgerbudget and a small wallet in which Maria has money and a history."""
    folder = Path(tempfile.mkdtemp(prefix="pages-"))
    broker = valkey.start(folder / "valkey", durable=False)
    house = House(folder, broker.url(0))
    wallet = StandInWallet(house.gateway_key)
    wallet.add(MARIA, "burgerbudget", 48840)
    wallet.add(MARIA, "vrij", 61160, held=10000)
    wallet.move(MARIA, "burgerbudget", 100000, 100000, "Burgerbudget: startbedrag", "2026-04-01")
    for number in range(12):
        text = "Vrijwilligerswerk: uren in 2026-Q2 naar vrij te besteden"
        wallet.move(MARIA, "burgerbudget", -4263, 100000 - 4263 * (number + 1), text, "2026-05-02")
        wallet.move(MARIA, "vrij", 4263, 4263 * (number + 1), text, "2026-05-02")
    wallet.move(MARIA, "vrij", -51156, 0, "Uitbetaling naar uw bankrekening", "2026-07-01")
    wallet.move(MARIA, "burgerbudget", 51160, 100000, "Burgerbudget: aanvulling na 2026-Q2", "2026-07-02")
    wallet.add(MARIA, "belkosten", 721)
    wallet.add(FATIMA, "vrij", 1500)
    wallet.belkosten = {
        "participants": [CALLER],
        "numbers": [{"organisation": "Kredietbank", "number": "+31881234567"}],
    }
    behind = Running(wallet.app)
    public = OKPKey.import_key(house.gateway_key.as_dict(private=False))
    deciding = Running(make_api(burgerbudget, TokenVerifier("burgerbudget", {GATEWAY: public})))
    port = ports.pick()
    settings = {
        "ENVIRONMENT": "local",
        "LOG_LEVEL": "ERROR",
        "SIGNING_KEY_FILE": str(folder / "gateway.jwk"),
        "TRUSTED_KEYS_FILE": str(folder / "trusted.json"),
        "STAND_IN_IDENTITY_KEY_FILE": str(folder / "stand-in.jwk"),
        "REDIS_URL": house.redis_url,
        **{name.upper(): url for name, url in House.everywhere(behind.url).items()},
        "BURGERBUDGET_URL": deciding.url,
        "MUNICIPALITY_NAME": "Gemeente Dordrecht",
    }
    environment = {**os.environ, **{f"STADSBEURS_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "foundation.serve", "gateway.app:api", "--port", str(port)]
    process = subprocess.Popen(command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while not answers(url):
            assert process.poll() is None, "the gateway stopped"
            assert time.monotonic() < until, "the gateway did not become ready"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(15)
        behind.stop()
        deciding.stop()
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def answers(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


def context_of(browser: Browser, address: str, **options: Any) -> BrowserContext:
    made = browser.new_context(base_url=address, locale="nl-NL", **({"viewport": PHONE} | options))
    made.set_default_timeout(15_000)
    return made


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A telephone; what the browser complains about (a blocked style, a missing file) fails the test."""
    context = context_of(browser, address, device_scale_factor=2, is_mobile=True, has_touch=True)
    complaints: list[str] = []
    made = context.new_page()
    made.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    context.close()
    # The browser notes a page with an error status as well; those tests ask for it themselves.
    assert [text for text in complaints if "the server responded with a status of 4" not in text] == []


def sign_in(page: Page, role: str = "Pashouder", holder: str = MARIA) -> None:
    page.goto("/aanmelden")
    page.get_by_label(role, exact=True).check()
    page.get_by_label("Naam").fill("Maria")
    page.get_by_label("Nummer van de pashouder").fill(holder)
    page.get_by_role("button", name="Aanmelden").click()


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("STADSBEURS_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_pass_holder_signs_in_on_a_telephone_looks_back_and_signs_out(page: Page) -> None:
    page.goto("/")
    picture(page, "1-start")
    page.get_by_role("link", name="Aanmelden").click()
    picture(page, "2-sign-in")
    sign_in(page)
    page.wait_for_url("**/mijn")
    picture(page, "3-mijn")
    total = page.locator(".total")
    assert total.inner_text().split() == ["Te", "besteden", "€", "511,60"]
    assert page.get_by_role("heading", name="Burgerbudget", exact=True).is_visible()
    assert f"€{NB}100,00" in page.locator(".held").inner_text()
    first = page.locator(".timeline li").first
    assert f"Burgerbudget: aanvulling na het 2e kwartaal van{NB}2026" in first.inner_text()
    page.get_by_role("link", name="Toon eerdere").click()
    picture(page, "4-earlier")
    assert "startbedrag" in page.locator(".timeline li").last.inner_text()
    page.get_by_role("link", name="Terug naar nu").click()
    page.get_by_role("button", name="Afmelden").click()
    assert page.get_by_text("U bent afgemeld.").is_visible()
    picture(page, "5-signed-out")
    page.go_back()
    page.goto("/mijn")
    assert page.get_by_role("heading", name="U bent niet aangemeld").is_visible()
    picture(page, "6-not-signed-in")


def test_everything_works_without_javascript(browser: Browser, address: str) -> None:
    context = context_of(browser, address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.wait_for_url("**/mijn")
    assert "511,60" in page.locator(".total").inner_text()
    page.get_by_role("link", name="Toon eerdere").click()
    page.get_by_role("button", name="Afmelden").click()
    page.wait_for_url("**/?afgemeld=ja")
    context.close()


def test_a_message_opens_without_javascript_and_with_the_keyboard(browser: Browser, address: str) -> None:
    context = context_of(browser, address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.wait_for_url("**/mijn")
    message = page.locator(".message")
    assert message.get_by_role("heading", name="U doet mee met het burgerbudget nieuw").is_visible()
    assert f"bezwaar maken tot en met 12{NB}augustus{NB}2026" in message.inner_text()
    why = message.get_by_text("Uw burgerbudget begint met € 1.000,00.")
    assert not why.is_visible()
    message.locator("summary").focus()
    page.keyboard.press("Enter")
    assert why.is_visible()
    picture(page, "9-message")
    context.close()


def test_somebody_reads_a_message_and_says_so(browser: Browser, address: str) -> None:
    context = context_of(browser, address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, holder=FATIMA)
    page.get_by_role("link", name="Alle berichten").click()
    page.wait_for_url("**/mijn/berichten")
    message = page.locator(".message")
    said = message.get_by_role("button", name=re.compile("Ik heb dit gelezen"))
    assert message.locator(".new").is_visible() and not said.is_visible()
    message.locator("summary").click()
    picture(page, "10-messages")
    said.click()
    page.wait_for_url("**/mijn/berichten#bericht-*")
    assert message.count() == 1 and message.locator(".new").count() == said.count() == 0
    page.get_by_role("link", name="Terug naar Mijn geld").click()
    page.wait_for_url("**/mijn")
    assert page.locator(".message .new").count() == 0
    context.close()


def test_a_mistake_in_the_form_is_named_and_leads_to_its_field(page: Page) -> None:
    sign_in(page, holder="")
    assert page.title().startswith("Fout: Aanmelden")
    picture(page, "7-mistake")
    page.get_by_role("alert").get_by_role("link").click()
    field = page.get_by_label("Nummer van de pashouder")
    assert field.evaluate("element => element === document.activeElement")
    assert field.get_attribute("aria-invalid") == "true"


@pytest.mark.parametrize("viewport", [NARROW, PHONE, {"width": 1280, "height": 800}], ids=["320", "375", "1280"])
def test_no_page_scrolls_sideways(browser: Browser, address: str, viewport: dict[str, int]) -> None:
    context = context_of(browser, address, viewport=viewport)
    page = context.new_page()
    sign_in(page)
    for path in ("/mijn", "/mijn/berichten", "/", "/aanmelden", "/nergens"):
        page.goto(path)
        if viewport["width"] != 375:
            picture(page, f"{viewport['width']}-{path.strip('/').replace('/', '-') or 'start'}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    context.close()


def test_text_can_grow_to_twice_its_size(browser: Browser, address: str) -> None:
    # Somebody who reads with large letters on a telephone: more than WCAG 1.4.4 asks for.
    context = context_of(browser, address, viewport=PHONE)
    page = context.new_page()
    sign_in(page)
    page.goto("/mijn")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    picture(page, "8-large-letters")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def test_everything_can_be_reached_by_keyboard_and_shows_it(page: Page) -> None:
    sign_in(page)
    page.goto("/mijn")
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached[-1]
    assert reached == [
        "Direct naar de inhoud",
        "Stadsbeurs Gemeente Dordrecht",
        "Afmelden",
        "Deze nummers kunt u bellen",
        "Lees dit bericht: U doet mee met het burgerbudget, 1 juli 2026",
        "Alle berichten",
        "Toon eerdere",
    ]
    for _ in range(6):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "inhoud"


def test_every_page_is_built_up_for_a_screen_reader(page: Page) -> None:
    sign_in(page)
    titles = set()
    for path in ("/", "/mijn", "/mijn/berichten", "/aanmelden", "/nergens"):
        page.goto(path)
        titles.add(page.title())
        assert page.locator("html").get_attribute("lang") == "nl"
        assert page.locator("h1").count() == 1
        assert page.locator("main").count() == page.locator("header").count() == page.locator("footer").count() == 1
        levels = [int(tag[1]) for tag in page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(e => e.tagName)")]
        main = [level for level in levels if level]
        assert main[0] == 1, (path, levels)
        assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(main)), (path, levels)
        assert page.locator("input:not([type=hidden])").count() == page.locator("label").count()
        ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
        assert len(ids) == len(set(ids))
    assert len(titles) == 5


def test_what_can_be_tapped_is_large_enough(page: Page) -> None:
    sign_in(page)
    for path in ("/", "/mijn", "/mijn/berichten", "/aanmelden"):
        page.goto(path)
        for message in page.locator(".message summary").all():
            message.click()
        for target in page.locator("button, a.button, input:not([type=hidden]), summary, .brand").all():
            box = target.bounding_box()
            assert box is not None
            # WCAG 2.2, 2.5.8 asks for 24 by 24.
            assert box["height"] >= 24, path
            assert box["width"] >= 24, path


def test_a_form_on_another_site_cannot_sign_anybody_out(page: Page, browser: Browser, address: str) -> None:
    sign_in(page)
    page.wait_for_url("**/mijn")
    # The same machine under another name is another site to a browser.
    evil = f'<form method="post" action="{address}/afmelden"><button>Win een fiets</button></form>'
    page.route("http://evil.localhost/", lambda route: route.fulfill(body=evil, content_type="text/html"))
    page.goto("http://evil.localhost/")
    page.get_by_role("button").click()
    page.wait_for_load_state()
    assert "Deze pagina is niet voor u" in page.content()
    page.goto(f"{address}/mijn")
    assert "511,60" in page.locator(".total").inner_text()
