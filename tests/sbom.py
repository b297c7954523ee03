"""Write the bill of materials, CycloneDX 1.6 as JSON, of what is locked. Run as `python -m tests.sbom FILE`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exporter import __version__
from tests.locks import project
from tests.process import ROOT
from tests.tools import need


def bill() -> str:
    """Let cyclonedx-py read the lock; the same lock gives the same bytes."""
    command = [need("cyclonedx-py"), "requirements", "--pyproject=pyproject.toml", "--output-reproducible"]
    command += ["--index-url=pkg:pypi", "requirements.lock"]  # no host: whichever index has a file with these hashes
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    document = json.loads(made)
    _complete(document)
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _complete(document: dict[str, Any]) -> None:
    """Add what the tool does not find in the two files, and leave out what only repeats them."""
    root = document["metadata"]["component"]
    root |= {"version": __version__, "purl": f"pkg:pypi/{root['name']}@{__version__}"}
    for tool in document["metadata"]["tools"]["components"]:
        del tool["externalReferences"]
    for component in document["components"]:
        del component["description"]
    references = {component["name"]: component["bom-ref"] for component in document["components"]}
    direct = [canonicalize_name(Requirement(text).name) for text in project()["project"]["dependencies"]]
    document["dependencies"] = [
        *(entry for entry in document["dependencies"] if entry["ref"] != root["bom-ref"]),
        {"ref": root["bom-ref"], "dependsOn": sorted(references[name] for name in direct)},
    ]


def main() -> None:
    """Write the file."""
    file = Path(sys.argv[1])
    file.parent.mkdir(exist_ok=True)
    file.write_text(bill())


if __name__ == "__main__":
    main()
