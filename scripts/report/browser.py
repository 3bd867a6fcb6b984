"""Looks at a page in a headless Chromium: at the width of a phone, of a desk, and in print.

    python3 browser.py CHROMIUM PAGE.html FOLDER

Faults are: anything asked of the network or of another file, a message of an error, a figure that
is not decoded, too small or beyond the edge, text that has to be scrolled sideways, an empty print.
Screenshots and the PDF go into FOLDER. Only Python's own library is used: Chromium is spoken to
through a pipe (its DevTools protocol).
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LOOK = """(() => {
  const wide = document.documentElement.clientWidth;
  const figures = [...document.images].map(image => {
    // A picture that is wider than a phone lies in a box of its own that scrolls.
    const frame = image.parentElement;
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(frame).overflowX);
    const box = image.getBoundingClientRect(), edges = (scrolls ? frame : image).getBoundingClientRect();
    const style = getComputedStyle(image);
    return {complete: image.complete, natural: image.naturalWidth, width: box.width, height: box.height,
      left: edges.left, right: edges.right, shown: style.visibility !== 'hidden' && style.opacity !== '0'};
  });
  return JSON.stringify({wide, scroll: document.documentElement.scrollWidth, figures,
    text: document.body.innerText.length, heading: (document.querySelector('h1') || {}).innerText || ''});
})()"""


class Browser:
    def __init__(self, program, folder):
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        words += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        words += [f"--user-data-dir={folder}", "about:blank"]

        def place():
            # Chromium reads from 3 and writes to 4; first out of each other's way.
            read, write = os.dup2(to_read, 23), os.dup2(to_write, 24)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(words, preexec_fn=place, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.session, self.events = b"", 0, None, []

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read_end, 1 << 16)
            if not more:
                raise SystemExit("FAILED: chromium has ended")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, **parameters):
        self.number += 1
        call = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            call["sessionId"] = self.session
        os.write(self.write_end, json.dumps(call).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"FAILED: {method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def until(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())


def faults_of(events, page):
    for event in events:
        method, about = event.get("method", ""), event.get("params", {})
        if method == "Network.requestWillBeSent":
            url = about["request"]["url"]
            if url != page and not url.startswith("data:"):
                yield f"asks for {url[:120]}"
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            yield f"says: {about['entry']['text'][:200]}"
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            yield f"console: {json.dumps(about)[:200]}"


def looked_at(found):
    if found["scroll"] > found["wide"]:
        yield f"is {found['scroll']} wide on {found['wide']}"
    if found["text"] < 500 or not found["heading"]:
        yield "has no text"
    if not found["figures"]:
        yield "has no figures"
    for k, figure in enumerate(found["figures"], 1):
        if not figure["complete"] or figure["natural"] == 0 or not figure["shown"]:
            yield f"figure {k} is not shown"
        elif figure["width"] < 200 or figure["height"] < 40:
            yield f"figure {k} is {figure['width']:.0f} x {figure['height']:.0f}"
        elif figure["left"] < 0 or figure["right"] > found["wide"] + 1:
            yield f"figure {k} goes beyond the edge"


def main(program, path, folder):
    page, folder = pathlib.Path(path).resolve().as_uri(), pathlib.Path(folder)
    faults = []
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            browser.ask(domain + ".enable")
        for name, width, height, mobile in [("phone", 390, 844, True), ("desk", 1280, 900, False)]:
            browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
            browser.events.clear()
            browser.ask("Page.navigate", url=page)
            browser.until("Page.loadEventFired")
            found = json.loads(browser.ask("Runtime.evaluate", expression=LOOK)["result"]["value"])
            faults += [f"{name}: {fault}" for fault in [*faults_of(browser.events, page), *looked_at(found)]]
            shot = browser.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            (folder / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
            print(f"{name}: {found['wide']} wide, {len(found['figures'])} figures: {found['heading']}")
        pdf = base64.b64decode(browser.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
        (folder / "print.pdf").write_bytes(pdf)
        pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        pictures = len(re.findall(rb"/Subtype\s*/Image\b", pdf))
        print(f"print: {pages} pages, {pictures} images")
        if not pdf.startswith(b"%PDF") or pages == 0 or pictures < len(found["figures"]):
            faults.append("print: pages or figures are missing")
        browser.session = None
        browser.ask("Browser.close")
        browser.process.wait(timeout=20)
    for fault in faults:
        print(f"FAILED: {fault}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
