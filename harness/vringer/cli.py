# SPDX-License-Identifier: Apache-2.0
"""The `vringer` command: what it takes, and what its words are turned into."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, Sequence

from vringer import candidates, clauses, explain, listing, matrix, places, qmp, scenarios
from vringer.errors import HarnessError, Trouble, UsageError
from vringer.plan import Plan, Subject
from vringer.player import WATCHDOG_SECONDS
from vringer.summary import Exit

ABOUT = """\
Puts a vhost-user implementation through the wringer: plays scenarios against it, each a
message sequence chart, and judges it clause by clause of the vhost-user specification."""

EXAMPLES = """\
examples:
  vringer run                                        the real back-ends that vringer knows
  vringer run --backend qemu-storage-daemon ring     one candidate, the area `ring`
  vringer run --backend './mydev --socket-path {socket}' --device blk
                                                     your own back-end
  vringer run --frontend qemu                        a front-end instead: who drives the device
  vringer run --backend virtiofsd --spec 8.2         by an older edition of the spec
  vringer run --lf                                   again what was not as expected
  vringer list clauses                               what is checked, and what is not and why
  vringer explain ring/kick-processes-available      what a scenario does, and its clauses

exit codes:
  0 all as expected, 1 something was not, 2 wrong usage, 3 nothing ran, 4 the harness failed"""

RUN_ABOUT = """\
Plays every scenario that applies against a fresh process of the subject, in a directory of its
own, and compares the verdicts with what is expected of it. Underneath is pytest: its options
-k, -n, -x, --lf, --junitxml, -v are taken as they are, and any other after `--`."""

RUN_EXAMPLES = """\
examples:
  vringer run --backend qemu-storage-daemon
  vringer run --backend './mydev --socket-path {socket}' --device blk --json verdicts.json
  vringer run --backend virtiofsd 'mem/*' path/to/own.vus
  vringer run --backend dpdk-testpmd --jobs 1 -x -- --durations 5"""

PYTEST_FLAGS = (("-x", "--exitfirst"), ("--lf", "--last-failed"), ("--ff", "--failed-first"),
                ("--sw", "--stepwise"), ("--co", "--collect-only"))
PYTEST_VALUES = (("-k",), ("-n", "--numprocesses"), ("--junitxml", "--junit-xml"), ("--maxfail",),
                 ("-p",), ("--dist",))


class _Parser(argparse.ArgumentParser):
    """An argparse whose mistakes are usage errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see: {self.prog} --help")


def _add_run(commands: argparse._SubParsersAction[_Parser]) -> None:
    run = commands.add_parser("run", help="judge a back-end or a front-end", description=RUN_ABOUT,
                              epilog=RUN_EXAMPLES,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    add = run.add_argument
    add("scenario", nargs="*", help="id, area, glob of ids, or a .vus file; default: all")
    add("--backend", action="append", metavar="WHAT",
        help="a candidate's name or file, or a command with {socket} (and {dir}) in it; may be "
             "given several times; default: the real ones of `vringer list candidates`")
    add("--frontend", action="append", metavar="WHAT",
        help="the same for front-ends; a command connects to {socket}")
    add("--trigger", action="append", default=[], metavar="NAME=CMD",
        help="how a front-end is made to do what scenarios name, such as stop, cont, reset, quit")
    add("--device", default="", help="device type that a command serves or drives, such as blk")
    add("--connects", action="store_true", help="a back-end that connects instead of listening")
    add("--spec", metavar="EDITION", default="", help="edition to judge by; default: the newest")
    add("--strict", action="store_true", help="a violated `should` makes the run red as well")
    add("--json", metavar="FILE", default="", help="write every verdict to FILE")
    add("--output", metavar="DIR", default="", help="where charts, traces and logs go")
    add("--jobs", type=int, metavar="N",
        help="play N scenarios at a time, beside those that wait; default: three for each "
             "processor, or 1 in each of the workers of -n")
    add("--scale", type=float, default=1.0, metavar="F",
        help="stretches every deadline, for slow machines and sanitizers")
    add("--watchdog", type=float, default=WATCHDOG_SECONDS, help=argparse.SUPPRESS)
    add("-v", "--verbose", action="count", default=0, help="one line a scenario")
    add("-q", "--quiet", action="count", default=0, help="no line a scenario")
    theirs = run.add_argument_group("options of pytest")
    for flags in PYTEST_FLAGS:
        theirs.add_argument(*flags, action="store_true", dest=flags[-1], help="as of pytest")
    for options in PYTEST_VALUES:
        theirs.add_argument(*options, dest=options[-1], metavar="VALUE", help="as of pytest")
    run.set_defaults(action=_run)


def _add_others(commands: argparse._SubParsersAction[_Parser]) -> None:
    lister = commands.add_parser("list", help="list scenarios, clauses, candidates or devices")
    lister.add_argument("what", choices=sorted(listing.LISTS))
    lister.add_argument("--json", action="store_true", help="for programs: a stable interface")
    lister.set_defaults(action=lambda args: listing.show(args.what, args.json))
    explainer = commands.add_parser("explain", help="explain a scenario, a clause or a verdict")
    explainer.add_argument("what", metavar="SCENARIO|CLAUSE|VERDICT")
    explainer.set_defaults(action=lambda args: explain.show(args.what))
    matrix.add(commands)
    qmp.add(commands)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser("vringer", description=ABOUT, epilog=EXAMPLES,
                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _add_run(commands)
    _add_others(commands)
    return top


def _subjects(args: argparse.Namespace) -> list[Subject]:
    """Who is named, each with its version; two of the same name are told apart."""
    wanted = args.backend or ([] if args.frontend else candidates.default())
    subjects = [Subject(what, args.device, args.connects) for what in wanted]
    subjects += [Subject(what, args.device, role="front-end", triggers=args.trigger)
                 for what in args.frontend or ()]
    for trigger in args.trigger:
        if "=" not in trigger or not args.frontend:
            raise UsageError(f"--trigger {trigger}", "it goes with --frontend: --trigger stop='...'")
    if not subjects:
        raise UsageError("there is no candidate to run", "name one: --backend 'CMD {socket}'")
    names = []
    for subject in subjects:
        candidate = subject.candidate()
        _check_device(candidate.device)
        names.append(candidate.name)
        if not candidates.missing(candidate):
            subject.version = candidates.version(candidate)
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two subjects are called {name!r}",
                             "judge them in runs of their own")
    return subjects


def _check_device(device: str) -> None:
    known = listing.devices()
    if known and device not in known:
        raise UsageError(f"no device type is called {device!r}", f"known are {', '.join(known)}")


def _files(names: Sequence[str]) -> list[str]:
    """Scenario files that the words of the command line mean."""
    suite = scenarios.load() if any(not name.endswith(".vus") for name in names) else []
    found: list[Path] = []
    for name in names:
        chosen = [s.path for s in scenarios.find(suite, name)]
        chosen = chosen or [p.resolve() for p in (Path(name), Path(f"{name}.vus")) if p.exists()]
        if not chosen:
            raise UsageError(f"no scenario is called {name!r}", explain.nearest(
                name, [s.id for s in suite]) or "`vringer list scenarios` has all")
        found += chosen
    return [str(path) for path in dict.fromkeys(found)]


def _check_keywords(expression: str) -> None:
    """What pytest says of -k itself is lost in its workers."""
    from _pytest.mark.expression import Expression, ParseError

    try:
        Expression.compile(expression)
    except ParseError as error:
        raise UsageError(f"-k {expression!r}: {error}") from error


def _jobs(args: argparse.Namespace) -> int:
    """How many scenarios this process plays at a time; whoever asks for workers gets just those."""
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least one has to be played at a time")
    if getattr(args, "--numprocesses") is None:
        return args.jobs or 3 * len(os.sched_getaffinity(0))
    if args.jobs:
        raise UsageError("--jobs and -n both say how many are played at a time", "give one of them")
    return 1


def _plan(args: argparse.Namespace, words: list[str]) -> Plan:
    registry = clauses.load()
    spec = args.spec or registry.newest
    registry.parse_edition(spec)
    if not args.scale > 0:
        raise UsageError(f"--scale {args.scale:g}: deadlines cannot be stretched by that")
    kept = [*(("--spec", args.spec) if args.spec else ()), *(("--strict",) if args.strict else ()),
            *(("--scale", f"{args.scale:g}") if args.scale != 1 else ())]
    where = [*args.scenario, *(("--output", args.output) if args.output else ())]
    return Plan(_subjects(args), spec, str(Path(args.output).resolve() if args.output
                                           else places.default_output()),
                args.strict, args.scale, args.watchdog, _jobs(args),
                str(Path(args.json).resolve()) if args.json else "",
                shlex.join(["vringer", *words]), kept, where)


def _pytest_words(args: argparse.Namespace, plan: Plan, rest: list[str]) -> list[str]:
    """The command line for pytest. Its settings are ours, whatever project we are called in."""
    settings = Path(__file__).with_name("run.ini")
    words = ["-p", "vringer.plugin", "-p", "no:tmpdir", "--capture=no", "-c", str(settings),
             "--rootdir", str(places.SCENARIOS), "--noconftest", "-o",
             f"cache_dir={plan.output}/.cache", "--vringer", plan.to_json()]
    values = vars(args)
    words += ["-p", "xdist"] if values["--numprocesses"] is not None else []
    files = _files(args.scenario) or [str(places.SCENARIOS)]
    for *_, name in PYTEST_FLAGS:
        words += [name] if values[name] else []
    for *_, name in PYTEST_VALUES:
        words += [name, values[name]] if values[name] is not None else []
    words += ["-v"] * args.verbose + ["-q"] * args.quiet
    return [*words, *rest, *files]


def _run(args: argparse.Namespace) -> int:
    with ThreadPoolExecutor(2) as beside:  # both wait for other programs
        beside.submit(scenarios.suite)
        planned = beside.submit(_plan, args, args.words)
        import pytest  # takes a while, and only running needs it

    from vringer.report import EXIT_BASE

    _check_keywords(getattr(args, "-k") or "")
    plan = planned.result()
    os.environ["VRINGER_PLAYER"] = str(places.player())  # for the workers
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # whatever else is installed has no say
    code = int(pytest.main(_pytest_words(args, plan, args.rest)))
    if code >= EXIT_BASE:
        return code - EXIT_BASE
    return {pytest.ExitCode.OK: Exit.EXPECTED, pytest.ExitCode.USAGE_ERROR: Exit.USAGE,
            pytest.ExitCode.NO_TESTS_COLLECTED: Exit.NOTHING_RAN,
            }.get(pytest.ExitCode(code), Exit.HARNESS)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _find_own_programs() -> None:
    """Candidates may be programs of ours, which lie beside the player."""
    os.environ["PATH"] = f"{places.player().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    argv = list(sys.argv[1:] if words is None else words)
    cut = argv.index("--") if "--" in argv else len(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        args = parser().parse_args(argv[:cut])
        if not hasattr(args, "action"):
            parser().print_help()
            return Exit.USAGE
        args.words, args.rest = argv, argv[cut + 1:]
        _find_own_programs()
        return int(args.action(args))
    except UsageError as error:
        print(f"vringer: {error}", file=sys.stderr)
        return Exit.USAGE
    except (HarnessError, Trouble) as error:
        print(f"vringer: {error}", file=sys.stderr)
        return Exit.HARNESS
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.HARNESS
    except KeyboardInterrupt:
        print("vringer: interrupted", file=sys.stderr)
        return Exit.HARNESS
