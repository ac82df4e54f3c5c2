"""`python -m tools.docs`: write every section of docs/ that is made from code. `make docs` runs it.

`--check` writes nothing, names the sections that are stale, and exits 1 if there are any. NAME limits both to one
document, such as `metrics` or `idle-costs`.
"""

import argparse
import sys

from tools.docs.sections import SECTIONS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a section is stale")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a document, such as metrics; all by default")
    options = parser.parse_args()
    documents = list(dict.fromkeys(section.path.stem for section in SECTIONS))
    unknown = [name for name in options.names if name not in documents]
    if unknown:
        parser.error(f"there is no document {', '.join(unknown)}; there are {', '.join(documents)}")
    chosen = [section for section in SECTIONS if not options.names or section.path.stem in options.names]
    stale = [section for section in chosen if not section.is_fresh()]
    for section in stale:
        if not options.check:
            section.write()
        print(f"{'stale' if options.check else 'written'}: docs/{section.name}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
