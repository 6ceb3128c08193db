"""From the command line to the page and the exit code."""

import pathlib
import sys

from bench import machine
from bench.figures import missed, not_measured
from bench.programs import ROOT, Programs
from queries import judge, options
from queries.groups import Queries
from queries.page import page

RESULTS = ROOT / "load-tests" / "QUERIES.md"


def main(arguments):
    asked = options.parse(arguments)
    programs = Programs.build(baselines=())
    head = machine.head(programs, ["load-tests/run-queries", *arguments], options.told(asked))
    run = Queries(programs, asked)
    figures = run.figures()
    answers = run.watched.answers if run.watched else []
    failures = judge.failures(run.watched) if run.watched else []
    text = page(head, figures, judge.misses(answers, run.panels), judge.by_reason(answers), failures)
    print(text)
    output = where(asked)
    if output:
        pathlib.Path(output).write_text(text)
    lines = missed(figures) + failures
    for line in [*not_measured(figures), *lines]:
        print(line, file=sys.stderr)
    return 1 if lines and asked.strict else 0


def where(asked):
    """The page of record is only written by a run of everything."""
    return asked.output or (RESULTS if asked.everything else None)
