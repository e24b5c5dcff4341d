"""`lpbench COMMAND`: finds the commands, runs one, and turns what it raises into one line and an exit code.

A command is one module of `lpbench.commands` with a function `command`; its imports stand inside the
function, so that `lpbench --help` and completion need no numba, torch, pandas or Hydra.
"""

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException

from lpbench import commands, terminal
from lpbench.errors import ExitCode, LpbenchError

# In the order of a first day; commands that are not named follow, by name.
FIRST = [
    "sweep", "plan", "resume", "list", "show", "bounds", "bits", "compare", "baseline", "check", "reproduce", "speed",
    "dashboard", "report", "figure", "export", "annotate", "rename", "delete", "compact", "doctor",
]  # fmt: skip
_COMPLETE = "_LPBENCH_COMPLETE"  # set by the shell while it asks for completions


class Commands(TyperGroup):
    """The modules of `lpbench.commands`, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands."""
        names = {m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_")}
        return [name for name in FIRST if name in names] + sorted(names - set(FIRST))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called `cmd_name`, None if there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = _module(cmd_name)
        single = _typer()
        single.command(cmd_name, no_args_is_help=getattr(module, "NEEDS_ARGUMENTS", False))(module.command)
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each with the start of its docstring; to build its options would cost as much as all the rest of a help."""
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names))
        found = [TyperCommand(name, help=_module(name).command.__doc__) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl([(one.name, one.get_short_help_str(width)) for one in found])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer's, with our suggestion for a name that is close."""
        names: dict[str, Any] = dict.fromkeys(self.list_commands(ctx))  # all that suggestions read
        self.commands = names
        return super().resolve_command(ctx, args)


def _module(command: str) -> Any:
    return importlib.import_module(f"lpbench.commands.{command}")


def _typer(**settings: Any) -> typer.Typer:
    # Without rich in the help, which would cost 0.1 s, and without its tracebacks: errors are one line here.
    return typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **settings
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        from lpbench.provenance import version

        print(f"lpbench {version()}")
        raise typer.Exit


def application() -> Any:
    """The command line as an object that can be called with arguments."""
    app = _typer(cls=Commands, no_args_is_help=True)
    app._add_completion = True

    @app.callback()
    def lpbench(
        show_version: bool = typer.Option(
            False, "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ) -> None:
        """How many bits does this training need? Low-precision training, measured in resumable sweeps.

        lpbench sweep precision=4,6,8 format=fixed,float 'seed=range(3)' --name first
        """

    return typer.main.get_command(app)


def main() -> None:
    """The console script."""
    _open_streams()
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            terminal.hush(stream)  # or the interpreter's own flush would say so, and change the code
    if "numpy" not in sys.modules:
        # What is left goes with the process: to look for circles in it takes a tenth of `lpbench --help`. Not after a
        # command that computed: compiled modules come with it, and say of objects that are never freed that they leak.
        gc.freeze()
    if any(thread.name.startswith("lpbench-") for thread in threading.enumerate()):
        # A worker that compiles or solves cannot be stopped, and would hold up the end of the interpreter.
        os._exit(code)
    sys.exit(code)


def _open_streams() -> None:
    """Open what the caller closed (`2>&-`), on nothing: or the next file takes its number, and gets what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115 (until the end)
            setattr(sys, name, stream)


def run(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name; returns the exit code. What goes wrong is one line on stderr."""
    warnings.showwarning = _show_warning
    verbose = "--verbose" in arguments
    try:
        code = _call(list(arguments))
        if code == ExitCode.INTERRUPTED:  # Ctrl-C that typer took
            return _report("interrupted", ExitCode.INTERRUPTED, verbose=False)
        with terminal.until_closed():
            return code
    except TyperException as error:
        return _usage(error)
    except LpbenchError as error:
        return _report(str(error), error.exit_code, verbose)
    except (Abort, KeyboardInterrupt):
        return _report("interrupted", ExitCode.INTERRUPTED, verbose)
    except BrokenPipeError:
        return _no_reader()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _report(f"{where}{error.strerror or error}", ExitCode.ERROR, verbose)
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and _COMPLETE in os.environ:
            raise  # how typer ends a completion
        if isinstance(error, SystemExit) and _is_behind(BrokenPipeError, error):
            return _no_reader()  # which typer makes an exit with 1
        if _is_behind(
            KeyboardInterrupt, error
        ):  # as modules that are being imported make it an error of their own
            return _report("interrupted", ExitCode.INTERRUPTED, verbose)
        text = f"internal error: {type(error).__name__}: {error}"
        return _report(
            text if verbose else f"{text} (--verbose shows the traceback)", ExitCode.ERROR, verbose
        )


def _call(arguments: list[str]) -> int:
    app: Callable[..., Any] = application()
    if os.environ.get(_COMPLETE) == "complete_bash":
        return _complete_bash(app)
    return int(app(arguments, prog_name="lpbench", complete_var=_COMPLETE, standalone_mode=False) or 0)


def _complete_bash(app: Callable[..., Any]) -> int:
    """Completion for bash, which takes `format=fl` for three words and replaces the last one alone."""
    words = os.environ.get("COMP_WORDS", "").split(" ")
    last = int(os.environ.get("COMP_CWORD", len(words) - 1))
    words = words[: last + 1]
    text = " ".join(words).replace(" = ", "=").replace(" =", "=")
    joined = text.split(" ")
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = text, str(len(joined) - 1)
    key, equals, _ = joined[-1].rpartition("=")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        app([], prog_name="lpbench", complete_var=_COMPLETE, standalone_mode=False)
    for line in printed.getvalue().splitlines():
        print(line.removeprefix(key + equals))
    return 0


def _usage(error: TyperException) -> int:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return 0 if context is not None and context.parent is None else error.exit_code
    command = context.command_path if context is not None else "lpbench"
    terminal.error(f"{message.rstrip('.')}. See: {command} --help")
    return error.exit_code


def _report(text: str, code: int, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exc()
    terminal.error(text)
    return code


def _no_reader() -> int:
    """The reader of stdout has seen enough (`| head`): no error, and none at the interpreter's own flush either."""
    terminal.hush(sys.stdout)
    return 0


def _is_behind(kind: type[BaseException], error: BaseException | None) -> bool:
    """Whether an error of `kind` led to `error`."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None


def _show_warning(
    message: Any, category: type, filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    terminal.warning(str(message))


if __name__ == "__main__":
    main()
