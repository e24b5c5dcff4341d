"""Compiled kernels from plain Python functions. Beside it those know numba that speak LLVM's language.

Everything here is an ordinary Python function until the first kernel is called, so importing lpbench costs no
numba, and `kernel.py_func(...)` runs the whole algorithm in pure Python, helpers included: the tests compare the
two bit for bit.

`kernel`   an outermost function: compiled on its first call, cached on disk, and it releases the GIL.
`inner`    a function that kernels call.      `apart`   one that they do not hold a copy of at each call.
`generic`  a function that picks its case by the type of its first argument (a NamedTuple that holds a format, a
           rounding, a loss ...), in Python by a dict and inside kernels by the same dict.
"""

import fcntl
import functools
import gc
import hashlib
import inspect
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from lpbench import registry
from lpbench.arithmetic import inlining
from lpbench.terminal import note

PACKAGE = Path(__file__).parents[1]  # lpbench itself
PATIENCE = 120.0  # seconds that a process waits for another one to compile what it needs itself

_lock = threading.RLock()
_waiting: list[Callable[[], None]] = []  # what to tell numba once it is imported
_loaded = False
_compiling = 0  # kernels that are being compiled, those inside others counted
_queued = 0  # threads that wait for another process to compile their kernel
_claims = threading.local()  # .any: whether this thread has a claim
_keyed: list[Path] | None = None  # the plug-ins that numba's cache folder stands for
_plain: ContextVar[bool] = ContextVar("plain", default=False)  # whether kernels run in Python, see in_python


def wanted_folder() -> Path:
    """Where compiled kernels and optima should be kept: $LPBENCH_CACHE, else `lpbench` in the user's cache folder."""
    named = os.environ.get("LPBENCH_CACHE")
    if named:
        return Path(named).absolute()
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    with suppress(RuntimeError):  # a user who has no home
        base = base.expanduser()
    return (base if base.is_absolute() else Path("/nonexistent")) / "lpbench"


def cache_folder() -> Path:
    """Where compiled kernels and optima are kept: `wanted_folder`, where that can be written.

    Else (a container's user without a home, a read-only one) a folder of this user among the temporary files, with one
    note on stderr. Never raises: a cache is a help, and no condition.
    """
    return _usable(wanted_folder())


def kernel_folder() -> Path:
    """Where the kernels of these sources are kept: in numba's own folder where $NUMBA_CACHE_DIR alone names one."""
    numbas = None if os.environ.get("LPBENCH_CACHE") else os.environ.get("NUMBA_CACHE_DIR")
    base = _usable(Path(numbas).absolute() / "lpbench") if numbas else cache_folder()
    return base / "kernels" / source_digest()


def unwritable(folder: Path) -> str | None:
    """Why nothing can be written in `folder`, which is made if need be; None where something can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"something")
    except OSError as error:
        return error.strerror or str(error)
    return None


@functools.cache
def _usable(wanted: Path) -> Path:
    reason = unwritable(wanted)
    if reason is None:
        return wanted
    instead = _temporary()
    where = "nothing is cached" if instead is None else f"the cache is {instead} instead"
    note(f"note: {wanted} cannot be written ({reason}): {where}; LPBENCH_CACHE names another folder")
    return instead or wanted


def _temporary() -> Path | None:
    """This user's folder among the temporary files, the same one in every process; None where there can be none.

    What numba reads from there is executed: a folder that another user may have laid there is not used.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"lpbench-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if ours and unwritable(folder) is None else None


def source_digest() -> str:
    """Hash of lpbench's own sources and of the user's plug-ins: what kernels and optima on disk are kept under.

    numba's cache looks only at the file of the outermost kernel: after an edit in a format it would serve the old
    numbers. An optimum knows nothing of the solver that found it. Keeping each version of the sources in a folder of
    its own closes both traps.
    """
    digest = _own_sources().copy()
    for source in registry.plugin_files():
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return str(digest.hexdigest()[:16])


@functools.cache
def _own_sources() -> Any:
    # Once: a process that runs on while its sources are edited must not file its results under the new ones.
    digest = hashlib.sha256()
    for source in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(source.relative_to(PACKAGE)).encode())
        digest.update(source.read_bytes())
    return digest


def when_loaded(action: Callable[[], None]) -> None:
    """Decorator: call `action` once numba is imported: now, if it is."""
    with _lock:
        if _loaded:
            action()
        else:
            _waiting.append(action)


def load() -> Any:
    """Import numba, point its cache at our folder, and register everything that was declared so far."""
    global _loaded, _keyed
    with _lock:
        import numba

        if _keyed != registry.plugin_files():
            _keyed = registry.plugin_files()
            numba.config.CACHE_DIR = str(kernel_folder())
        if not _loaded:
            _loaded = True
            _listen()
            for action in _waiting:
                action()
            _waiting.clear()
        return numba


def compiling() -> bool:
    """Whether a thread of this process compiles a kernel, for which the others may wait, or waits for one itself."""
    return _compiling > 0 or _queued > 0


def _listen() -> None:
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: Any) -> None:
            _count(1)

        def on_end(self, event: Any) -> None:
            _count(-1)

    event.register("numba:compile", Listener())


def _count(change: int) -> None:
    global _compiling
    _compiling += change  # under numba's lock: one thread compiles at a time


@contextmanager
def _claimed(what: str) -> Iterator[None]:
    """The claim to compile `what`, which one process at a time has: the next one finds it in the cache.

    Never raises: where files cannot be locked, each process compiles for itself.
    """
    global _queued
    with ExitStack() as stack:
        with suppress(OSError):
            folder = kernel_folder() / "claims"
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(folder / hashlib.sha256(what.encode()).hexdigest()[:16], "wb"))
            with _lock:
                _queued += 1
            try:
                end = time.monotonic() + PATIENCE
                while not _locked(file) and time.monotonic() < end:
                    time.sleep(0.02)
            finally:
                with _lock:
                    _queued -= 1
        _claims.any = True
        try:
            yield
        finally:
            _claims.any = False


def _locked(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collector: numba makes millions of objects and keeps them, and it would go over all of them."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _by_one_process(compile: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    """numba's `compile` of a kernel, for one process at a time of those that share the cache."""

    def alone(signature: Any) -> Any:
        if getattr(_claims, "any", False):  # a kernel in a kernel: who waits for a claim must not have one
            return compile(signature)
        with _claimed(f"{name}{signature}"), _uncollected():
            return compile(signature)

    return alone


def inner(function: Callable) -> Callable:
    """A function that kernels call; in Python it stays what it is."""

    @when_loaded
    def register() -> None:
        from numba.extending import register_jitable

        register_jitable(**inlining.options())(function)

    return function


def apart(function: Callable) -> Callable:
    """An `inner` function that is large and called from many places: it stands in each kernel once."""

    @when_loaded
    def register() -> None:
        from numba.extending import register_jitable

        register_jitable(**inlining.options(copied=False))(function)

    return function


def generic(stub: Callable) -> Any:
    """A function whose case is chosen by the type of its first argument; `@stub.case(Type)` adds one.

    A case for `object` serves every type that has none of its own.
    """
    cases: dict[type, Callable] = {}

    @functools.wraps(stub)
    def call(*args: Any) -> Any:
        kind = type(args[0])
        return (cases.get(kind) or cases.get(object) or cases[kind])(*args)

    def pick(*args: Any) -> Callable | None:
        return cases.get(getattr(args[0], "instance_class", object)) or cases.get(object)

    pick.__signature__ = inspect.signature(stub)  # type: ignore[attr-defined]

    @when_loaded
    def register() -> None:
        from numba.extending import overload

        overload(call, strict=False, jit_options=inlining.options())(pick)

    def case(kind: type) -> Callable[[Callable], Callable]:
        def keep(function: Callable) -> Callable:
            cases[kind] = function
            return function

        return keep

    call.case = case  # type: ignore[attr-defined]
    return call


def scalar(of_arrays: Callable, **by_dtype: Callable) -> Callable:
    """`of_arrays` in Python (numpy or torch, any shape); inside kernels the scalar version of the same operation.

    by_dtype: `any=f`, or `float32=f, float64=g` where the bits of the number matter.
    """

    def pick(*args: Any) -> Callable:
        return by_dtype.get("any") or by_dtype[str(args[0])]

    pick.__signature__ = inspect.signature(of_arrays)  # type: ignore[attr-defined]

    @when_loaded
    def register() -> None:
        from numba.extending import overload

        overload(of_arrays, strict=False, jit_options=inlining.options())(pick)

    return of_arrays


@contextmanager
def in_python() -> Iterator[None]:
    """Kernels that this thread calls within run in pure Python: a thousand times slower, the same bits, no compiler."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def in_python_now() -> bool:
    """Whether kernels that this thread calls run in pure Python."""
    return _plain.get()


class Kernel:
    """A compiled function; `.py_func` is the same in pure Python."""

    def __init__(self, function: Callable):
        self.py_func = function
        self._compiled: tuple[list[Path], Any] | None = None
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        return self.py_func(*args) if _plain.get() else self.compiled(*args)

    @property
    def compiled(self) -> Any:
        """numba's dispatcher; a new one, with a cache folder of its own, when plug-ins have come since.

        numba's index names the types of all cases in one file, and a process without the plug-in cannot read those of
        a plug-in: they must never get into the folder of lpbench alone.
        """
        plugins = registry.plugin_files()
        if self._compiled is None or self._compiled[0] != plugins:
            with _lock:
                if self._compiled is None or self._compiled[0] != plugins:
                    numba = load()
                    dispatcher = numba.njit(nogil=True, error_model="numpy", _nrt=False)(self.py_func)
                    with suppress(RuntimeError):  # no folder can be written: compiled in every process
                        dispatcher._cache = _kernel_cache()(self.py_func)
                        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}"
                        dispatcher.compile = _by_one_process(dispatcher.compile, name)
                    self._compiled = plugins, dispatcher
        return self._compiled[1]


@functools.cache
def _kernel_cache() -> Any:
    """numba's cache on disk as a help: what it cannot read is compiled anew and overwritten, what it cannot write not
    kept, with one note. numba's own raises both times, which fails every cell until somebody deletes the folder.
    """
    from numba.core import caching

    class Files(caching.CompileResultCacheImpl):
        # numba's other folders know nothing of `source_digest`: they would serve old numbers.
        _locator_classes = [caching.UserProvidedCacheLocator]  # noqa: RUF012 (as numba declares it)

    class Cache(caching.FunctionCache):
        _impl_class = Files

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # emptied, cut, or of something else: unpickling raises whatever it likes
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                try:
                    super().save_overload(sig, data)
                except OSError:
                    raise
                except Exception:  # the index, which is read before it is written
                    self.flush()
                    super().save_overload(sig, data)
            except Exception as error:
                _say_unkept(getattr(error, "strerror", None) or type(error).__name__)

    return Cache


@functools.cache
def _say_unkept(reason: str) -> None:
    note(f"note: compiled kernels cannot be kept ({reason}): they are compiled in every process")


def kernel(function: Callable) -> Kernel:
    """An outermost function: compiled on first use, cached on disk, GIL released."""
    return Kernel(function)
