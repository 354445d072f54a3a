"""What the server counts, in the text format that Prometheus reads (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ganforge.web.serve.jobs import Jobs
from ganforge.web.worker import Worker

TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
PASSES = (1, 2, 4, 8, 16, 32)


class Histogram:
    """Counts of values up to each bound."""

    def __init__(self, bounds: tuple[float, ...]):
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float, times: int = 1) -> None:
        place = next((k for k, bound in enumerate(self.bounds) if value <= bound), len(self.bounds))
        self.counts[place] += times
        self.sum += value * times

    def lines(self, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        total = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            yield sample(f"{name}_bucket", {**labels, "le": bound}, total)
        yield sample(f"{name}_sum", labels, self.sum)
        yield sample(f"{name}_count", labels, total)


class Metrics:
    """Requests by route, method and status; and their seconds by route."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[str, Histogram] = {}

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests[route, method, status] += 1
        self.seconds.setdefault(route, Histogram(SECONDS)).add(seconds)

    def text(self, worker: Worker, jobs: Jobs) -> str:
        """All metrics, with those of the worker and of the jobs."""
        done, passes = worker.statistics, Histogram(PASSES)
        for size, times in done.sizes.items():
            passes.add(size, times)
        asked = [
            sample("ganforge_requests_total", {"route": route, "method": method, "status": str(status)}, count)
            for (route, method, status), count in sorted(self.requests.items())
        ]
        took = [line for r, h in self.seconds.items() for line in h.lines("ganforge_request_seconds", {"route": r})]
        families = [
            ("ganforge_requests_total", "counter", "Requests that were answered.", asked),
            ("ganforge_request_seconds", "histogram", "Seconds from a request to the end of its answer.", took),
            ("ganforge_pass_requests", "histogram", "Requests that were computed in one pass through the nets.",
             passes.lines("ganforge_pass_requests", {})),
            *(
                (name, kind, text, [sample(name, {}, value)])
                for name, kind, text, value in (
                    ("ganforge_ready", "gauge", "1 if all models are loaded.", int(worker.ready)),
                    ("ganforge_waiting", "gauge", "Requests without an answer.", worker.waiting),
                    ("ganforge_waiting_limit", "gauge", "Requests that may wait; more are refused.",
                     worker.most_waiting),
                    ("ganforge_refused_total", "counter", "Requests refused since too many waited.", done.refused),
                    ("ganforge_late_total", "counter", "Requests whose deadline passed.", done.late),
                    ("ganforge_worker_starts_total", "counter", "Starts of a worker process.", done.started),
                    ("ganforge_worker_renewed_total", "counter", "Workers replaced for the memory they used.",
                     done.renewed),
                    ("ganforge_jobs", "gauge", "Jobs that are not done.", len(jobs)),
                    ("ganforge_jobs_kept_bytes", "gauge", "Bytes of the results of jobs.", jobs.nbytes),
                    ("ganforge_worker_resident_bytes", "gauge", "Memory of the worker process.", done.resident),
                )
            ),
        ]  # fmt: skip
        return "".join(line + "\n" for family in families for line in described(*family))


def described(name: str, kind: str, text: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    yield from lines


def sample(name: str, labels: Mapping[str, str], value: float) -> str:
    """One line: `name{label="value"} 3`."""
    inner = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value:.10g}" if inner else f"{name} {value:.10g}"


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
