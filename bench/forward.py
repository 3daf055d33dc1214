# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The cost of forwarding on an office's path (test/netns/office.py), and at its hub alone.

    b eth0 ------ eth0 a eth1 ------ eth0 z eth1 ------ eth1 c eth0 ------ eth0 d
                     tl..a ========= tl..z ========= tl..c

On the whole path, hosts without a tunnel send through all three nodes. For the hub alone, the two
outer nodes send from their addresses in the tunnel, and the hub forwards.
"""

from contenders import End
from figures import Figure, percentile
from lab import expect
from measure import Flood, PingsBeside, gbits, idle_ping, iperf

PLACES = {"hub": "forwarding hub", "path": "office path"}
LENGTHS = (64, 1392)  # bytes of UDP payload; 1392 fills the tunnel's MTU


def ends(office, place):
    """The source and the destination."""
    if place == "hub":
        return office.x, office.y
    return [End(host, "eth0", office.address(host)) for host in (office.b, office.d)]


def figures():
    for place, name in PLACES.items():
        def one(key, title, unit, more_is_better, sane, place=place, name=name):
            return Figure(f"{place}_{key}", f"{name}: {title}", unit, more_is_better, sane)
        rate, cost, time_ms = (0.01, 1000), (0.001, 1000), (0.005, 10_000)
        yield one("tcp", "TCP, one stream", "Gbit/s", True, rate)
        yield one("tcp_cpu", "TCP, one stream, CPU of the three daemons", "s/Gbit", False, cost)
        yield one("tcp_system", "TCP, one stream, all CPU", "s/Gbit", False, cost)
        yield one("back", "TCP, one stream, other direction", "Gbit/s", True, rate)
        yield one("tcp8", "TCP, 8 streams", "Gbit/s", True, rate)
        yield one("tcp8_cpu", "TCP, 8 streams, CPU of the three daemons", "s/Gbit", False, cost)
        yield one("back8", "TCP, 8 streams, other direction", "Gbit/s", True, rate)
        for length in LENGTHS:
            title = f"UDP, {length:,} bytes, flood"
            yield one(f"udp{length}", f"{title}, delivered", "1000/s", True, (0.5, 100_000))
            yield one(f"udp{length}_cpu", f"{title}, CPU of the three", "µs/packet", False,
                      (0.01, 10_000))
        yield one("ping", "ping, idle, mean", "ms", False, time_ms)
        yield one("ping_p99", "ping during a TCP stream, p99", "ms", False, time_ms)


def seconds(options, _):
    """Approximate duration for one contender."""
    place = (3 + options.pings * 0.02 + 2 * options.seconds + 3 * options.seconds_more +
             len(LENGTHS) * (options.flood_seconds + 0.4))
    return 4 + len(PLACES) * place


def forward(lab, contender, options):
    office, found = contender.office(lab), {}
    office.meet()
    for place in PLACES:
        samples = {**tcp(office, *ends(office, place), options),
                   **udp(office, *ends(office, place), options)}
        found.update({f"{place}_{key}": value for key, value in samples.items()})
    return found


def tcp(office, source, destination, options):
    daemons = office.devices()
    found = {"ping": idle_ping(source, destination, options.pings)}
    one = iperf(source, destination, options.seconds, daemons=daemons)
    found["tcp"] = gbits(one["sum_received"])
    found["tcp_cpu"], found["tcp_system"] = cost(one, "cpu"), cost(one, "system")
    # A transfer of its own: here 100 pings per second take a tenth of the rate from any contender.
    pings = PingsBeside(source, destination, options.seconds)
    iperf(source, destination, options.seconds)
    found["ping_p99"] = percentile(pings.times_ms(), 0.99)
    more = options.seconds_more
    found["back"] = gbits(iperf(source, destination, more, "--reverse")["sum_received"])
    eight = iperf(source, destination, more, "--parallel", "8", daemons=daemons)
    found["tcp8"] = gbits(eight["sum_received"])
    found["tcp8_cpu"] = cost(eight, "cpu")
    back8 = iperf(source, destination, more, "--parallel", "8", "--reverse")
    found["back8"] = gbits(back8["sum_received"])
    return found


def cost(transfer, whose):
    """CPU seconds per gigabit."""
    expect(transfer[whose] > 0, "enough arrives to measure its cost")
    return transfer[whose] * 1e9 / (8 * transfer["sum_received"]["bytes"])


def udp(office, source, destination, options):
    flood, found = Flood(source, destination, options.flood, office.devices()), {}
    for length in LENGTHS:
        counts = flood.send(length, 0, options.flood_seconds)
        expect(counts["received"] > 1, "datagrams arrive")
        found[f"udp{length}"] = counts["received"] * 1e6 / counts["span_ns"]
        found[f"udp{length}_cpu"] = counts["cpu"] * 1e6 / counts["received"]
    flood.end()
    return found
