"""wrk, by which servers are asked."""

import math
import re

from processes import need, run, skip

UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


def ask(server, connections, seconds, cpu):
    """A sample of a server under so many connections. wrk knows whole seconds alone."""
    whole = max(1, math.ceil(seconds))
    text, more = run([need("wrk", "tools/setup --bench"), "-t1", f"-c{connections}", f"-d{whole}s",
                      "--latency", f"http://127.0.0.1:{server.port}/"], cpu, whole, server)
    if re.search(r"Non-2xx|Socket errors", text):
        skip("wrk met errors: " + re.search(r".*(Non-2xx|Socket errors).*", text).group().strip())
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
    sample = {"requests": int(requests), "seconds": float(took),
              "per_second": float(re.search(r"Requests/sec: +([\d.]+)", text).group(1)),
              "cpu_us_per_req": more["server_seconds"] * 1e6 / max(1, int(requests)), **more}
    for part, value, unit in re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s|m)$", text, re.MULTILINE):
        sample[f"p{part}_us"] = float(value) * UNITS[unit]
    return sample
