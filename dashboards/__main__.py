"""`python -m dashboards` writes the dashboards and the alert rules, which Grafana reads, beside this code."""

from pathlib import Path

from dashboards import alert_rules, document
from dashboards.boards import business, customer, image, operations

_HERE = Path(__file__).parent


def documents() -> dict[Path, str]:
    """The text of every generated file, by its path."""
    boards = [document.number_panels(module.build()) for module in (operations, business, customer, image)]
    files = {
        _HERE / "generated" / f"{board['uid'].removeprefix('picture-perfect-')}.json": document.to_text(board)
        for board in boards
    }
    files[_HERE / "provisioning" / "alerting" / "rules.json"] = document.to_text(alert_rules.build())
    return files


def main() -> None:
    """Write the files and print their paths."""
    for path, content in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        print(path.relative_to(_HERE.parent))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
