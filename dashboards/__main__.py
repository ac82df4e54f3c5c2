"""`python -m dashboards` writes what Grafana reads, beside the code that says it."""

from pathlib import Path

from dashboards import alerts, business, customer, document, image, operations

_HERE = Path(__file__).parent


def documents() -> dict[Path, str]:
    """Every file that is made, and what stands in it."""
    boards = [document.of(module.build()) for module in (operations, business, customer, image)]
    found = {
        _HERE / "generated" / f"{board['uid'].removeprefix('picture-perfect-')}.json": document.text(board)
        for board in boards
    }
    found[_HERE / "provisioning" / "alerting" / "rules.json"] = document.text(alerts.build())
    return found


def main() -> None:
    """Write all of it."""
    for path, content in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        print(path.relative_to(_HERE.parent))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
