"""Puts the pages of the site together, and checks what MkDocs does not.

    python stage.py REPOSITORY FOLDER

The pages keep their places in the repository, so that their links are the same in both. Exits with 1
if a page of the repository links to a file that is not there, if a page of docs/ is missing in the
contents, or if a use case shows other commands than its script runs.
"""

import pathlib
import re
import shutil
import subprocess
import sys

repository, folder = map(pathlib.Path, sys.argv[1:])
wrong = []
listed = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=repository, capture_output=True, text=True, check=True,
)  # fmt: skip
files = [pathlib.PurePosixPath(f) for f in listed.stdout.splitlines() if (repository / f).is_file()]
pages = [f for f in files if f.suffix == ".md"]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", "", text)


for page in pages:
    for link in LINK.findall(without_code((repository / page).read_text())):
        target = (link[0] or link[1]).split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        if not (repository / page.parent / target).exists():
            wrong.append(f"{page}: there is no {target}")

# The contents are those of the first page: whoever adds a page says there what it is for.
contents = (repository / "docs/index.md").read_text()
reached = set(re.findall(r"\]\(([^)#]+\.md)", contents))
reached |= {"index.md"}
for page in pages:
    if page.parts[0] == "docs" and str(page.relative_to("docs")) not in reached:
        wrong.append(f"docs/index.md does not link to {page.relative_to('docs')}")

for page in (p for p in pages if p.parent.as_posix() == "docs/use-cases"):
    script = (repository / page).with_suffix(".sh").read_text()
    sections = re.findall(r"^# \[(\w+)\] .*?\n(.*?)^# \[\1\]$", script, flags=re.S | re.M)
    run = [code.replace('"$halocline"', "halocline").replace('"$sst"', "sst.nc").strip() for _, code in sections]
    shown = re.findall(r"^```sh\n(.*?)^```", (repository / page).read_text(), flags=re.S | re.M)
    if [s.strip() for s in shown] != run:
        wrong.append(f"{page} shows other commands than its script runs:\n" + "\n".join(run))

if wrong:
    sys.exit("\n".join(wrong))

kept = {".md", ".png", ".sh", ".py", ".toml", ".pbs", ".sbatch", ".rs", ".c", ".f90"}
for file in files:
    if file.suffix in kept and file.parts[0] in {"docs", "jobscripts", "examples", "bindings"} or len(file.parts) == 1:
        if file.name in {"README.md"} and len(file.parts) == 1 or file.as_posix() == "docs/index.md":
            continue
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / file, folder / file)
home = re.sub(r"\]\((?![a-z]+:)([^)]+)\)", r"](docs/\1)", contents)
(folder / "index.md").write_text(home)
