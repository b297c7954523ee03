"""Write the bill of materials, CycloneDX 1.6 as JSON, of what is locked. Run as `python -m tests.sbom FILE`."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exporter import __version__
from tests.process import ROOT
from tests.tools import need


def bill() -> str:
    """Have cyclonedx-py read the lock; the same lock gives the same bytes, which hold to the schema."""
    command = [need("cyclonedx-py"), "requirements", "--pyproject=pyproject.toml", "--output-reproducible"]
    command += ["--no-validate"]  # not before it is complete
    command += ["--index-url=pkg:pypi", "requirements.lock"]  # no host: whichever index has a file with these hashes
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    document = json.loads(made)
    _complete(document)
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    _validate(text)
    return text


def _complete(document: dict[str, Any]) -> None:
    """Add what the tool does not find in the two files, and leave out what only repeats them."""
    root = document["metadata"]["component"]
    root |= {"version": __version__, "purl": f"pkg:pypi/{root['name']}@{__version__}"}
    for tool in document["metadata"]["tools"]["components"]:
        del tool["externalReferences"]
    for component in document["components"]:
        del component["description"]
    references = {component["name"]: component["bom-ref"] for component in document["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = [canonicalize_name(Requirement(text).name) for text in project["dependencies"]]
    document["dependencies"] = [
        *(entry for entry in document["dependencies"] if entry["ref"] != root["bom-ref"]),
        {"ref": root["bom-ref"], "dependsOn": sorted(references[name] for name in direct)},
    ]


def _validate(text: str) -> None:
    """Check the document against CycloneDX's schema. Raises ValueError."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - of the group `tools`, as is the program above
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(str(error))


def main() -> None:
    """Write the file."""
    file = Path(sys.argv[1])
    file.parent.mkdir(exist_ok=True)
    file.write_text(bill())


if __name__ == "__main__":
    main()
