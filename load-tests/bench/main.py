"""From the command line to the page and the exit code."""

import pathlib
import sys

from bench import machine, options
from bench.figures import missed, not_measured
from bench.groups import Bench
from bench.page import failures, page
from bench.programs import ROOT, Programs

RESULTS = ROOT / "load-tests" / "RESULTS.md"


def main(arguments):
    asked = options.parse(arguments)
    programs = Programs.build()
    head = machine.head(programs, ["load-tests/run", *arguments], options.told(asked))
    bench = Bench(programs, asked)
    figures = bench.figures()
    text = page(head, figures, bench.runs)
    print(text)
    output = where(asked)
    if output:
        pathlib.Path(output).write_text(text)
    lines = missed(figures) + failures(bench.runs)
    for line in [*not_measured(figures), *lines]:
        print(line, file=sys.stderr)
    return 1 if lines and asked.strict else 0


def where(asked):
    """The page of record is only written by a run of everything."""
    return asked.output or (RESULTS if asked.everything else None)
