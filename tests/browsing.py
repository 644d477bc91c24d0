"""Headless Chromium as the tests of the page use it; needs selenium, chromium and its driver."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

BINARY = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
# The contrast of each line of text with what lies behind it, by WCAG 2: a canvas paints the
# backgrounds of all ancestors one over the other, and says which colour came out.
CONTRAST = r"""
const canvas = document.createElement("canvas"); canvas.width = canvas.height = 1;
const pen = canvas.getContext("2d", {willReadFrequently: true});
const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = (colours) => {
  pen.clearRect(0, 0, 1, 1);
  for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => linear(v / 255));
  return .2126 * r + .7152 * g + .0722 * b;
};
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
  if (!own || !node.checkVisibility() || node.closest("script, .hidden")) continue;
  const behind = [];
  for (let one = node; one; one = one.parentElement)
    behind.unshift(getComputedStyle(one).backgroundColor);
  const ends = [light(behind), light([...behind, getComputedStyle(node).color])];
  const ratio = (Math.max(...ends) + .05) / (Math.min(...ends) + .05);
  found.push([ratio, node.className || node.tagName, node.textContent.trim().slice(0, 40)]);
}
return found;
"""


class Browser:
    """One browser for all tests; `open` starts each of them anew."""

    def __init__(self) -> None:
        options = ChromeOptions()
        options.binary_location = BINARY or ""
        for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium's own refuses to run as root
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=ChromeService(DRIVER))

    def open(self, file: Path) -> None:
        """The file on a desk and by day; the logs are of this visit alone."""
        self.driver.get("about:blank")
        self.errors(), self.requests()
        self.appear(1280, "light")
        self.driver.get(file.as_uri())

    def appear(self, width: int, scheme: str) -> None:
        """A screen of so many points, its reader preferring `light` or `dark`."""
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        (found,) = self.all(selector)
        return found

    def texts(self, selector: str) -> list[str]:
        """Of what a reader sees."""
        return [found.text for found in self.all(selector) if found.is_displayed()]

    def press(self, key: str, element: WebElement | None = None) -> None:
        """A key, such as ``ENTER``, on an element or where the focus is."""
        (element or self.focus()).send_keys(getattr(Keys, key))

    def focus(self) -> WebElement:
        return self.driver.switch_to.active_element

    def script(self, code: str) -> Any:
        return self.driver.execute_script(code)

    def awaited(self, code: str) -> Any:
        """What the code gives to its last argument, a function."""
        return self.driver.execute_async_script(code)

    def choose(self, facet: str, value: str) -> None:
        """Tick a box of a filter, its menu opened and closed as a reader would."""
        summary = self.one(f"[data-menu={facet}] summary")
        summary.click()
        self.one(f"[data-menu={facet}] input[value='{value}']").click()
        summary.click()

    def errors(self) -> list[Any]:
        return self.driver.get_log("browser")

    def requests(self) -> list[str]:
        """Addresses that the page asked for."""
        events = [json.loads(entry["message"])["message"]
                  for entry in self.driver.get_log("performance")]  # fmt: skip
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]
