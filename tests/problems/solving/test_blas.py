import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import scipy.linalg  # noqa: F401  # its BLAS is counted from the start
from threadpoolctl import threadpool_info, threadpool_limits

from lpbench.problems.solving.blas import one_blas_thread


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def limit(threads: int) -> None:
    """Set by a thread that ends: threadpoolctl would ignore all others while it lives."""
    setter = threading.Thread(target=threadpool_limits, args=(threads, "blas"))
    setter.start()
    setter.join()


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """With one, which one processor or the environment asks for, nothing could be seen."""
    before = max(blas_threads())
    limit(2)
    yield
    limit(before)


def test_blas_threads_are_restored_after_overlapping_uses() -> None:
    before = blas_threads()
    assert max(before) == 2
    inside = threading.Barrier(3)

    def use() -> list[int]:
        with one_blas_thread():
            inside.wait(timeout=60)
            with one_blas_thread():
                return blas_threads()

    with ThreadPoolExecutor(3) as pool:
        seen = [future.result() for future in [pool.submit(use) for _ in range(3)]]
    assert all(count == 1 for counts in seen for count in counts)
    assert blas_threads() == before


def test_the_first_to_enter_need_not_be_the_last_to_leave() -> None:
    before = blas_threads()
    entered, left = threading.Event(), threading.Event()

    def second() -> list[int]:
        with one_blas_thread():
            entered.set()
            left.wait(timeout=60)
            time.sleep(0.01)
            return blas_threads()

    with ThreadPoolExecutor(1) as pool:
        with one_blas_thread():
            future = pool.submit(second)
            entered.wait(timeout=60)
        left.set()
        assert set(future.result()) == {1}
    assert blas_threads() == before


def test_an_error_restores_too_and_others_may_set_limits_afterwards() -> None:
    before = blas_threads()
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == before
    with threadpool_limits(1, user_api="blas"):
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
